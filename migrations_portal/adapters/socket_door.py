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
import contextlib
import itertools
import os
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from migrations_portal.adapters import pg_wire, socket_door_upstream
from migrations_portal.adapters.pg_wire_errors import without_values
from migrations_portal.adapters.socket_door_record import (
    READ_FROM_CHILD,
    READ_FROM_SERVER,
    SessionRecord,
)
from migrations_portal.adapters.socket_door_upstream import DoorClosed, Transport, Upstream
from migrations_portal.execution.ports import SentStatement, SessionLimits
from migrations_portal.kernel.errors import Trouble
from migrations_portal.targets.ports import Endpoint

SOCKET_NAME = ".s.PGSQL.5432"
MOST_SESSIONS = 32
CHUNK = 64 * 1024
LAST_ANSWER_SECONDS = 10.0
"""How long the server is given to answer a cancelled statement before its outcome counts as unknown."""


class DoorStuck(Trouble):
    """The socket door could not be opened or did not close."""

    code = "door-stuck"


@dataclass
class _Session:
    """One connection of the child and its counterpart on the target."""

    record: SessionRecord
    upstream: Upstream
    child: asyncio.StreamWriter
    child_gone: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


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
        self._sessions: list[_Session] = []
        self._handlers: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._cutting = False
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
        """Hold back what the child sends from now on; what the server already does goes on."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def resume(self) -> None:
        """Let held-back statements go."""
        self._loop.call_soon_threadsafe(self._open.set)

    def cut(self) -> None:
        """Cancel what runs, let the server roll open transactions back, and close every session."""
        self._call(self._cut(), seconds=2 * LAST_ANSWER_SECONDS)

    @property
    def committed(self) -> tuple[str, ...]:
        """The committed writes of all sessions, session by session."""
        return tuple(text for one in self._sessions for text in one.record.outcome.committed)

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
        return tuple(self._troubles)

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
        self._cutting = not self._open.is_set()
        self._open.set()
        if self._handlers:
            _, late = await asyncio.wait(self._handlers, timeout=2 * LAST_ANSWER_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _cut(self) -> None:
        running = [one for one in self._sessions if not one.ended.is_set()]
        self._cutting = True
        for one in running:
            one.child.transport.abort()
        self._open.set()
        await asyncio.gather(*(one.ended.wait() for one in running))

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a callback of the server always runs in a task)
        self._handlers.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, pg_wire.ProtocolBroken) as broken:
            self._troubles.append(f"the child's connection broke: {broken}")
        finally:
            self._handlers.discard(task)
            await socket_door_upstream.shut(writer)

    async def _serve(self, reader: asyncio.StreamReader, child: asyncio.StreamWriter) -> None:
        asked = await self._opening(reader, child)
        if asked is None:
            return
        try:
            if sum(not one.ended.is_set() for one in self._sessions) >= MOST_SESSIONS:
                raise DoorClosed(f"more than {MOST_SESSIONS} sessions", sqlstate="53300")
            upstream = await socket_door_upstream.open_session(
                self._endpoint, limits=self._limits, asked=asked, transport=self._transport
            )
        except DoorClosed as closed:
            self._troubles.append(str(closed))
            child.write(pg_wire.fatal(sqlstate=closed.sqlstate, sentence=str(closed)))
            await child.drain()
            return
        child.write(pg_wire.message(b"R", struct.pack("!i", 0)) + upstream.greeting)
        session = _Session(self._new_record(), upstream, child)
        self._sessions.append(session)
        try:
            await self._relay(session, reader)
        finally:
            session.record.lost()
            session.ended.set()
            await socket_door_upstream.shut(upstream.writer)

    def _new_record(self) -> SessionRecord:
        return SessionRecord(
            number=len(self._sessions) + 1,
            clock=lambda: time.monotonic() - self._born,
            on_statement=self._on_statement,
            bookkeeping=self._bookkeeping,
            keep_values=self._limits.keep_values,
            next_transaction=lambda: next(self._transactions),
        )

    async def _opening(
        self, reader: asyncio.StreamReader, child: asyncio.StreamWriter
    ) -> dict[str, str] | None:
        """Read up to the startup packet and return its parameters; None when the child wanted something else."""
        while True:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            if not 8 <= length <= pg_wire.LONGEST_STARTUP:
                raise pg_wire.ProtocolBroken("no startup packet")
            body = await reader.readexactly(length - 4)
            (code,) = struct.unpack_from("!i", body)
            if code in {pg_wire.SSL_REQUEST, pg_wire.GSSENC_REQUEST}:
                child.write(b"N")
            elif code == pg_wire.CANCEL_REQUEST:
                await self._cancel_for_child(body[4:])
                return None
            elif code >> 16 == 3:
                parameters = pg_wire.startup_parameters(body[4:])
                if code != pg_wire.PROTOCOL_3_0:
                    strange = [name for name in parameters if name.startswith("_pq_.")]
                    child.write(pg_wire.negotiate_protocol_version(strange))
                return parameters
            else:
                raise pg_wire.ProtocolBroken(f"protocol {code >> 16} is not PostgreSQL 3")

    async def _cancel_for_child(self, key: bytes) -> None:
        """Pass a cancel request on, if it is for one of the child's own sessions."""
        (pid,), secret = struct.unpack_from("!i", key), key[4:]
        for one in self._sessions:
            if (one.upstream.pid, one.upstream.secret) == (pid, secret):
                await self._cancel(one)

    async def _cancel(self, session: _Session) -> None:
        try:
            await socket_door_upstream.cancel(
                self._endpoint,
                pid=session.upstream.pid,
                secret=session.upstream.secret,
                transport=self._transport,
            )
        except DoorClosed as closed:
            self._troubles.append(str(closed))

    async def _relay(self, session: _Session, reader: asyncio.StreamReader) -> None:
        back = asyncio.create_task(self._from_server(session))
        forth = asyncio.create_task(self._from_child(session, reader))
        try:
            await asyncio.wait({back, forth}, return_when=asyncio.FIRST_COMPLETED)
            if not back.done():  # the child is gone: learn the outcome of what it left running
                session.child_gone = True
                await self._last_answers(session, back)
        finally:
            for task in (back, forth):
                task.cancel()
            ends = await asyncio.gather(back, forth, return_exceptions=True)
            broken = [end for end in ends if isinstance(end, Exception)]
            self._troubles += [f"a connection broke: {end}" for end in broken]

    async def _last_answers(self, session: _Session, back: "asyncio.Task[None]") -> None:
        with contextlib.suppress(OSError):
            if session.record.busy:
                await self._cancel(session)
            # CopyFail ends a COPY in the middle and is ignored otherwise. No Sync: it would commit.
            fail = pg_wire.message(b"f", b"the client is gone\0")
            session.upstream.writer.write(fail + pg_wire.message(b"X", b""))
            await session.upstream.writer.drain()
        await asyncio.wait({back}, timeout=LAST_ANSWER_SECONDS)

    async def _from_child(self, session: _Session, reader: asyncio.StreamReader) -> None:
        framer = pg_wire.Framer(read=READ_FROM_CHILD)
        while data := await reader.read(CHUNK):
            await self._open.wait()
            if self._cutting:
                return  # what was held back is never sent
            for piece in framer.feed(data):
                session.record.sent(piece.kind, piece.head)
                if piece.kind != b"X":  # the door says good-bye itself, when it has the answers
                    session.upstream.writer.write(piece.raw)
            await session.upstream.writer.drain()

    async def _from_server(self, session: _Session) -> None:
        framer = pg_wire.Framer(read=READ_FROM_SERVER)
        swallowing = False
        while data := await session.upstream.reader.read(CHUNK):
            for piece in framer.feed(data):
                raw = piece.raw
                if piece.kind:
                    session.record.answered(piece.kind, piece.head)
                    swallowing = piece.kind in {b"E", b"N"}
                    if swallowing:
                        told = without_values(pg_wire.fields(piece.head))
                        raw = pg_wire.message(piece.kind, pg_wire.error_body(told))
                elif swallowing:
                    continue
                self._tell_child(session, raw)
            if not session.child_gone:
                with contextlib.suppress(OSError):
                    await session.child.drain()

    @staticmethod
    def _tell_child(session: _Session, raw: bytes) -> None:
        if not session.child_gone and not session.child.is_closing():
            session.child.write(raw)
