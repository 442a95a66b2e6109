"""Looks at `pg_locks` of a copy while a file runs on it, some two hundred times a second."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from migrations_portal.kernel.errors import ProductError
from migrations_portal.rehearsals.observed import Sample, SeenLock, spans
from migrations_portal.targets.ports import Endpoint, TargetServer, TargetSession

PAUSE_SECONDS = 0.003

LOCKS = """
SELECT l.pid, n.nspname || '.' || c.relname AS name, l.mode
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  JOIN pg_catalog.pg_class c ON c.oid = l.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE l.locktype = 'relation' AND l.granted AND a.application_name = %s AND a.datname = current_database()
   AND c.relkind IN ('r', 'p', 'm') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%%'
"""
"""A table made inside the open transaction is not seen from outside; nobody else can wait for it either."""


class LockWatch(threading.Thread):
    """Samples until stopped. Keeps only the samples in which something changed."""

    def __init__(self, *, server: TargetServer, endpoint: Endpoint, watched: str) -> None:
        """Watch the sessions named `watched`, from a session of its own."""
        super().__init__(daemon=True, name="lock-watch")
        self._server, self._endpoint, self._watched = server, endpoint, watched
        self._over = threading.Event()
        self.ready = threading.Event()
        self._samples: list[Sample] = []
        self.problem = ""

    def run(self) -> None:
        """Sample; a copy that does not answer ends the watch with a sentence."""
        try:
            with self._server.session(self._endpoint, application_name="wcops-locks") as session:
                self._sample(session)
        except ProductError as failure:
            self.problem = failure.sentence
        finally:
            self.ready.set()

    def _sample(self, session: TargetSession) -> None:
        held: frozenset[tuple[int, str, str]] = frozenset()
        while not self._over.is_set():
            rows = session.rows(LOCKS, [self._watched])
            now = frozenset((row["pid"], row["name"], row["mode"]) for row in rows)
            if now != held or not self._samples:
                held = now
                self._samples.append(Sample(time.monotonic(), now))
            self.ready.set()
            self._over.wait(PAUSE_SECONDS)
        self._samples.append(Sample(time.monotonic(), held))

    def stop(self) -> list[SeenLock]:
        """End the watch and return what was held, on our monotonic clock."""
        self._over.set()
        self.join()
        return spans(self._samples)


@contextmanager
def locks_watched(*, server: TargetServer, endpoint: Endpoint, watched: str) -> Iterator[LockWatch]:
    """Watch while the block runs; the first sample is taken before the block begins."""
    watch = LockWatch(server=server, endpoint=endpoint, watched=watched)
    watch.start()
    watch.ready.wait(timeout=10)
    try:
        yield watch
    finally:
        if watch.is_alive():
            watch.stop()
