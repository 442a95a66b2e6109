"""One call of the driver for SQL files: a door, a connection through it, one part of a file."""

import queue
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from migrations_portal.adapters.sandboxed_tool import Listeners, Statements
from migrations_portal.adapters.socket_door import SocketDoor
from migrations_portal.adapters.socket_door_upstream import Transport
from migrations_portal.execution.ports import ChildResult, SentStatement, SessionLimits
from migrations_portal.execution.reins import current
from migrations_portal.targets.ports import Endpoint

HISTORY_TABLE = "wco_schema_history"
CREATE = f"""
CREATE TABLE IF NOT EXISTS {HISTORY_TABLE} (
  name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""
IS_THERE = f"SELECT to_regclass('{HISTORY_TABLE}') IS NOT NULL AS there"
NAMES = f"SELECT name FROM {HISTORY_TABLE} ORDER BY name"  # noqa: S608 (a constant)
ADD = f"INSERT INTO {HISTORY_TABLE} (name, sha256) VALUES (%s, %s)"  # noqa: S608
REMOVE = f"DELETE FROM {HISTORY_TABLE} WHERE name = %s"  # noqa: S608


@dataclass(frozen=True)
class Part:
    """One direction of a file."""

    statements: tuple[str, ...]
    one_transaction: bool


class SqlCall:
    """One call: a door, a connection through it, and what was said."""

    def __init__(
        self,
        *,
        folder: Path,
        endpoint: Endpoint,
        limits: SessionLimits,
        transport: Transport,
        listeners: Listeners,
    ) -> None:
        """Take where it happens and who is told."""
        self._folder = folder
        self._endpoint = endpoint
        self._limits = limits
        self._listeners = listeners
        self._started = time.monotonic()
        self._sent: queue.SimpleQueue[SentStatement] = queue.SimpleQueue()
        self._statements = Statements()
        self._lines: list[str] = []
        self._exit_code = 1
        self._timed_out = False
        self._stopped = False
        self.door = SocketDoor(
            folder=folder,
            endpoint=endpoint,
            limits=limits,
            on_statement=self._sent.put,
            bookkeeping=HISTORY_TABLE,
            transport=transport,
        )

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host=str(self._folder),
            port=5432,
            user=self._endpoint.user,
            dbname=self._endpoint.database,
            autocommit=True,
        )

    def run(
        self, part: Part, *, name: str, applied: bool, record: tuple[str, tuple[str, ...]]
    ) -> None:
        timer = threading.Timer(self._limits.wall_clock_ms / 1000, self._cut)
        timer.start()
        try:
            with current().attached(self), self.connect() as connection:
                connection.execute(CREATE.encode())
                if (name in applied_names(connection)) is not applied:
                    self._say(
                        f"{name} is {'not' if applied else 'already'} applied; nothing was run"
                    )
                    return
                self._execute(connection, part, record)
                self._exit_code = 0
        except psycopg.Error as failed:
            self._say(f"ERROR {failed.sqlstate or ''}: {said(failed)}")
        finally:
            timer.cancel()
            timer.join()

    def _execute(
        self,
        connection: "psycopg.Connection[tuple[object, ...]]",
        part: Part,
        record: tuple[str, tuple[str, ...]],
    ) -> None:
        if part.one_transaction:
            connection.execute("BEGIN")
        for text in part.statements:
            done = connection.execute(text.encode())
            self._say(done.statusmessage or "")
        connection.execute(record[0].encode(), record[1])
        if part.one_transaction:
            connection.execute("COMMIT")

    def pause(self) -> None:
        self.door.pause()

    def resume(self) -> None:
        self.door.resume()

    def stop(self) -> None:
        self._stopped = True
        self.door.stop()

    def tell_statements(self) -> None:
        while not self._sent.empty():
            sent = self._sent.get()
            self._statements.add(sent)
            self._listeners.on_statement(sent)

    def result(self) -> ChildResult:
        return ChildResult(
            exit_code=self._exit_code,
            output="\n".join(self._lines),
            seconds=time.monotonic() - self._started,
            statements=self._statements.kept(),
            committed_writes=self.door.committed,
            sqlstate=self.door.sqlstate,
            outcome_unknown=self.door.unknown,
            timed_out=self._timed_out,
            stopped=self._stopped,
            rows_committed=self.door.rows_committed,
            rows_tried=self.door.rows_tried,
            statements_left_out=self._statements.left_out(),
        )

    def _say(self, line: str) -> None:
        self.tell_statements()
        self._lines.append(line)
        self._listeners.on_output(line)

    def _cut(self) -> None:
        self._timed_out = True
        self.door.cut()


def applied_names(connection: "psycopg.Connection[tuple[object, ...]]") -> tuple[str, ...]:
    there = connection.execute(IS_THERE.encode()).fetchone()
    if there is None or not there[0]:
        return ()
    return tuple(str(row[0]) for row in connection.execute(NAMES.encode()).fetchall())


def said(failed: psycopg.Error) -> str:
    """Return the server's sentence; the door has taken the values out of it already."""
    return failed.diag.message_primary or str(failed).strip().splitlines()[0]
