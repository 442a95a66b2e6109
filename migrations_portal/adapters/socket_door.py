"""The socket door: the child's only way out, one Unix socket that speaks PostgreSQL and leads to one database.

The child needs no password and finds no other server: the door enters the target itself
(`socket_door_upstream`), under the run's limits. It passes every message on, in order, and on the way

1. notes each statement with its time, tag, SQLSTATE and whether it was committed,
2. strips row values from errors and notices,
3. can pause (hold back new statements) and cut (cancel, roll back, close).

When the child ends with a statement still running, the door cancels it and waits for the server's
answer, so that the outcome is known. Does not decide anything about a run.
"""

import asyncio
import itertools
import os
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType

from migrations_portal.adapters import pg_wire, socket_door_upstream
from migrations_portal.adapters.socket_door_record import Outcome, SessionRecord
from migrations_portal.adapters.socket_door_session import (
    CHUNK,
    LAST_ANSWER_SECONDS,
    DoorSession,
    Gate,
    opening,
)
from migrations_portal.adapters.socket_door_upstream import DoorClosed, Transport, Upstream
from migrations_portal.execution.ports import SentStatement, SessionLimits
from migrations_portal.execution.reins import current
from migrations_portal.execution.row_changes import RowChange, RowTally
from migrations_portal.kernel.errors import Trouble
from migrations_portal.targets.ports import Endpoint

SOCKET_NAME = ".s.PGSQL.5432"
MOST_SESSIONS = 32


class DoorStuck(Trouble):
    """The socket door could not be opened or did not close."""

    code = "door-stuck"


class SocketDoor:
    """A door for one call of a tool, in a thread of its own. A context manager; the facts are complete after it."""

    def __init__(
        self,
        *,
        folder: Path,
        endpoint: Endpoint,
        limits: SessionLimits,
        on_statement: Callable[[SentStatement], None],
        bookkeeping: str,
        transport: Transport = Transport(),  # noqa: B008 (frozen)
    ) -> None:
        """Take the folder for the socket (mode 0700) and who is told of each statement, in the door's thread."""
        self._folder = folder
        self._endpoint = endpoint
        self._limits = limits
        self._on_statement = on_statement
        self._bookkeeping = bookkeeping
        self._transport = transport
        self._born = time.monotonic()
        self._transactions = itertools.count(1)
        self._sessions: list[DoorSession] = []
        self._handlers: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._gate = Gate(trusted=current().trust)
        self._gate.open.set()
        self._troubles: list[str] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="door", daemon=True)
        self._server: asyncio.Server | None = None

    # -- from any thread ---------------------------------------------------------------------

    def __enter__(self) -> "SocketDoor":
        """Open the socket; raises `DoorStuck`."""
        self._thread.start()
        try:
            self._call(self._listen(), seconds=5)
        except (OSError, TimeoutError) as failed:
            self._stop_loop()
            raise DoorStuck(
                f"The socket for the migration tool cannot be made: {failed}."
            ) from failed
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket, wait for the last answers, end the thread; raises `DoorStuck`."""
        try:
            self._call(self._close(), seconds=3 * LAST_ANSWER_SECONDS)
        except TimeoutError as stuck:
            raise DoorStuck("The connection to the target did not close.") from stuck
        finally:
            self._stop_loop()

    def pause(self) -> None:
        """Hold back what the child sends from now on, but in an open transaction; what the server already does goes on."""
        self._loop.call_soon_threadsafe(self._gate.open.clear)

    def resume(self) -> None:
        """Let held-back statements go."""
        self._loop.call_soon_threadsafe(self._gate.open.set)

    def stop(self) -> None:
        """Begin to cut, without waiting for the end; closing the door waits."""
        self._loop.call_soon_threadsafe(self._begin_cut)

    def cut(self) -> None:
        """Cancel what runs, let the server roll open transactions back, and close every session."""
        self._call(self._cut(), seconds=2 * LAST_ANSWER_SECONDS)

    @property
    def committed(self) -> tuple[str, ...]:
        """The committed writes of all sessions, session by session."""
        return tuple(text for one in self._sessions for text in one.record.outcome.committed)

    @property
    def rows_committed(self) -> tuple[RowChange, ...]:
        """The rows that the committed writes of all sessions changed, by table."""
        return self._rows(lambda outcome: outcome.rows_committed)

    @property
    def rows_tried(self) -> tuple[RowChange, ...]:
        """The same with what was rolled back."""
        return self._rows(lambda outcome: outcome.rows_tried)

    def _rows(self, which: Callable[[Outcome], RowTally]) -> tuple[RowChange, ...]:
        total = RowTally()
        for one in self._sessions:
            total.add(which(one.record.outcome).changes())
        return total.changes()

    @property
    def unknown(self) -> bool:
        """Whether a session ended before the server said if a change was committed."""
        return any(one.record.outcome.unknown for one in self._sessions)

    @property
    def sqlstate(self) -> str:
        """The last error that any session met; empty when none."""
        return max((one.record.last_error for one in self._sessions), default=(0.0, ""))[1]

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why the target did not let the child in, or how a connection broke; a sentence each."""
        return (*self._troubles, *(text for one in self._sessions for text in one.troubles))

    # -- in the door's thread ----------------------------------------------------------------

    def _call(self, work: Coroutine[object, object, None], *, seconds: float) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=seconds)

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        # A socket's path may have 107 bytes; the detour over the descriptor is always short.
        folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        try:
            path = f"/proc/self/fd/{folder}/{SOCKET_NAME}"
            self._server = await asyncio.start_unix_server(self._welcome, path=path, limit=CHUNK)
            Path(path).chmod(0o666)
        finally:
            os.close(folder)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._gate.cutting = self._gate.cutting or not self._gate.open.is_set()
        self._gate.open.set()
        if self._handlers:
            _, late = await asyncio.wait(self._handlers, timeout=2 * LAST_ANSWER_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _cut(self) -> None:
        await asyncio.gather(*(one.ended.wait() for one in self._begin_cut()))

    def _begin_cut(self) -> list[DoorSession]:
        running = [one for one in self._sessions if not one.ended.is_set()]
        self._gate.cutting = True
        for one in running:
            one.drop_child()
        self._gate.open.set()
        return running

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a callback of the server always runs in a task)
        self._handlers.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, pg_wire.ProtocolBroken) as broken:
            self._troubles.append(f"a connection did not become a session: {broken}")
        finally:
            self._handlers.discard(task)
            await socket_door_upstream.shut(writer)

    async def _serve(self, reader: asyncio.StreamReader, child: asyncio.StreamWriter) -> None:
        wanted = await opening(reader, child)
        if wanted.cancel_key is not None:
            for one in self._sessions:
                if one.key == wanted.cancel_key:
                    await one.cancel()
            return
        try:
            upstream = await self._enter(wanted.parameters)
        except DoorClosed as closed:
            self._troubles.append(str(closed))
            child.write(pg_wire.fatal(sqlstate=closed.sqlstate, sentence=str(closed)))
            await child.drain()
            return
        session = DoorSession(
            record=self._new_record(),
            upstream=upstream,
            child=child,
            gate=self._gate,
            endpoint=self._endpoint,
            transport=self._transport,
            limits=self._limits,
        )
        self._sessions.append(session)
        await session.relay(reader)

    async def _enter(self, parameters: dict[str, str]) -> Upstream:
        if self._gate.shut:
            raise DoorClosed("the door is closed", sqlstate="57P03")
        if sum(not one.ended.is_set() for one in self._sessions) >= MOST_SESSIONS:
            raise DoorClosed(f"more than {MOST_SESSIONS} sessions", sqlstate="53300")
        return await socket_door_upstream.open_session(
            self._endpoint, limits=self._limits, asked=parameters, transport=self._transport
        )

    def _new_record(self) -> SessionRecord:
        return SessionRecord(
            number=len(self._sessions) + 1,
            clock=lambda: time.monotonic() - self._born,
            on_statement=self._on_statement,
            bookkeeping=self._bookkeeping,
            keep_values=self._limits.keep_values,
            next_transaction=lambda: next(self._transactions),
        )
