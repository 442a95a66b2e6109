"""What a statement really does on a server: its locks, the files it rewrites, the tables it scans.

A statement that may run in a transaction is run in one, its own locks are read from `pg_locks`, and it is rolled back.
A statement that may not is run in a scratch database while other sessions hold ROW EXCLUSIVE on each table, and an old
snapshot: it cannot hurry past, and a watching session sees each lock it holds or waits for. One that works CONCURRENTLY gives
locks back on its way, weak ones too, and takes a stronger one later: it is run once more while every table is held in ACCESS
EXCLUSIVE, where nothing passes, and once while they are held in ACCESS SHARE, where only ACCESS EXCLUSIVE has to wait.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STRENGTH = {
    "AccessShareLock": 1, "RowShareLock": 2, "RowExclusiveLock": 3, "ShareUpdateExclusiveLock": 4,
    "ShareLock": 5, "ShareRowExclusiveLock": 6, "ExclusiveLock": 7, "AccessExclusiveLock": 8,
}  # fmt: skip
TABLES = """
SELECT c.oid, format('%s.%s', n.nspname, c.relname), c.relfilenode, c.relkind, c.relispopulated
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
LOCKS = "SELECT relation, mode FROM pg_locks WHERE pid = %s AND locktype = 'relation' AND relation = ANY(%s)"
SCANS_NOW = "SELECT relid, seq_scan FROM pg_stat_xact_all_tables WHERE relid = ANY(%s)"
SCANS_EVER = "SELECT relid, seq_scan FROM pg_stat_all_tables WHERE relid = ANY(%s)"
COUNTED_SECONDS = 2
"""How late the collector of old servers may count."""
COUNTS_AT_ONCE = 150_000
_WITHOUT_INDEXES = (
    "SET enable_indexscan = off",
    "SET enable_indexonlyscan = off",
    "SET enable_bitmapscan = off",
)
"""Small tables: without this the planner looks up a foreign key's few rows by index."""
_SLOW_AND_PLAIN = (
    *_WITHOUT_INDEXES,
    "SET vacuum_cost_delay = '5ms'",
    "SET vacuum_cost_limit = 1",
)
"""A VACUUM of a small table is over before anybody can look at its locks."""
_PLANNED = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE", "EXPLAIN", "PREPARE", "DECLARE", "TABLE", "COPY (", "DO",
)  # fmt: skip
"""Statements where the planner chooses between an index and the whole table, as it does in real life."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One statement on one server; `error` when the server refused it."""

    locks: dict[str, str]
    rewrites: frozenset[str]
    scans: frozenset[str]
    gone: frozenset[str] = frozenset()
    """Tables that are dropped by the end: what was done to them before cannot be seen."""
    renamed: dict[str, str] = field(default_factory=dict)
    """What tables are called at the end → what they were called before, where that differs."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    oid: int
    name: str
    file: int
    kind: str
    populated: bool


def _refused(error: str) -> Observed:
    return Observed({}, frozenset(), frozenset(), error=error)


def is_planned(statements: Sequence[str]) -> bool:
    """Whether the planner has a say in how the statements read their tables."""
    return any(statement.startswith(_PLANNED) for statement in statements)


def _tables(connection: psycopg.Connection) -> dict[int, _Table]:
    rows = connection.execute(TABLES).fetchall()
    return {row[0]: _Table(*row) for row in rows}


def _strongest(seen: Sequence[tuple[int, str]], tables: dict[int, _Table]) -> dict[str, str]:
    locks: dict[str, str] = {}
    for oid, mode in seen:
        name = tables[oid].name
        if STRENGTH[mode] > STRENGTH.get(locks.get(name, ""), 0):
            locks[name] = mode
    return locks


def _rewritten(before: dict[int, _Table], after: dict[int, _Table]) -> frozenset[str]:
    return frozenset(
        table.name
        for oid, table in before.items()
        if oid in after and after[oid].file != table.file
    )


def observe(connection: psycopg.Connection, *statements: str) -> Observed:
    """Run statements in one transaction that is rolled back, and say what they did together."""
    try:
        before = _tables(connection)
        oids = list(before)
        counted = dict(connection.execute(SCANS_NOW, (oids,)).fetchall())
        if not is_planned(statements):
            for setting in _WITHOUT_INDEXES:
                connection.execute(setting.replace("SET", "SET LOCAL"))
        held = (connection.info.backend_pid, oids)
        seen = []
        for statement in statements:
            if statement.startswith(
                "ROLLBACK TO"
            ):  # It gives back what was locked since the savepoint.
                seen += connection.execute(LOCKS, held).fetchall()
            _execute(connection, statement)
        seen += connection.execute(LOCKS, held).fetchall()
        after = _tables(connection)
        counts = connection.execute(SCANS_NOW, (oids,)).fetchall()
    except psycopg.Error as trouble:
        return _refused(str(trouble).splitlines()[0])
    else:
        scans = frozenset(before[oid].name for oid, n in counts if n > counted.get(oid, 0))
        gone = frozenset(table.name for oid, table in before.items() if oid not in after)
        called = {t.name: before[oid].name for oid, t in after.items() if oid in before}
        renamed = {now: then for now, then in called.items() if now != then}
        return Observed(_strongest(seen, before), _rewritten(before, after), scans, gone, renamed)
    finally:
        connection.rollback()


def _execute(connection: psycopg.Connection, statement: str) -> None:
    if statement.startswith("COPY") and "STDOUT" in statement:
        with connection.cursor() as cursor, cursor.copy(statement.encode()) as rows:
            for _ in rows:
                pass
    else:
        connection.execute(statement.encode())


@contextlib.contextmanager
def scratch_database(dsn: str, *, template: str, name: str = "oracle_scratch") -> Iterator[str]:
    """Clone the fixture's database for a statement that cannot be rolled back."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        admin.execute(drop)
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        try:
            yield psycopg.conninfo.make_conninfo(dsn, dbname=name)
        finally:
            admin.execute(drop)


def holds_for(statement: str) -> tuple[str, ...]:
    """The modes in which other sessions hold the tables, one look after the other."""
    # VACUUM passes over a partitioned table in an instant; the others wait for writers on their way.
    first = "SHARE UPDATE EXCLUSIVE" if statement.startswith("VACUUM") else "ROW EXCLUSIVE"
    others = ("ACCESS EXCLUSIVE", "ACCESS SHARE") if "CONCURRENTLY" in statement else ()
    return (first, *others)


def together(looks: Sequence[Observed]) -> Observed:
    """Join what was seen of one statement in several looks: of the locks on a table, the strongest."""
    first = looks[0]
    locks = dict(first.locks)
    for name, mode in (item for look in looks[1:] for item in look.locks.items()):
        if STRENGTH[mode] > STRENGTH.get(locks.get(name, ""), 0):
            locks[name] = mode
    return replace(first, locks=locks)


def observe_outside(dsn: str, statement: str, hold: str) -> Observed:
    """Run a statement that refuses transactions (in a scratch database) and watch it from a second session."""
    with psycopg.connect(dsn, autocommit=True) as watcher, contextlib.ExitStack() as stack:
        before = _tables(watcher)
        scans_before = dict(watcher.execute(SCANS_EVER, (list(before),)).fetchall())
        blockers = _blockers(dsn, before, stack, hold)
        runner = psycopg.connect(dsn, autocommit=True)
        for setting in _SLOW_AND_PLAIN:
            runner.execute(setting)
        errors: list[str] = []
        thread = threading.Thread(target=_run, args=(runner, statement, errors))
        thread.start()
        seen = _watch(watcher, runner.info.backend_pid, before, blockers, thread)
        thread.join(30)
        with contextlib.suppress(psycopg.Error):
            runner.execute("SELECT pg_stat_force_next_flush()")
        runner.close()
        after = _tables(watcher)
        scans = _scans_since(dsn, before, scans_before)
    if errors:
        return _refused(errors[0])
    return Observed(_strongest(seen, before), _rewritten(before, after), scans)


def _blockers(
    dsn: str, tables: dict[int, _Table], stack: contextlib.ExitStack, mode: str
) -> list[psycopg.Connection]:
    blockers = []
    for table in tables.values():
        if table.kind == "f" or not table.populated:
            continue
        blocker = stack.enter_context(psycopg.connect(dsn))
        name = sql.SQL(".").join(map(sql.Identifier, table.name.split(".")))
        lock = (
            "SELECT FROM {} LIMIT 0"
            if table.kind == "m"
            else f"LOCK TABLE ONLY {{}} IN {mode} MODE"
        )
        blocker.execute(sql.SQL(lock).format(name))
        blockers.append(blocker)
    blockers.append(_old_snapshot(dsn, stack))
    return blockers


def _old_snapshot(dsn: str, stack: contextlib.ExitStack) -> psycopg.Connection:
    """A session whose snapshot CONCURRENTLY waits for at its end, with all its locks."""
    reader = stack.enter_context(psycopg.connect(dsn))
    reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    reader.execute("SELECT 1")
    return reader


def _run(runner: psycopg.Connection, statement: str, errors: list[str]) -> None:
    try:
        runner.execute(statement.encode())
    except psycopg.Error as trouble:
        errors.append(str(trouble).splitlines()[0])


def _watch(
    watcher: psycopg.Connection,
    pid: int,
    tables: dict[int, _Table],
    blockers: list[psycopg.Connection],
    thread: threading.Thread,
) -> list[tuple[int, str]]:
    """Read the runner's locks, and let go of whatever it waits for, one after the other."""
    seen: set[tuple[int, str]] = set()
    oids = list(tables)
    holding = {blocker.info.backend_pid: blocker for blocker in blockers}
    while thread.is_alive():
        [(waits_for,)] = watcher.execute("SELECT pg_blocking_pids(%s)", (pid,)).fetchall()
        seen.update(watcher.execute(LOCKS, (pid, oids)).fetchall())
        for blocking in waits_for:
            if blocking in holding:
                holding.pop(blocking).rollback()
    return list(seen)


def _scans_since(dsn: str, tables: dict[int, _Table], earlier: dict[int, int]) -> frozenset[str]:
    """The tables that were read from end to end since; the server counts them with some delay."""
    until = time.monotonic() + COUNTED_SECONDS
    while True:
        with psycopg.connect(dsn, autocommit=True) as reader:
            now = dict(reader.execute(SCANS_EVER, (list(tables),)).fetchall())
            counted_at_once = reader.info.server_version >= COUNTS_AT_ONCE
        found = frozenset(
            t.name for oid, t in tables.items() if now.get(oid, 0) > earlier.get(oid, 0)
        )
        if found or counted_at_once or time.monotonic() > until:
            return found
        time.sleep(COUNTED_SECONDS / 10)
