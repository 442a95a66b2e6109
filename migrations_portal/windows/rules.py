"""The kinds of windows, which of them fits which risk level, and what a person may enter."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from migrations_portal.kernel.errors import Refused
from migrations_portal.people.rules import Role


class PeriodKind(StrEnum):
    """The four windows of the spec's table "Migration Risk Levels", and the freeze, which closes all of them."""

    BUSINESS_HOURS = "BUSINESS_HOURS"
    OFF_PEAK = "OFF_PEAK"
    MAINTENANCE = "MAINTENANCE"
    DOWNTIME = "DOWNTIME"
    FREEZE = "FREEZE"

    @property
    def title(self) -> str:  # type: ignore[override]  # a word of the product, not str.title
        """The kind as people say it."""
        return {
            PeriodKind.BUSINESS_HOURS: "Business hours",
            PeriodKind.OFF_PEAK: "Off-peak hours",
            PeriodKind.MAINTENANCE: "Scheduled maintenance",
            PeriodKind.DOWNTIME: "Planned downtime",
            PeriodKind.FREEZE: "Freeze",
        }[self]


WINDOWS = (
    PeriodKind.BUSINESS_HOURS,
    PeriodKind.OFF_PEAK,
    PeriodKind.MAINTENANCE,
    PeriodKind.DOWNTIME,
)

FITTING: dict[str, tuple[PeriodKind, ...]] = {
    "LOW": (PeriodKind.BUSINESS_HOURS, PeriodKind.MAINTENANCE, PeriodKind.DOWNTIME),
    "MEDIUM": (PeriodKind.OFF_PEAK, PeriodKind.MAINTENANCE, PeriodKind.DOWNTIME),
    "HIGH": (PeriodKind.MAINTENANCE, PeriodKind.DOWNTIME),
    "CRITICAL": (PeriodKind.DOWNTIME,),
}
"""Level → the kinds it may run in. First comes the spec's own; a window announced for more serious changes takes lesser ones too."""

KEEPERS = frozenset({Role.DBA, Role.ADMINISTRATOR})
"""Roles that keep the windows and freezes of a target."""

LONGEST_WINDOW = timedelta(days=7)
LONGEST_FREEZE = timedelta(days=366)
HORIZON = timedelta(days=400)
"""How far ahead a fitting slot is looked for: a window that recurs once a year is found."""


class PeriodRefused(Refused):
    """This window or freeze cannot be kept as it was entered."""

    code = "period-refused"


class PeriodNotFound(Refused):
    """There is no such window or freeze, or it belongs to targets that you have no role for."""

    code = "period-not-found"


class CalendarRefused(Refused):
    """The calendar file cannot be imported; `problems` says why, one sentence for each event."""

    code = "calendar-refused"

    def __init__(self, problems: list[str]) -> None:
        """Take a sentence per problem; nothing of the file was imported."""
        super().__init__("Nothing was imported. " + " ".join(problems[:20]))
        self.problems = problems


@dataclass(frozen=True)
class Gate:
    """Whether a plan may run now, and if not, why and when it may."""

    open: bool
    sentence: str
    closes_at: datetime | None = None
    """When the slot that is open now ends."""
    next_at: datetime | None = None
    """When the next fitting slot begins; None when there is none within `HORIZON`."""


def longest(kind: PeriodKind) -> timedelta:
    """Return how long one occurrence may last."""
    return LONGEST_FREEZE if kind is PeriodKind.FREEZE else LONGEST_WINDOW


def check_period(*, kind: PeriodKind, name: str, minutes: int) -> None:
    """Raise `PeriodRefused` with a sentence when name or length cannot be."""
    if not name.strip():
        raise PeriodRefused("Give it a name that people will recognise in the calendar.")
    if minutes <= 0:
        raise PeriodRefused("It ends before it begins. Choose an end after the start.")
    if timedelta(minutes=minutes) > longest(kind):
        days = longest(kind).days
        raise PeriodRefused(
            f"One {'freeze' if kind is PeriodKind.FREEZE else 'window'} lasts at most {days} days. "
            "Shorten it, or let it repeat."
        )
