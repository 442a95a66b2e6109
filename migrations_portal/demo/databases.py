"""Roles and empty databases in the embedded PostgreSQL: least rights, as a company would give them."""

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

APP = "wco_app"
"""Owns the portal's own database, nothing else."""
MIGRATOR = "wco_migrator"
"""Owns the target databases; no superuser."""
PORTAL = "wco"
"""The portal's own database."""
LOGGING_PARAMETERS = ("log_statement", "log_min_duration_statement", "log_parameter_max_length")
"""What the migrator may set in its own sessions: the spec asks for query logging during PHI migrations."""


@dataclass(frozen=True)
class Login:
    """A role that can sign in, and its password."""

    name: str
    password: str = field(repr=False)


def ensure_roles(admin_dsn: str, *, app: Login, migrator: Login, for_tests: bool = False) -> None:
    """Create both roles, or give existing ones these passwords and rights. Tests make databases as the app's role too."""
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        _ensure_role(admin, app, attributes="CREATEDB" if for_tests else "NOCREATEDB")
        # Restore drills and the restore beside the damaged database make databases on the target's server.
        _ensure_role(admin, migrator, attributes="CREATEDB")
        role = sql.Identifier(migrator.name)
        admin.execute(sql.SQL("GRANT pg_monitor, pg_signal_backend TO {}").format(role))
        for parameter in LOGGING_PARAMETERS:
            grant = "GRANT SET ON PARAMETER {} TO {}"
            admin.execute(sql.SQL(grant).format(sql.Identifier(parameter), role))


def ensure_database(admin_dsn: str, *, name: str, owner: str) -> bool:
    """Create the empty database unless it exists; only its owner may connect. Say whether it was created."""
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        exists = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if exists:
            return False
        names = {"name": sql.Identifier(name), "owner": sql.Identifier(owner)}
        create = "CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'"
        admin.execute(sql.SQL(create).format(**names))
        admin.execute(sql.SQL("REVOKE ALL ON DATABASE {name} FROM PUBLIC").format(**names))
        return True


def drop_database(admin_dsn: str, *, name: str) -> None:
    """Drop the database if it exists, ending the sessions on it."""
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        drop = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
        admin.execute(sql.SQL(drop).format(sql.Identifier(name)))


def _ensure_role(
    admin: psycopg.Connection[tuple[object, ...]], login: Login, *, attributes: str
) -> None:
    exists = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login.name]).fetchone()
    verb = "ALTER" if exists else "CREATE"
    rights = f"LOGIN NOSUPERUSER NOCREATEROLE {attributes}"
    statement = sql.SQL(f"{verb} ROLE {{}} {rights} PASSWORD {{}}")
    admin.execute(statement.format(sql.Identifier(login.name), sql.Literal(login.password)))
