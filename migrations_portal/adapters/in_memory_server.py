"""A database server in memory: databases with row counts, a schema text and a history. For tests and nothing else.

It does not know SQL. Queries are answered by `answer`, or by the few standing answers that every run needs.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from migrations_portal.targets.ports import Endpoint, QueryFailed, TargetSession, TargetUnreachable

Rows = list[dict[str, Any]]


@dataclass
class InMemoryDatabase:
    """What one database holds."""

    tables: dict[str, int] = field(default_factory=dict)
    """Row counts by `schema.table`."""
    schema: str = ""
    history: list[str] = field(default_factory=list)

    def copy(self) -> "InMemoryDatabase":
        """Return an independent copy."""
        return InMemoryDatabase(dict(self.tables), self.schema, list(self.history))


Answer = Callable[[InMemoryDatabase, Sequence[Any]], Rows]


def _tables(database: InMemoryDatabase, params: Sequence[Any]) -> Rows:
    del params
    return [
        dict(zip(("schema", "name"), name.split(".", 1), strict=True))
        for name in sorted(database.tables)
    ]


def _facts(database: InMemoryDatabase, params: Sequence[Any]) -> Rows:
    del database, params
    return [
        {
            "version": "17.10",
            "major": 17,
            "size": "1 MB",
            "standby": False,
            "read_only": False,
            "encrypted": True,
        }
    ]


def _listed(database: InMemoryDatabase, params: Sequence[Any]) -> Rows:
    return [
        {**row, "partitioned": False, "estimate": database.tables[f"{row['schema']}.{row['name']}"]}
        for row in _tables(database, params)
    ]


_QUIET = {
    "connections": 1,
    "long_queries": 0,
    "ungranted_locks": 0,
    "blocked_sessions": 0,
    "longest_blocked_ms": 0,
    "blocked_by_us": 0,
}
_COUNTERS = {"at": 0.0, "transactions": 0, "rollbacks": 0, "replication_lag_ms": None}

STANDING: Mapping[str, Answer] = {
    "SET LOCAL": lambda _database, _params: [],
    "-- name: monitoring/activity": lambda _database, _params: [dict(_QUIET)],
    "-- name: monitoring/counters": lambda _database, _params: [dict(_COUNTERS)],
    "-- name: verification/tables": _listed,
    "-- name: verification/": lambda _database, _params: [],
    "AS answers": lambda _database, _params: [{"answers": 1}],
    "AS running": lambda _database, _params: [{"running": 0}],
    "pg_total_relation_size": lambda _database, _params: [],
    "relkind = 'r'": _tables,
    "server_version": _facts,
}
"""Answers to pieces of queries that every run asks."""


class InMemoryServer:
    """A `TargetServer` whose databases are keyed by host, port and name."""

    def __init__(self) -> None:
        """Begin without any database."""
        self.databases: dict[tuple[str, int, str], InMemoryDatabase] = {}
        self.passwords: dict[str, str] = {}
        """Users that may enter; empty lets everybody in."""
        self.locks: dict[tuple[str, int, str, int], int] = {}
        self.sessions: list[str] = []
        """The application name of every session ever opened."""
        self._answers: dict[str, Answer] = {}
        self._numbers = itertools.count(1)

    def add(self, endpoint: Endpoint, database: InMemoryDatabase | None = None) -> InMemoryDatabase:
        """Put a database at `endpoint` and return it."""
        found = database or InMemoryDatabase()
        self.databases[_key(endpoint)] = found
        return found

    def answer(self, containing: str, answer: Answer | Rows) -> None:
        """Answer every query that contains `containing` this way; later answers win."""
        rows = answer if callable(answer) else None
        fixed = [] if callable(answer) else answer
        self._answers[containing] = rows or (
            lambda _database, _params: [dict(row) for row in fixed]
        )

    def find(self, endpoint: Endpoint) -> InMemoryDatabase:
        """Return the database at `endpoint`; raise `TargetUnreachable`."""
        if self.passwords and self.passwords.get(endpoint.user) != endpoint.password:
            raise TargetUnreachable(
                f"The database {endpoint.database} at {endpoint.host}:{endpoint.port} cannot be reached as "
                f"{endpoint.user}. It refused the password. Renew the target's credential."
            )
        try:
            return self.databases[_key(endpoint)]
        except KeyError:
            raise TargetUnreachable(
                f"The database {endpoint.database} at {endpoint.host}:{endpoint.port} cannot be reached as "
                f"{endpoint.user}. Check host, port and credential of the target."
            ) from None

    def session(
        self, endpoint: Endpoint, *, application_name: str, statement_timeout_ms: int = 60_000
    ) -> AbstractContextManager[TargetSession]:
        """Open a session."""
        del statement_timeout_ms
        return self._session(endpoint, application_name=application_name)

    @contextmanager
    def _session(self, endpoint: Endpoint, *, application_name: str) -> Iterator[TargetSession]:
        self.find(endpoint)
        self.sessions.append(application_name)
        number = next(self._numbers)
        try:
            yield InMemorySession(self, endpoint, number=number)
        finally:
            self.locks = {lock: holder for lock, holder in self.locks.items() if holder != number}

    def ask(self, database: InMemoryDatabase, sql: str, params: Sequence[Any]) -> Rows:
        """Answer a query, or fail as a server without the table would."""
        for known in (self._answers, STANDING):
            for containing, answer in known.items():
                if containing in sql:
                    return answer(database, params)
        raise QueryFailed(
            "The in-memory server knows no answer to this query (SQLSTATE 42P01).", sqlstate="42P01"
        )

    def create_database(self, endpoint: Endpoint, *, like: str = "") -> None:
        """Make an empty database."""
        del like
        if _key(endpoint) in self.databases:
            raise QueryFailed(
                f"The database {endpoint.database} is there already (SQLSTATE 42P04).",
                sqlstate="42P04",
            )
        self.add(endpoint)

    def drop_database(self, endpoint: Endpoint) -> None:
        """Drop a database if it is there."""
        self.databases.pop(_key(endpoint), None)

    def swap_databases(self, live: Endpoint, *, replacement: str, keep_as: str) -> None:
        """Exchange the names, or raise and change nothing."""
        new, kept = live.on(replacement), live.on(keep_as)
        for endpoint, expected in ((live, True), (new, True), (kept, False)):
            if (_key(endpoint) in self.databases) != expected:
                said, state = (
                    ("is not there", "3D000") if expected else ("is there already", "42P04")
                )
                raise QueryFailed(
                    f"The database {endpoint.database} {said}, so nothing was renamed.",
                    sqlstate=state,
                )
        self.databases[_key(kept)] = self.databases.pop(_key(live))
        self.databases[_key(live)] = self.databases.pop(_key(new))


class InMemorySession:
    """A session. While a snapshot is held it sees the counts of that instant."""

    def __init__(self, server: InMemoryServer, endpoint: Endpoint, *, number: int) -> None:
        """Speak to the database at `endpoint`."""
        self._server, self._endpoint, self._number = server, endpoint, number
        self._snapshot: InMemoryDatabase | None = None

    @property
    def _database(self) -> InMemoryDatabase:
        return self._snapshot or self._server.find(self._endpoint)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> Rows:
        """Answer from the server's answers."""
        return self._server.ask(self._database, sql, params)

    def run_script(self, text: str) -> None:
        """Keep the text as the schema of the database."""
        self._database.schema += text

    def count(self, schema: str, table: str) -> int:
        """Return the row count of a table."""
        try:
            return self._database.tables[f"{schema}.{table}"]
        except KeyError:
            raise QueryFailed(
                f"There is no table {schema}.{table} (SQLSTATE 42P01).", sqlstate="42P01"
            ) from None

    def hold_snapshot(self) -> str:
        """Keep what is there now."""
        self._snapshot = self._server.find(self._endpoint).copy()
        return f"snapshot-{self._number}"

    def release_snapshot(self) -> None:
        """See the present again."""
        self._snapshot = None

    def try_lock(self, key: int) -> bool:
        """Take the lock unless another session has it."""
        return (
            self._server.locks.setdefault((*_key(self._endpoint), key), self._number)
            == self._number
        )


def _key(endpoint: Endpoint) -> tuple[str, int, str]:
    return endpoint.host, endpoint.port, endpoint.database
