"""Makes one of the customer's databases: `python -m migrations_portal.demo.make_target DATABASE STUDENTS PROJECT`.

A process of its own, so that both databases are made at the same time and a Ctrl-C ends it whole. The superuser's connection
comes by the environment variable WCO_DEMO_ADMIN_DSN, the owner's password by WCO_DEMO_MIGRATOR_PASSWORD.
"""

import os
import sys
from pathlib import Path

import psycopg

from migrations_portal.demo.customer.customer import Node, create_target
from migrations_portal.demo.databases import MIGRATOR, drop_database

ADMIN_DSN = "WCO_DEMO_ADMIN_DSN"
PASSWORD = "WCO_DEMO_MIGRATOR_PASSWORD"  # noqa: S105  # a variable's name


def main(database: str, students: str, project: str) -> None:
    """Make the database unless it is there; raise `SchemaNotCreated`."""
    admin = os.environ[ADMIN_DSN]
    if _has_no_mark(admin, database):
        # Killed between CREATE DATABASE and its first comment: an empty one, which nobody has ever seen.
        drop_database(admin, name=database)
    create_target(
        admin,
        database=database,
        owner=MIGRATOR,
        owner_password=os.environ[PASSWORD],
        project=Path(project),
        node=Node.from_wheel(),
        students=int(students),
    )


def _has_no_mark(admin_dsn: str, database: str) -> bool:
    query = (
        "SELECT shobj_description(oid, 'pg_database') IS NULL FROM pg_database WHERE datname = %s"
    )
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        found = admin.execute(query, [database]).fetchone()
    return bool(found and found[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
