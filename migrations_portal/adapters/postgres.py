"""Targets through psycopg: sessions with limits of their own."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from migrations_portal.adapters import postgres_databases
from migrations_portal.adapters.postgres_errors import lost, query_failed, unreachable
from migrations_portal.adapters.silence import ListeningConnection
from migrations_portal.targets.ports import Endpoint, TargetSession

CONNECT_SECONDS = 5
LOCK_TIMEOUT_MS = 10_000
"""Our own sessions only read, so they hold nobody up while they wait; still they do not wait for ever."""

_CHECK_CLIENT = """
SELECT set_config(name, '500', false) FROM pg_settings WHERE name = 'client_connection_check_interval'
"""
"""X7: the server notices within half a second that we are dead. The setting is there from PostgreSQL 14 on."""


class PostgresSession:
    """A `TargetSession` on a connection in autocommit."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]], endpoint: Endpoint) -> None:
        """Speak over `connection`; `endpoint` is for the sentences."""
        self._connection = connection
        self._endpoint = endpoint

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run exactly one statement. A percent sign in it is written `%%`, with and without parameters."""
        return self._run(sql.encode(), params)

    def run_script(self, text: str) -> None:
        """Run the text in one go, as one implicit transaction; percent signs stand for themselves."""
        try:
            self._connection.execute(text.encode())
        except psycopg.Error as error:
            raise query_failed(error) from None

    def count(self, schema: str, table: str) -> int:
        """Count the rows of a table exactly."""
        query = sql.SQL("SELECT count(*) AS n FROM {}").format(sql.Identifier(schema, table))
        return int(self._run(query)[0]["n"])

    def hold_snapshot(self) -> str:
        """Begin a read-only transaction that sees one instant, and return its name for others to share it."""
        self._run(b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return str(self._run(b"SELECT pg_export_snapshot() AS id")[0]["id"])

    def release_snapshot(self) -> None:
        """End the transaction; it only read, so there is nothing to commit."""
        self._run(b"ROLLBACK")

    def try_lock(self, key: int) -> bool:
        """Take the advisory lock `key` if it is free."""
        return bool(
            self._run(b"SELECT pg_try_advisory_lock(%s::bigint) AS taken", [key])[0]["taken"]
        )

    def _run(
        self, query: bytes | sql.Composed, params: Sequence[Any] | None = None
    ) -> list[dict[str, Any]]:
        # `prepare` makes psycopg use the extended protocol, in which a second statement is an error.
        try:
            cursor = self._connection.execute(query, params, prepare=True)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            if self._connection.broken or self._connection.closed:
                raise lost(self._endpoint) from None
            raise query_failed(error) from None


@contextmanager
def connected(
    endpoint: Endpoint, *, application_name: str, statement_timeout_ms: int
) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """Open a connection in autocommit with our limits on it; raise `TargetUnreachable`."""
    settings = {
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": LOCK_TIMEOUT_MS,
        "timezone": "UTC",
        "datestyle": "ISO",
        "tcp_keepalives_idle": 10,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
    }
    try:
        connection = ListeningConnection[dict[str, Any]].connect(
            host=endpoint.host,
            port=endpoint.port,
            dbname=endpoint.database,
            user=endpoint.user,
            password=endpoint.password,
            application_name=application_name,
            connect_timeout=CONNECT_SECONDS,
            sslmode="prefer",
            client_encoding="UTF8",
            keepalives_idle=10,
            tcp_user_timeout=15_000,
            options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
            autocommit=True,
            row_factory=dict_row,
        )
    except psycopg.Error as error:
        raise unreachable(
            error, endpoint
        ) from None  # libpq's text may hold more than we want to show
    try:
        connection.prepared_max = (
            0  # a kept plan breaks when a migration changes the table under it
        )
        connection.execute(_CHECK_CLIENT)
        yield connection
    finally:
        connection.close()


class PostgresServer:
    """Opens sessions on targets; makes, renames and drops whole databases. Does not know what a target is for."""

    def session(
        self, endpoint: Endpoint, *, application_name: str, statement_timeout_ms: int = 60_000
    ) -> AbstractContextManager[TargetSession]:
        """Open a session that is named and bounded from outside (X7). 0 ms means no limit."""
        return self._session(
            endpoint, application_name=application_name, statement_timeout_ms=statement_timeout_ms
        )

    @contextmanager
    def _session(
        self, endpoint: Endpoint, *, application_name: str, statement_timeout_ms: int
    ) -> Iterator[TargetSession]:
        with connected(
            endpoint, application_name=application_name, statement_timeout_ms=statement_timeout_ms
        ) as connection:
            yield PostgresSession(connection, endpoint)

    def create_database(self, endpoint: Endpoint, *, like: str = "") -> None:
        """Create an empty database; with the encoding and locale of the database `like` of the same server."""
        with self._maintenance(endpoint) as connection:
            postgres_databases.create(connection, name=endpoint.database, like=like)

    def drop_database(self, endpoint: Endpoint) -> None:
        """Drop a database and whatever sessions are on it."""
        with self._maintenance(endpoint) as connection:
            postgres_databases.drop(connection, name=endpoint.database)

    def swap_databases(self, live: Endpoint, *, replacement: str, keep_as: str) -> None:
        """Put `replacement` in the place of `live`, with its owner, rights and settings; both or neither."""
        with self._maintenance(live) as connection:
            postgres_databases.swap(
                connection, live=live.database, replacement=replacement, keep_as=keep_as
            )

    @contextmanager
    def _maintenance(self, endpoint: Endpoint) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """Connect to the server's own database `postgres`; a database cannot be renamed or dropped from inside."""
        with connected(
            endpoint.on("postgres"), application_name="wcops-databases", statement_timeout_ms=0
        ) as connection:
            try:
                yield connection
            except psycopg.Error as error:
                if connection.broken or connection.closed:
                    raise lost(endpoint) from None
                raise query_failed(error) from None
