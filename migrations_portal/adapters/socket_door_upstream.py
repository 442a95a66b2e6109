"""The door's own connection to the target: TCP, TLS where the server has it, the password, the session's limits.

The password is used here and goes no further (S6).
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from migrations_portal.adapters import pg_wire
from migrations_portal.adapters.pg_wire_auth import (
    MECHANISM,
    Scram,
    ServerNotProven,
    md5_answer,
)
from migrations_portal.execution.ports import SessionLimits
from migrations_portal.targets.ports import Endpoint

CONNECT_SECONDS = 10.0
SOCKET_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000),
)
"""A network that drops packets is noticed within 30 seconds, as by our other sessions."""
LONGEST_OPENING_MESSAGE = 64 * 1024

_FROM_CHILD = frozenset(
    {
        "DateStyle",
        "IntervalStyle",
        "TimeZone",
        "client_min_messages",
        "extra_float_digits",
        "search_path",
        "standard_conforming_strings",
    }
)
"""Startup parameters that the child may choose; who, where and the limits are ours (X7)."""

CHECK_INTERVAL = "client_connection_check_interval"
QUERY_LOG: dict[str, int | str] = {
    "log_statement": "all",
    "log_parameter_max_length": 0,
    "log_parameter_max_length_on_error": 0,
}
"""The spec's "Enable query logging during migration": each statement, but no bound values, which are the patients'."""
"""Since PostgreSQL 14: the backend notices a dead client while a statement runs."""


class DoorClosed(Exception):
    """The target did not let the door in; `sqlstate` as a client expects it."""

    def __init__(self, sentence: str, *, sqlstate: str = "08001") -> None:
        """Take the sentence and the SQLSTATE that the child is told."""
        super().__init__(sentence)
        self.sqlstate = sqlstate


@dataclass(frozen=True)
class Transport:
    """How the door reaches the target."""

    require_tls: bool = False
    ca_file: Path | None = None
    """With it the server's certificate and name are verified."""


@dataclass
class Upstream:
    """An open session on the target."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    encrypted: bool
    greeting: bytes = b""
    """ParameterStatus, BackendKeyData and ReadyForQuery, for the child."""
    pid: int = 0
    secret: bytes = field(default=b"", repr=False)


async def open_session(
    endpoint: Endpoint,
    *,
    limits: SessionLimits,
    asked: Mapping[str, str],
    transport: Transport,
) -> Upstream:
    """Enter the target under the run's limits; raises `DoorClosed`."""
    settings = {
        "lock_timeout": limits.lock_timeout_ms,
        "statement_timeout": limits.statement_timeout_ms,
        "idle_in_transaction_session_timeout": limits.idle_in_transaction_ms,
    }
    wished: dict[str, int | str] = {CHECK_INTERVAL: 500}
    if limits.query_log:
        wished |= QUERY_LOG
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            while True:
                try:
                    return await _enter(endpoint, settings | wished, limits, asked, transport)
                except DoorClosed as refused:
                    _give_up_one(wished, refused)
    except TimeoutError as slow:
        raise DoorClosed(f"the target did not answer within {CONNECT_SECONDS:.0f} s") from slow
    except (OSError, asyncio.IncompleteReadError, ServerNotProven, pg_wire.ProtocolBroken) as lost:
        raise DoorClosed(f"the target cannot be entered: {lost}") from lost


def _give_up_one(wished: dict[str, int | str], refused: DoorClosed) -> None:
    """Leave out what this server does not know (13 has no check interval) or this role may not set.

    The query log goes as a whole: rather none than one with the patients' values. Raises `refused` when it speaks of something else.
    """
    named = next((name for name in wished if f'"{name}"' in str(refused)), None)
    if named is None:
        raise refused
    for name in QUERY_LOG if named in QUERY_LOG else (named,):
        wished.pop(name)


async def cancel(endpoint: Endpoint, *, pid: int, secret: bytes, transport: Transport) -> None:
    """Ask the server to cancel what the backend does now; raises `DoorClosed` when it cannot be asked."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            upstream = await connect(endpoint, transport=transport)
            upstream.writer.write(pg_wire.cancel_request(pid=pid, secret=secret))
            await upstream.writer.drain()
            await upstream.reader.read(1)  # the server closes when it has acted
            await shut(upstream.writer)
    except (OSError, TimeoutError) as lost:
        raise DoorClosed(f"the statement could not be cancelled: {lost}") from lost


async def connect(endpoint: Endpoint, *, transport: Transport) -> Upstream:
    """Open the TCP connection, with TLS when the server offers it."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        for level, option, value in SOCKET_OPTIONS:
            sock.setsockopt(level, option, value)
        await loop.sock_connect(sock, address)
        await loop.sock_sendall(sock, pg_wire.untyped(struct.pack("!i", pg_wire.SSL_REQUEST)))
        # One byte exactly: anything that came with it in clear text must not count as TLS's.
        encrypted = await loop.sock_recv(sock, 1) == b"S"
        if transport.require_tls and not encrypted:
            raise DoorClosed("the target offers no TLS, and this target requires it")
        context = _tls(transport) if encrypted else None
        name = endpoint.host if encrypted else None
        reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name)
    except BaseException:
        sock.close()
        raise
    return Upstream(reader, writer, encrypted)


async def shut(writer: asyncio.StreamWriter) -> None:
    """Close a connection whose other end may be gone already."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _tls(transport: Transport) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=transport.ca_file)
    if transport.ca_file is None:  # like libpq's sslmode=require: encrypted, not verified
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _enter(
    endpoint: Endpoint,
    settings: Mapping[str, int | str],
    limits: SessionLimits,
    asked: Mapping[str, str],
    transport: Transport,
) -> Upstream:
    upstream = await connect(endpoint, transport=transport)
    try:
        chosen = {name: value for name, value in asked.items() if name in _FROM_CHILD}
        parameters = chosen | {
            "user": endpoint.user,
            "database": endpoint.database,
            "application_name": limits.application_name,
            "client_encoding": "UTF8",
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        }
        upstream.writer.write(pg_wire.startup(parameters))
        await _authenticate(upstream, endpoint)
        return await _greeted(upstream)
    except BaseException:
        upstream.writer.close()
        raise


async def _message(upstream: Upstream) -> tuple[bytes, bytes]:
    header = await upstream.reader.readexactly(5)
    (length,) = struct.unpack("!i", header[1:])
    if not 4 <= length <= LONGEST_OPENING_MESSAGE:
        raise pg_wire.ProtocolBroken("this is no PostgreSQL server")
    kind, body = header[:1], await upstream.reader.readexactly(length - 4)
    if kind == b"E":
        error = pg_wire.fields(body)
        raise DoorClosed(error.get("M", ""), sqlstate=error.get("C", "08001"))
    return kind, body


async def _authenticate(upstream: Upstream, endpoint: Endpoint) -> None:
    scram = Scram(password=endpoint.password)
    while True:
        kind, body = await _message(upstream)
        if kind != b"R":
            raise pg_wire.ProtocolBroken("the server skipped authentication")
        (wish,) = struct.unpack_from("!i", body)
        if wish == 0:
            return
        answer = _answer(wish, body[4:], scram=scram, upstream=upstream, endpoint=endpoint)
        if answer:
            upstream.writer.write(pg_wire.message(b"p", answer))


def _answer(
    wish: int, body: bytes, *, scram: Scram, upstream: Upstream, endpoint: Endpoint
) -> bytes:
    match wish:
        case 3:
            if not upstream.encrypted:
                raise DoorClosed(
                    "the target asks for the password in clear text over a connection without TLS"
                )
            return endpoint.password.encode() + b"\0"
        case 5:
            salted = md5_answer(user=endpoint.user, password=endpoint.password, salt=body[:4])
            return salted + b"\0"
        case 10:
            if MECHANISM.encode() not in body.split(b"\0"):
                raise DoorClosed("the target offers no SCRAM-SHA-256")
            first = scram.first()
            return MECHANISM.encode() + b"\0" + struct.pack("!i", len(first)) + first
        case 11:
            return scram.final(body)
        case 12:
            scram.check(body)
            return b""
        case _:
            raise DoorClosed(f"the target asks for authentication method {wish}; use a password")


async def _greeted(upstream: Upstream) -> Upstream:
    greeting, pid, secret = b"", 0, b""
    while True:
        kind, body = await _message(upstream)
        if kind == b"K":
            (pid,), secret = struct.unpack_from("!i", body), body[4:]
        if kind in {b"S", b"K", b"Z"}:
            greeting += pg_wire.message(kind, body)
        if kind == b"Z":
            return replace(upstream, greeting=greeting, pid=pid, secret=secret)
