"""Whole databases: made, dropped, and swapped by name (spec, "Catastrophic Recovery"; design section 2)."""

from typing import Any

import psycopg
from psycopg import errors, sql

from migrations_portal.targets.ports import QueryFailed

Connection = psycopg.Connection[dict[str, Any]]

SWAP_ATTEMPTS = 5
"""Each attempt waits up to five seconds (inside PostgreSQL) for ended sessions to be gone."""

DROP_ATTEMPTS = 5

_EXISTS = "SELECT 1 AS found FROM pg_catalog.pg_database WHERE datname = %s"

_LOCALE = """
SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype,
       to_jsonb(d) ->> 'datlocprovider' AS provider,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
  FROM pg_catalog.pg_database d WHERE datname = %s
"""
"""Provider and locale got their columns in PostgreSQL 15 and 17; `to_jsonb` reads them where they are."""

_END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
 WHERE datname = ANY(%s) AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

_FACTS = """
SELECT pg_get_userbyid(datdba) AS owner, datconnlimit, shobj_description(oid, 'pg_database') AS comment
  FROM pg_catalog.pg_database WHERE datname = %s
"""

_GRANTS = """
SELECT a.privilege_type AS privilege, a.is_grantable AS grantable,
       CASE a.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END AS grantee
  FROM pg_catalog.pg_database d,
       LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
 WHERE d.datname = %s ORDER BY 3 NULLS FIRST, 1
"""

_SETTINGS = """
SELECT split_part(setting, '=', 1) AS name, substr(setting, strpos(setting, '=') + 1) AS value,
       CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END AS role
  FROM pg_catalog.pg_db_role_setting s
  JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, LATERAL unnest(s.setconfig) AS setting
 WHERE d.datname = %s
"""

_LIST_SETTINGS = frozenset(
    {"search_path", "session_preload_libraries", "local_preload_libraries", "temp_tablespaces"}
)
"""Settings whose value is a list; it is stored with its own quotes and must not be quoted again."""


def create(connection: Connection, *, name: str, like: str) -> None:
    """Create the empty database `name` from template0."""
    parts = [sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))]
    if like:
        parts += _locale_options(connection, like=like)
    connection.execute(sql.SQL(" ").join(parts))


def _locale_options(connection: Connection, *, like: str) -> list[sql.Composed]:
    row = connection.execute(_LOCALE, [like]).fetchone()
    if row is None:
        raise QueryFailed(
            f"There is no database {like} to take encoding and locale from.", sqlstate="3D000"
        )
    options = {
        "ENCODING": row["encoding"],
        "LC_COLLATE": row["datcollate"],
        "LC_CTYPE": row["datctype"],
    }
    if row["provider"] == "i":
        options |= {"LOCALE_PROVIDER": "icu", "ICU_LOCALE": row["locale"]}
    elif row["provider"] == "b":
        options |= {"LOCALE_PROVIDER": "builtin", "BUILTIN_LOCALE": row["locale"]}
    return [
        sql.SQL("{} {}").format(sql.SQL(word), sql.Literal(value))
        for word, value in options.items()
    ]


def drop(connection: Connection, *, name: str) -> None:
    """Drop the database `name` if it is there, with the sessions on it.

    Not `WITH (FORCE)`: that refuses a role that is no superuser while an autovacuum worker is in the database, as one is soon
    after a restore. The plain command sends such workers away itself, and waits up to five seconds for them.
    """
    for attempt in range(1, DROP_ATTEMPTS + 1):
        connection.execute(_END_SESSIONS, [[name]])
        try:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        except errors.ObjectInUse:
            if attempt == DROP_ATTEMPTS:
                raise
        else:
            return


def swap(connection: Connection, *, live: str, replacement: str, keep_as: str) -> None:
    """Rename `live` to `keep_as` and `replacement` to `live`, in one transaction.

    1. Check the three names.
    2. Give the replacement the owner, rights and settings that the live database has.
    3. End the sessions on both and rename both. New sessions wait meanwhile for the lock that RENAME holds; one that
       slips in before it makes RENAME give up after five seconds, and we try again.
    """
    _check_names(connection, live=live, replacement=replacement, keep_as=keep_as)
    for attempt in range(1, SWAP_ATTEMPTS + 1):
        try:
            with connection.transaction():
                _copy_rights(connection, source=live, target=replacement)
                connection.execute(_END_SESSIONS, [[live, replacement]])
                _rename(connection, live, keep_as)
                _rename(connection, replacement, live)
        except errors.ObjectInUse:
            if attempt == SWAP_ATTEMPTS:
                raise QueryFailed(
                    f"Sessions on {live} or {replacement} would not end, so the databases keep their names. "
                    "Stop the application (or its pooler) for a moment and try again.",
                    sqlstate="55006",
                ) from None
        else:
            return


def _check_names(connection: Connection, *, live: str, replacement: str, keep_as: str) -> None:
    for name, expected in ((live, True), (replacement, True), (keep_as, False)):
        found = connection.execute(_EXISTS, [name]).fetchone() is not None
        if found != expected:
            said = "is not there" if expected else "is there already"
            raise QueryFailed(
                f"The database {name} {said}, so nothing was renamed.",
                sqlstate="3D000" if expected else "42P04",
            )


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
    )


def _copy_rights(connection: Connection, *, source: str, target: str) -> None:
    """A dump of one database holds neither its owner, nor rights on it, nor its comment, nor its ALTER DATABASE … SET."""
    facts = connection.execute(_FACTS, [source]).fetchone()
    if facts is None:
        raise QueryFailed(
            f"The database {source} is not there, so nothing was renamed.", sqlstate="3D000"
        )
    name = sql.Identifier(target)
    comment = sql.Literal(facts["comment"])
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, comment))
    connection.execute(
        sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(facts["owner"]))
    )
    connection.execute(
        sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(
            name, sql.Literal(facts["datconnlimit"])
        )
    )
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for row in connection.execute(_GRANTS, [source]).fetchall():
        connection.execute(_grant(name, row))
    for row in connection.execute(_SETTINGS, [source]).fetchall():
        connection.execute(_set(name, row))


def _grant(database: sql.Identifier, row: dict[str, Any]) -> sql.Composed:
    grantee = sql.Identifier(row["grantee"]) if row["grantee"] else sql.SQL("PUBLIC")
    option = sql.SQL(" WITH GRANT OPTION" if row["grantable"] else "")
    privilege = sql.SQL(row["privilege"])  # a keyword out of the catalogue
    return sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(privilege, database, grantee, option)


def _set(database: sql.Identifier, row: dict[str, Any]) -> sql.Composed:
    value = sql.SQL(row["value"]) if row["name"] in _LIST_SETTINGS else sql.Literal(row["value"])
    name = sql.Identifier(*row["name"].split("."))
    if row["role"]:
        return sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} TO {}").format(
            sql.Identifier(row["role"]), database, name, value
        )
    return sql.SQL("ALTER DATABASE {} SET {} TO {}").format(database, name, value)
