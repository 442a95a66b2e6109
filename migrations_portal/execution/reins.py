"""The reins of a run: how another thread pauses or stops what the run has started, at once.

The thread that works through a run holds its reins in the context (`holding`); whatever starts a process or a door for
it hangs itself in with `attached`. A thread that watches (the heartbeat) pulls. Does not decide when.
"""

import contextlib
import math
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from enum import StrEnum
from typing import Protocol, TypeGuard


class Pull(StrEnum):
    """Why a run's work is stopped."""

    LEASE_LOST = "LEASE_LOST"
    """The run is not ours any more: nothing of it may go on, and nothing more is written."""
    ABORTED = "ABORTED"
    """A person stopped it: what the target holds is read, and the way back is taken."""


class Stoppable(Protocol):
    """Something that works for a run and can be stopped from another thread."""

    def stop(self) -> None:
        """End it as fast as it can be ended in good order; called from another thread, perhaps twice."""
        ...


class Pausable(Stoppable, Protocol):
    """Something that can also hold still."""

    def pause(self) -> None:
        """Send nothing more to the target outside an open transaction."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...


class Reins:
    """One run's reins. Safe to use from any thread."""

    def __init__(self) -> None:
        """Begin running, trusted without end; the heartbeat sets a deadline."""
        self._lock = threading.RLock()
        self._attached: list[Stoppable] = []
        self._pulled: Pull | None = None
        self._paused = threading.Event()
        self._going_back = False
        self._aborted = False
        self._trusted_until = math.inf

    @property
    def pulled(self) -> Pull | None:
        """Why the work is stopped; None while it goes on."""
        return self._pulled

    @property
    def aborted(self) -> bool:
        """Whether a person stopped the run, also when its way back has begun since."""
        return self._aborted

    def is_paused(self) -> bool:
        """Whether the run holds still."""
        return self._paused.is_set()

    def trust(self) -> bool:
        """Say whether the run may still touch its target.

        Asked before each statement, so that a process that slept too long (a stopped machine, a full disk) finds the door
        shut when it wakes (X4).
        """
        return self._pulled is not Pull.LEASE_LOST and time.monotonic() < self._trusted_until

    def trust_until(self, instant: float) -> None:
        """Set the instant (`time.monotonic`) after which the run is not ours any more unless this is called again."""
        self._trusted_until = instant

    def overdue(self) -> bool:
        """Say whether the last deadline has passed."""
        return time.monotonic() >= self._trusted_until

    def stop(self, why: Pull) -> bool:
        """Stop what is attached now and whatever is attached later; return whether anything was attached.

        A lost lease outweighs an abort. On the way back an abort is not heard: half a rollback is worse than a whole one.
        """
        with self._lock:
            if why is Pull.ABORTED and self._going_back:
                return True
            if self._pulled is not Pull.LEASE_LOST:
                self._pulled = why
            self._aborted = self._aborted or why is Pull.ABORTED
            self._paused.clear()
            held = list(self._attached)
        for each in held:
            each.stop()
        return bool(held)

    def pause(self) -> bool:
        """Hold still: between steps, and between the transactions of a file. Return whether this call did it.

        Not heard on the way back.
        """
        with self._lock:
            if self._pulled or self._going_back or self._paused.is_set():
                return False
            self._paused.set()
            for each in self._attached:
                if _can_pause(each):
                    each.pause()
        return True

    def resume(self) -> None:
        """Go on."""
        with self._lock:
            self._paused.clear()
            for each in self._attached:
                if _can_pause(each):
                    each.resume()

    def begin_way_back(self) -> None:
        """From here on neither pause nor abort is heard, and an abort that brought us here is done with."""
        with self._lock:
            self._going_back = True
            if self._pulled is Pull.ABORTED:
                self._pulled = None
        self.resume()

    @contextlib.contextmanager
    def attached(self, work: Stoppable) -> Iterator[None]:
        """Have `work` stopped and paused with the run while the block lasts; stopped at once when the run is already."""
        with self._lock:
            self._attached.append(work)
            stopped, paused = self._pulled is not None, self._paused.is_set()
            if paused and _can_pause(work):
                work.pause()
        if stopped:
            work.stop()
        try:
            yield
        finally:
            with self._lock:
                self._attached.remove(work)


def _can_pause(work: Stoppable) -> TypeGuard[Pausable]:
    """Say whether the work can hold still."""
    return hasattr(work, "pause")


_CURRENT: ContextVar[Reins | None] = ContextVar("reins", default=None)


@contextlib.contextmanager
def holding(reins: Reins) -> Iterator[Reins]:
    """Make `reins` those of everything that this thread starts in the block."""
    token = _CURRENT.set(reins)
    try:
        yield reins
    finally:
        _CURRENT.reset(token)


def current() -> Reins:
    """Return the reins of the run that this thread works on; free ones outside a run (previews, commands)."""
    return _CURRENT.get() or Reins()
