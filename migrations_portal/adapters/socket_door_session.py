"""One connection through the door: its opening, and the relay in both directions. Runs in the door's thread."""

import asyncio
import contextlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from migrations_portal.adapters import pg_wire, socket_door_upstream
from migrations_portal.adapters.pg_wire_errors import without_values
from migrations_portal.adapters.silence import Silence
from migrations_portal.adapters.socket_door_patience import Patience
from migrations_portal.adapters.socket_door_record import (
    READ_FROM_CHILD,
    READ_FROM_SERVER,
    SessionRecord,
)
from migrations_portal.adapters.socket_door_upstream import DoorClosed, Transport, Upstream
from migrations_portal.execution.ports import SessionLimits
from migrations_portal.targets.ports import Endpoint

CHUNK = 64 * 1024
UNASKED = frozenset({b"N", b"S", b"A"})
"""Notices, changed parameters and notifications."""
LISTEN_SECONDS = 1.0
"""How often a session looks whether its server has fallen silent."""
LINGERS = 20
"""How often a session is held up for a look at its locks; together a tenth of a second, so that no figure is spoilt."""
LAST_ANSWER_SECONDS = 10.0
"""How long the server is given to answer a cancelled statement before its outcome counts as unknown."""


@dataclass
class Gate:
    """Whether statements may pass: shared by all sessions of a door."""

    trusted: Callable[[], bool]
    """Whether the run is still ours; asked before anything is passed to the server (X4)."""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    cutting: bool = False
    """Once true, nothing more is passed to the server, held back or not."""

    @property
    def shut(self) -> bool:
        """Whether nothing may pass any more."""
        return self.cutting or not self.trusted()


@dataclass(frozen=True)
class Opening:
    """What a new connection wants: a session with these parameters, or to cancel the session with this key."""

    parameters: dict[str, str]
    cancel_key: tuple[int, bytes] | None = None


async def opening(reader: asyncio.StreamReader, child: asyncio.StreamWriter) -> Opening:
    """Read up to the startup packet; encryption is declined, as the socket leads nowhere else."""
    while True:
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        if not 8 <= length <= pg_wire.LONGEST_STARTUP:
            raise pg_wire.ProtocolBroken("no startup packet")
        body = await reader.readexactly(length - 4)
        (code,) = struct.unpack_from("!i", body)
        if code in {pg_wire.SSL_REQUEST, pg_wire.GSSENC_REQUEST}:
            child.write(b"N")
        elif code == pg_wire.CANCEL_REQUEST and length >= 16:
            (pid,) = struct.unpack_from("!i", body, 4)
            return Opening({}, (pid, body[8:]))
        elif code >> 16 == 3:
            parameters = pg_wire.startup_parameters(body[4:])
            if code != pg_wire.PROTOCOL_3_0:
                strange = [name for name in parameters if name.startswith("_pq_.")]
                child.write(pg_wire.negotiate_protocol_version(strange))
            return Opening(parameters)
        else:
            raise pg_wire.ProtocolBroken(f"{code} opens no session of PostgreSQL 3")


class DoorSession:
    """A connection of the child joined to its own session on the target."""

    def __init__(
        self,
        *,
        record: SessionRecord,
        upstream: Upstream,
        child: asyncio.StreamWriter,
        gate: Gate,
        endpoint: Endpoint,
        transport: Transport,
        limits: SessionLimits,
    ) -> None:
        """Take both ends, the record to keep, and where a cancel request has to go."""
        self.record = record
        self.troubles: list[str] = []
        self.ended = asyncio.Event()
        self._upstream = upstream
        self._child = child
        self._gate = gate
        self._endpoint = endpoint
        self._transport = transport
        self._child_gone = False
        self._silence = Silence(endpoint.host, endpoint.port)
        self._linger_seconds = limits.linger_ms / 1000
        self._lingers = LINGERS if limits.linger_ms else 0
        self._own_question: asyncio.Future[None] | None = None
        self._patience = Patience(record=record, ask=self._ask, limits=limits)

    @property
    def key(self) -> tuple[int, bytes]:
        """What a cancel request must show."""
        return self._upstream.pid, self._upstream.secret

    def drop_child(self) -> None:
        """End the child's side at once."""
        self._child.transport.abort()

    async def cancel(self) -> None:
        """Ask the server to cancel what the session does."""
        try:
            await socket_door_upstream.cancel(
                self._endpoint,
                pid=self._upstream.pid,
                secret=self._upstream.secret,
                transport=self._transport,
            )
        except DoorClosed as closed:
            self.troubles.append(str(closed))

    async def relay(self, reader: asyncio.StreamReader) -> None:
        """Pass messages both ways until one side ends; then learn the outcome of what was running."""
        ready = pg_wire.message(b"R", struct.pack("!i", 0)) + self._upstream.greeting
        self._child.write(ready)
        back = asyncio.create_task(self._from_server())
        forth = asyncio.create_task(self._from_child(reader))
        listening = asyncio.create_task(self._listen())
        try:
            await asyncio.wait({back, forth}, return_when=asyncio.FIRST_COMPLETED)
            if not back.done():
                self._child_gone = True
                await self._last_answers(back)
        finally:
            for task in (back, forth, listening):
                task.cancel()
            ends = await asyncio.gather(back, forth, listening, return_exceptions=True)
            broken = [end for end in ends if isinstance(end, Exception)]
            self.troubles += [f"a connection broke: {end}" for end in broken]
            self.record.lost()
            self.ended.set()
            await socket_door_upstream.shut(self._upstream.writer)

    async def _listen(self) -> None:
        """End the session when its server owes an answer and does not answer a new connection either."""
        while True:
            await asyncio.sleep(LISTEN_SECONDS)
            if not self.record.busy and self._own_question is None:
                self._silence.heard()
            elif await asyncio.to_thread(self._silence.is_lost):
                self.troubles.append("the target does not answer any more")
                self._upstream.writer.transport.abort()
                return

    async def _last_answers(self, back: "asyncio.Task[None]") -> None:
        with contextlib.suppress(OSError):  # the server's end shows in `back`
            if self.record.busy:
                await self.cancel()
            # CopyFail ends a COPY in the middle and is ignored otherwise. No Sync: it would commit.
            fail = pg_wire.message(b"f", b"the client is gone\0")
            self._upstream.writer.write(fail + pg_wire.message(b"X", b""))
            await self._upstream.writer.drain()
        await asyncio.wait({back}, timeout=LAST_ANSWER_SECONDS)

    async def _ask(self, sql: str) -> None:
        """Ask the server something of our own while it owes the child nothing; the child is not told."""
        self._own_question = asyncio.get_running_loop().create_future()
        self._upstream.writer.write(pg_wire.message(b"Q", sql.encode() + b"\0"))
        await self._own_question

    def _answers_us(self, piece: pg_wire.Piece) -> bool:
        """Say whether a message belongs to our own question; what the server says unasked never does."""
        if self._own_question is None or piece.kind in UNASKED:
            return False
        if piece.kind == b"E":
            self.troubles.append("the limits of a statement could not be set")
        if piece.kind == b"Z":
            self._own_question.set_result(None)
            self._own_question = None
        return True

    async def _from_child(self, reader: asyncio.StreamReader) -> None:
        framer = pg_wire.Framer(read=READ_FROM_CHILD)
        while data := await _said(reader):
            if not (self.record.outcome.block or self.record.busy):
                await self._gate.open.wait()  # never inside a transaction: its locks would be held
            if self._gate.shut:
                return
            if self._lingers and self.record.outcome.block:
                self._lingers -= 1
                await asyncio.sleep(self._linger_seconds)
            for piece in framer.feed(data):
                await self._patience.before(piece)
                self.record.sent(piece.kind, piece.head)
                if piece.kind != b"X":  # the door says good-bye itself, when it has the answers
                    self._upstream.writer.write(piece.raw)
            await self._upstream.writer.drain()

    async def _from_server(self) -> None:
        framer = pg_wire.Framer(read=READ_FROM_SERVER)
        rewritten = False
        while data := await self._upstream.reader.read(CHUNK):
            self._silence.heard()
            for piece in framer.feed(data):
                if self._answers_us(piece):
                    continue
                if piece.kind:
                    self.record.answered(piece.kind, piece.head)
                    rewritten = piece.kind in {b"E", b"N"}
                    self._tell(_without_values(piece) if rewritten else piece.raw)
                elif not rewritten:  # the rest of a long error is left out
                    self._tell(piece.raw)
            if not self._child_gone:
                with contextlib.suppress(OSError):  # the child's end shows in `_from_child`
                    await self._child.drain()

    def _tell(self, raw: bytes) -> None:
        if not self._child_gone and not self._child.is_closing():
            self._child.write(raw)


async def _said(reader: asyncio.StreamReader) -> bytes:
    """Return what the child sent; empty at its end, also when it left without reading our last words."""
    try:
        return await reader.read(CHUNK)
    except ConnectionResetError:
        return b""


def _without_values(piece: pg_wire.Piece) -> bytes:
    told = without_values(pg_wire.fields(piece.head))
    return pg_wire.message(piece.kind, pg_wire.error_body(told))
