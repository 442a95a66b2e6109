"""Two clocks for the doors (ADR 0014): the database's, by which everything is judged, and the process's own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

ASKED_EVERY = 30.0
"""Seconds after which the database is asked again. Between two questions the machine's steady counter is added."""
NO_MATTER = 1.0
"""Seconds by which an answer may differ from what was carried on without being followed: answers take their time, each another."""


class Clock(Protocol):
    """What tells the doors the time."""

    def now(self) -> datetime:
        """Return the time now, in UTC."""
        ...

    def carried_on(self) -> datetime:
        """Return the time now without asking anybody, except the first time."""
        ...


@dataclass(frozen=True)
class _Asked:
    told: datetime
    at: float
    """What the steady counter showed then."""

    def plus(self, counter: float) -> datetime:
        return self.told + timedelta(seconds=counter - self.at)


class DatabaseClock:
    """The clock of the database, so that processes on hosts whose clocks are wrong judge alike (A8).

    `ask` returns the database's time; `steady` a counter of seconds that no setting of a clock moves, and that goes on while the
    machine sleeps. It is off by at most a second, or by the time that a slow answer took until the next one.
    """

    def __init__(self, *, ask: Callable[[], datetime], steady: Callable[[], float]) -> None:
        """Ask nobody yet."""
        self._ask, self._steady = ask, steady
        self._asked: _Asked | None = None

    def now(self) -> datetime:
        """Return the database's time; raises what `ask` raises, every half minute at most."""
        asked = self._asked
        if asked is None or self._steady() - asked.at >= ASKED_EVERY:
            asked = self._ask_again(asked)
        return asked.plus(self._steady())

    def carried_on(self) -> datetime:
        """Return the database's time as it was last told, carried on: for who must not wait for the database to know it."""
        asked = self._asked or self._ask_again(None)
        return asked.plus(self._steady())

    def _ask_again(self, before: _Asked | None) -> _Asked:
        """Ask. Stay with what was carried on when the answer is as good as the same, so that the clock does not tick back."""
        start = self._steady()
        told = self._ask().astimezone(UTC)
        if before is not None:
            carried = before.plus(start)
            told = carried if abs((told - carried).total_seconds()) < NO_MATTER else told
        self._asked = _Asked(told, at=start)
        return self._asked


class ProcessClock:
    """The clock of the process, for whoever moves it: the tests."""

    def now(self) -> datetime:
        """Return what the host says."""
        return datetime.now(UTC)

    carried_on = now
