"""Roles and empty databases in the embedded PostgreSQL: least rights, as a company would give them."""

import psycopg
from psycopg import sql

from migrations_portal.adapters.portal_roles import Login, ensure_role, executing, set_up

OWNER = "wco_owner"
"""Owns the portal's own database and migrates it."""
APP = "wco_app"
"""What web and workers sign in as: owns nothing, and cannot change the ledger."""
MIGRATOR = "wco_migrator"
"""Owns the target databases; no superuser."""
PORTAL = "wco"
"""The portal's own database."""
LOGGING_PARAMETERS = (
    "log_statement",
    "log_parameter_max_length",
    "log_parameter_max_length_on_error",
)
"""What the migrator may set in its own sessions: the spec asks for query logging during PHI migrations."""


def ensure_roles(
    admin_dsn: str, *, owner: Login, app: Login, migrator: Login, for_tests: bool = False
) -> None:
    """Create the three roles and the portal's database, or give existing ones these passwords and rights.

    Tests make databases of their own as the owner.
    """
    set_up(admin_dsn, database=PORTAL, owner=owner, app=app)
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        if for_tests:
            ensure_role(executing(admin), owner, may_create_databases=True)
        # Restore drills and the restore beside the damaged database make databases on the target's server.
        ensure_role(executing(admin), migrator, may_create_databases=True)
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
