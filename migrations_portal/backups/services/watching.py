"""How far the archives of one backup are, told by the threads that dump them."""

import threading
import time
from collections.abc import Mapping

from migrations_portal.backups.rules import Progress


class Stopped(Exception):  # never told: the first failure is
    """Another archive of the same backup failed."""


class Watch:
    """What the lanes tell while they work; read by the thread that waits for them."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        """Know the bytes of every table."""
        self._sizes = sizes
        self._lock = threading.Lock()
        self._begun: list[str] = []
        self._reading: dict[str, str] = {}
        self._stored: dict[str, int] = {}
        self._start = time.monotonic()
        self.stop = threading.Event()

    def on_table(self, lane: str, table: str) -> None:
        """Take note of a table whose rows begin."""
        with self._lock:
            self._reading[lane] = table
            self._begun.append(table)

    def on_bytes(self, lane: str, stored: int) -> None:
        """Take note of how much is stored; raise `Stopped` when another archive failed."""
        if self.stop.is_set():
            raise Stopped
        with self._lock:
            self._stored[lane] = stored

    def done(self, lane: str) -> None:
        """Take note that an archive is stored."""
        with self._lock:
            self._reading.pop(lane, None)

    def progress(self) -> Progress:
        """Return how far all of them are."""
        with self._lock:
            open_now = set(self._reading.values())
            done = [name for name in self._begun if name not in open_now and name in self._sizes]
            return Progress(
                tables_done=len(done),
                tables=len(self._sizes),
                bytes_done=sum(self._sizes[name] for name in done),
                bytes=sum(self._sizes.values()),
                stored=sum(self._stored.values()),
                seconds=time.monotonic() - self._start,
            )
