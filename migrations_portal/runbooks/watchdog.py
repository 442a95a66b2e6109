"""The stall guard for statements that may wait for minutes (design section 8): whoever waits behind one of them ends it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from migrations_portal.execution.recorder import StepRecord
from migrations_portal.kernel.errors import ProductError
from migrations_portal.runbooks.tools import RunContext

LOOK_SECONDS = 0.2
"""Somebody who waits at two looks in a row has waited long enough."""
WAITING = """
SELECT DISTINCT own.pid AS ours, other.pid AS theirs
  FROM pg_locks wanted JOIN pg_stat_activity other ON other.pid = wanted.pid
  JOIN pg_stat_activity own ON own.pid = ANY (pg_blocking_pids(other.pid))
 WHERE NOT wanted.granted AND other.usesysid IS NOT NULL AND other.application_name NOT LIKE 'wcops-%%'
   AND own.application_name = %s AND own.state = 'active' AND own.query ~* '(concurrently|validate)'
"""
"""Asks only for what every role may see of another's session. Server processes, such as autovacuum, have no user."""
CANCEL = "SELECT pg_cancel_backend(%s)"


class Watchdog(threading.Thread):
    """Looks from a session of its own until stopped."""

    def __init__(self, context: RunContext) -> None:
        """Watch the sessions of the context's run."""
        super().__init__(daemon=True, name=f"watchdog-{context.run.pk}")
        self._context = context
        self._over = threading.Event()
        self.said: list[str] = []
        """What it did, a sentence each."""

    def run(self) -> None:
        """Look five times a second. A target that cannot be asked ends the guard, which the log says."""
        name = f"{self._context.application_name}-guard"
        try:
            with self._context.tools.server.session(
                self._context.endpoint, application_name=name
            ) as session:
                seen: set[tuple[int, int]] = set()
                while not self._over.wait(LOOK_SECONDS):
                    rows = session.rows(WAITING, [self._context.application_name])
                    now = {(row["ours"], row["theirs"]) for row in rows}
                    for ours in {ours for ours, _ in now & seen}:
                        session.rows(CANCEL, [ours])
                        self.said.append(
                            "The stall guard cancelled our statement: another session waited behind it"
                        )
                    seen = now
        except ProductError as failure:
            self.said.append(f"The stall guard could not look any more: {failure.sentence}")

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self.join(timeout=30)


def may_wait(context: RunContext, *, name: str) -> bool:
    """Say whether the file holds the words of a statement that may wait for minutes, in whatever language it is written."""
    content = b"".join(each.content for each in context.bundle.files if each.name == name).upper()
    return b"CONCURRENTLY" in content or b"VALIDATE" in content


@contextmanager
def guarded(context: RunContext, step: StepRecord, *, name: str) -> Iterator[None]:
    """Guard the file that the block runs, if it needs it; what the guard did stands in the step's log afterwards."""
    if not may_wait(context, name=name):
        yield
        return
    dog = Watchdog(context)
    dog.start()
    try:
        yield
    finally:
        dog.stop()
        for sentence in dog.said:
            step.say(sentence, level="warn")
