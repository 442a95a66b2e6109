"""The two roles of the portal's own database: the owner, who migrates, and the app, which may not touch the ledger (L2).

The app appends to the ledger through the function `audit_append` only: it holds no INSERT, UPDATE, DELETE or TRUNCATE on the
table, owns nothing, and so can switch off no trigger. Web and workers know the app's login alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

READ_ONLY_TABLES = ("audit_entry", "django_migrations")
"""The app reads them and has no other right on them."""
APPEND_ONLY_TABLES: dict[str, tuple[str, ...]] = {
    "audit_checkpoint": ("stored_at", "version_id", "problem"),
}
"""The app adds rows to them and changes only the columns named here. It deletes none."""
ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT"

Execute = Callable[[Any, Sequence[Any]], list[tuple[Any, ...]]]
"""Runs one statement and returns its rows, none for a statement that has none."""


@dataclass(frozen=True)
class Login:
    """A role that can sign in, and its password."""

    name: str
    password: str = field(repr=False)


def ensure_role(execute: Execute, login: Login, *, may_create_databases: bool = False) -> None:
    """Create the role, or give an existing one this password and no more than these rights."""
    exists = execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login.name])
    rights = f"{ATTRIBUTES} {'CREATEDB' if may_create_databases else 'NOCREATEDB'}"
    statement = sql.SQL(f"{'ALTER' if exists else 'CREATE'} ROLE {{}} {rights} PASSWORD {{}}")
    execute(statement.format(sql.Identifier(login.name), sql.Literal(login.password)), [])


def set_up(
    admin_dsn: str, *, database: str, owner: Login, app: Login, may_create_databases: bool = False
) -> bool:
    """Make both roles and the database, with the owner as owner of all that is in it; say whether the database is new.

    Harmless when done again. An older installation, whose app role owned everything, is handed over to the owner.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        run = executing(admin)
        for login in (owner, app):
            ensure_role(run, login, may_create_databases=may_create_databases)
        created = _ensure_database(run, name=database, owner=owner.name)
    with psycopg.connect(admin_dsn, dbname=database, autocommit=True) as inside:
        run = executing(inside)
        _hand_over(run, database=database, owner=owner.name, app=app.name)
        grant_rights(run, app=app.name)
    return created


def executing(connection: psycopg.Connection[Any]) -> Execute:
    """Return how statements are run on a plain connection."""

    def execute(statement: Any, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        cursor = connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []

    return execute


def _ensure_database(execute: Execute, *, name: str, owner: str) -> bool:
    if execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]):
        return False
    names = {"name": sql.Identifier(name), "owner": sql.Identifier(owner)}
    create = "CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'"
    execute(sql.SQL(create).format(**names), [])
    return True


def _hand_over(execute: Execute, *, database: str, owner: str, app: str) -> None:
    """Make `owner` the owner of the database, of its schema and of whatever the app's role owned; let the app connect only."""
    names = {
        "database": sql.Identifier(database),
        "owner": sql.Identifier(owner),
        "app": sql.Identifier(app),
    }
    for statement in (
        "GRANT {owner} TO CURRENT_USER",
        "GRANT {app} TO CURRENT_USER",
        "REASSIGN OWNED BY {app} TO {owner}",
        "ALTER DATABASE {database} OWNER TO {owner}",
        "ALTER SCHEMA public OWNER TO {owner}",
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO {app}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO {app}",
    ):
        execute(sql.SQL(statement).format(**names), [])


def grant_rights(execute: Execute, *, app: str) -> None:
    """Give the app its rights on every table that is there, and none but these. Done after each migration of the schema."""
    role = sql.Identifier(app)
    for statement in (
        "GRANT USAGE ON SCHEMA public TO {}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}",
    ):
        execute(sql.SQL(statement).format(role), [])
    for table, columns in _guarded(execute):
        narrowed = [
            sql.SQL("REVOKE ALL ON {table} FROM {role}"),
            sql.SQL("GRANT SELECT ON {table} TO {role}"),
        ]
        if columns:
            narrowed.append(sql.SQL("GRANT INSERT, UPDATE ({columns}) ON {table} TO {role}"))
        named = {
            "table": sql.Identifier(table),
            "role": role,
            "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        }
        for each in narrowed:
            execute(each.format(**named), [])
    if execute("SELECT 1 FROM pg_proc WHERE proname = 'audit_append'", []):
        execute(sql.SQL("REVOKE ALL ON FUNCTION audit_append(text) FROM PUBLIC"), [])
        execute(sql.SQL("GRANT EXECUTE ON FUNCTION audit_append(text) TO {}").format(role), [])


def _guarded(execute: Execute) -> list[tuple[str, tuple[str, ...]]]:
    """Return the guarded tables that exist, with the columns that the app may change."""
    wanted = {**dict.fromkeys(READ_ONLY_TABLES, ()), **APPEND_ONLY_TABLES}
    there = execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname = ANY(%s)",
        [list(wanted)],
    )
    return [(table, wanted[table]) for (table,) in there]
