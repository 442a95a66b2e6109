"""How long a statement works, predicted from the sizes of its tables and rates.

The rates here are estimates for an ordinary server, for targets that nobody has calibrated: they come from a few trials by hand
on one machine of two cores (PostgreSQL 15, a heap of 261 MB with 298 MB of indexes), rounded down, with an interval that allows
for disks a third as fast. Nothing in this repository repeats those trials; `runbooks.calibration` measures a target's own server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrations_portal.risk.levels import Level

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from migrations_portal.risk.sizes import RelationSize

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Units per second: what is usual, and the slowest and fastest that are to be expected."""

    usual: float
    slow: float
    fast: float

    def times(self, amount: float) -> tuple[float, float, float]:
        """Seconds for an amount: usual, shortest, longest."""
        return amount / self.usual, amount / self.fast, amount / self.slow


REWRITE = Rate(79 * MB, 30 * MB, 120 * MB)
SCAN = Rate(550 * MB, 180 * MB, 1_500 * MB)
CHANGE = Rate(100_000, 30_000, 196_000)
"""Rows per second of one UPDATE, DELETE or INSERT … SELECT."""

NOTICED_SECONDS, LONG_SECONDS, DOWNTIME_SECONDS = 1, 5, 30
"""Blocking that users notice, that they call long, and the strategy's limit of downtime."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Predicted seconds of work with their interval, and how much there is to do."""

    seconds: float
    shortest: float
    longest: float
    rows: int
    bytes: int

    @property
    def interval(self) -> str:
        """The interval in words."""
        return f"{_spoken(self.shortest)} to {_spoken(self.longest)}"

    @property
    def spoken(self) -> str:
        """The usual time in words."""
        return _spoken(self.seconds)


def _spoken(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds:.1f} s"
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def forecast(
    sizes: Mapping[int, RelationSize],
    *,
    rewritten: Collection[int],
    scanned: Collection[int],
    changes_rows: bool,
) -> Forecast | None:
    """Predict from the tables (by oid) that are rewritten or read; None when no size is known."""
    known = [oid for oid in {*rewritten, *scanned} if oid in sizes]
    if not known:
        return None
    total = Forecast(0, 0, 0, 0, 0)
    for oid in known:
        size = sizes[oid]
        rate = REWRITE if oid in rewritten else SCAN
        seconds = CHANGE.times(size.rows) if changes_rows else rate.times(size.bytes)
        total = added(total, Forecast(*seconds, size.rows, size.bytes))
    return total


def added(one: Forecast, other: Forecast) -> Forecast:
    """Two pieces of work, one after the other."""
    return Forecast(
        one.seconds + other.seconds, one.shortest + other.shortest, one.longest + other.longest,
        one.rows + other.rows, one.bytes + other.bytes,
    )  # fmt: skip


def level_of(seconds: float) -> Level:
    """The level that so many seconds of blocking ask for."""
    if seconds > DOWNTIME_SECONDS:
        return Level.CRITICAL
    if seconds >= LONG_SECONDS:
        return Level.HIGH
    return Level.MEDIUM if seconds >= NOTICED_SECONDS else Level.LOW
