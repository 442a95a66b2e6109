"""Tells a server that is busy from one that the network has swallowed.

Keepalives do not notice a half-open connection whose other end (a proxy, a stopped machine) still acknowledges packets, and
a long statement is silent too. So whoever waits in silence knocks anew: a server that works answers PostgreSQL's SSLRequest
with one byte, without a sign-in. After `QUESTIONS` knocks in a row that nobody answers, the wait is over.
"""

import socket
import struct
import time
from dataclasses import dataclass, field

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.rows import Row
from psycopg.waiting import Ready

PATIENCE_SECONDS = 15.0
"""How long a server may be silent before it is asked."""
PAUSE_SECONDS = 3.0
"""Between two questions."""
ANSWER_SECONDS = 3.0
QUESTIONS = 3
"""Silence counts as the end after so many questions without an answer: 24 to 33 seconds after the last word."""
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
WAKE_SECONDS = 0.1
"""psycopg's own interval."""


class ServerSilent(psycopg.OperationalError):
    """The server does not answer any more."""


def answers(host: str, port: int, *, seconds: float = ANSWER_SECONDS) -> bool:
    """Knock at a PostgreSQL server and say whether anybody is there; a refusal to connect is nobody."""
    try:
        with socket.create_connection((host, port), timeout=seconds) as knock:
            knock.sendall(SSL_REQUEST)
            return bool(knock.recv(1))
    except OSError:
        return False


@dataclass
class Silence:
    """How long a server has been silent, and whether it is lost. Belongs to one wait; not for several threads."""

    host: str
    port: int
    since: float = field(default_factory=time.monotonic)
    _asked: int = 0
    _next: float = 0.0

    def heard(self) -> None:
        """The server said something."""
        self.since, self._asked, self._next = time.monotonic(), 0, 0.0

    def is_lost(self) -> bool:
        """Say whether nobody is there any more; asks when it is time to, which takes up to `ANSWER_SECONDS`."""
        now = time.monotonic()
        if now < max(self.since + PATIENCE_SECONDS, self._next):
            return False
        if answers(self.host, self.port):
            self.heard()
            return False
        self._asked += 1
        self._next = time.monotonic() + PAUSE_SECONDS
        return self._asked >= QUESTIONS


class ListeningConnection(psycopg.Connection[Row]):
    """A connection whose waits end when the server is gone without a word; every query then raises `ServerSilent`."""

    def wait(
        self, gen: PQGen[RV], interval: float = WAKE_SECONDS, timeout: float | None = None
    ) -> RV:
        """Wait for what `gen` waits for, listening."""
        host = self.pgconn.host.decode()
        if not host or host.startswith("/"):  # a socket of this machine: the kernel tells
            return super().wait(gen, interval=interval, timeout=timeout)
        listening = self._listening(gen, Silence(host, int(self.pgconn.port or b"5432")))
        return super().wait(listening, interval=interval, timeout=timeout)

    def _listening(self, gen: PQGen[RV], silence: Silence) -> PQGen[RV]:
        ready: Ready | int | None = None
        while True:
            try:
                wanted = gen.send(ready)  # type: ignore[arg-type]  # None begins, as with every generator
            except StopIteration as done:
                value: RV = done.value
                return value
            ready = yield wanted
            if ready:
                silence.heard()
            elif silence.is_lost():
                self.pgconn.finish()
                raise ServerSilent(f"{silence.host}:{silence.port} does not answer any more")
