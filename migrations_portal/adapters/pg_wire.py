"""PostgreSQL's wire protocol, version 3.0, as far as the socket door speaks it: bytes to frames, frames to bytes.

Pure: no sockets here. Source of every format: PostgreSQL documentation, chapter "Frontend/Backend Protocol".
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

PROTOCOL_3_0 = 196608
CANCEL_REQUEST = 80877102
SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104

LONGEST_STARTUP = 10_000
"""Bytes of a startup packet; the server's own limit."""

LONGEST_HEAD = 64 * 1024
"""Bytes of a message that are kept for reading (1 statement of 64 KiB); the rest only passes through."""


class ProtocolBroken(Exception):
    """The other side sent bytes that are not PostgreSQL's protocol; the connection is closed."""


@dataclass(frozen=True)
class Piece:
    """A part of the stream in order: `raw` to pass on, and the message it begins, if it begins one."""

    raw: bytes
    kind: bytes
    """The message's type byte; empty for the continuation of a long message."""
    head: bytes
    """The first `LONGEST_HEAD` bytes of its body; empty for a kind that nobody reads."""


class Framer:
    """Cuts a stream into messages. Never holds more than one head, however long a message is."""

    def __init__(self, *, read: frozenset[bytes], longest: int = LONGEST_HEAD) -> None:
        """Take the kinds whose body somebody reads; all others pass through as they come."""
        self._read = read
        self._longest = longest
        self._waiting = bytearray()
        self._passing = 0

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Yield what can be passed on after `data`; raises `ProtocolBroken` for an impossible length."""
        self._waiting += data
        while self._waiting:
            piece = self._rest_of_a_long_one() if self._passing else self._next_message()
            if piece is None:
                return
            yield piece

    def _rest_of_a_long_one(self) -> Piece:
        raw = bytes(self._waiting[: self._passing])
        del self._waiting[: len(raw)]
        self._passing -= len(raw)
        return Piece(raw, b"", b"")

    def _next_message(self) -> Piece | None:
        if len(self._waiting) < 5:
            return None
        kind = bytes(self._waiting[:1])
        (length,) = struct.unpack_from("!i", self._waiting, 1)
        if length < 4:
            raise ProtocolBroken(f"a message of type {kind!r} announces a length of {length}")
        wanted = min(length - 4, self._longest) if kind in self._read else 0
        if len(self._waiting) < 5 + wanted:
            return None
        head = bytes(self._waiting[5 : 5 + wanted])
        whole = 1 + length
        raw = bytes(self._waiting[:whole])
        del self._waiting[: len(raw)]
        self._passing = whole - len(raw)
        return Piece(raw, kind, head)


def message(kind: bytes, body: bytes) -> bytes:
    """Build one message."""
    return kind + struct.pack("!i", len(body) + 4) + body


def untyped(body: bytes) -> bytes:
    """Build one of the messages without a type byte, with which a connection begins."""
    return struct.pack("!i", len(body) + 4) + body


def startup(parameters: Mapping[str, str]) -> bytes:
    """Build the packet that opens a session."""
    body = struct.pack("!i", PROTOCOL_3_0)
    for name, value in parameters.items():
        body += name.encode() + b"\0" + value.encode() + b"\0"
    return untyped(body + b"\0")


def startup_parameters(body: bytes) -> dict[str, str]:
    """Read the names and values of a startup packet, without its protocol number."""
    words = [word.decode("utf-8", "replace") for word in body.split(b"\0")]
    return {name: value for name, value in zip(words[::2], words[1::2], strict=False) if name}


def cancel_request(*, pid: int, secret: bytes) -> bytes:
    """Build the packet that asks the server to cancel the running statement of a backend."""
    return untyped(struct.pack("!ii", CANCEL_REQUEST, pid) + secret)


def cut_at_zero(body: bytes, count: int) -> tuple[list[str], bytes]:
    """Read `count` zero-terminated strings; the last may be cut off by the head's limit."""
    words: list[str] = []
    for _ in range(count):
        word, _, body = body.partition(b"\0")
        words.append(word.decode("utf-8", "replace"))
    return words, body


def fields(body: bytes) -> dict[str, str]:
    """Read the fields of an ErrorResponse or NoticeResponse by their letter."""
    return {
        part[:1].decode("latin-1"): part[1:].decode("utf-8", "replace")
        for part in body.split(b"\0")
        if part
    }


def error_body(values: Mapping[str, str]) -> bytes:
    """Build the body of an ErrorResponse or NoticeResponse."""
    parts = [letter.encode() + text.encode() + b"\0" for letter, text in values.items()]
    return b"".join(parts) + b"\0"


def fatal(*, sqlstate: str, sentence: str) -> bytes:
    """Build the error with which the door itself refuses or ends a session."""
    return message(
        b"E", error_body({"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": sentence, "R": "door"})
    )


def negotiate_protocol_version(options: Sequence[str]) -> bytes:
    """Build the answer to a client that asks for a newer protocol than 3.0."""
    names = b"".join(option.encode() + b"\0" for option in options)
    return message(b"v", struct.pack("!ii", PROTOCOL_3_0, len(options)) + names)
