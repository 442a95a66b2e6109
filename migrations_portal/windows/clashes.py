"""Two plans that get into each other's way on one target."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from migrations_portal.windows.recurrence import Span


@dataclass(frozen=True)
class Booking:
    """A plan that has its time on a target."""

    plan: int
    number: str
    starts: datetime
    ends: datetime
    """Start plus the expected execution time."""
    slot: Span | None
    """The window it stands in, None when the target has no windows."""
    tables: frozenset[str]


@dataclass(frozen=True)
class Clash:
    """Why two plans should not both stay where they are."""

    first: Booking
    second: Booking
    same_time: bool
    tables: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What pages say."""
        both = f"{self.first.number} and {self.second.number}"
        if self.same_time and self.tables:
            return f"{both} run at the same time and both change {', '.join(self.tables)}."
        if self.same_time:
            return f"{both} run at the same time; the later one will wait until the target is free."
        return f"{both} change {', '.join(self.tables)} in the same window."


def clashes(bookings: Sequence[Booking]) -> list[Clash]:
    """Return every pair that overlaps in time, or that changes the same tables within one window."""
    found = []
    ordered = sorted(bookings, key=lambda each: (each.starts, each.plan))
    for index, one in enumerate(ordered):
        reach = max(one.ends, one.slot.ends) if one.slot else one.ends
        for other in ordered[index + 1 :]:
            if other.starts >= reach:
                break
            clash = _clash(one, other)
            if clash is not None:
                found.append(clash)
    return found


def _clash(one: Booking, other: Booking) -> Clash | None:
    same_time = one.starts < other.ends and other.starts < one.ends
    same_slot = one.slot is not None and one.slot == other.slot
    tables = tuple(sorted(one.tables & other.tables)) if same_time or same_slot else ()
    return Clash(one, other, same_time=same_time, tables=tables) if same_time or tables else None
