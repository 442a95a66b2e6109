"""Windows for the tests' targets."""

from datetime import date, time

from migrations_portal.targets.models import Target
from migrations_portal.windows.models import Period
from migrations_portal.windows.rules import WINDOWS, PeriodKind
from tests.clock import NOON


def open_around_the_clock(target: Target) -> None:
    """Give the target a window of each kind that never closes, so that a test is not about windows."""
    for kind in WINDOWS:
        period(target, kind, minutes=1440, rule="FREQ=DAILY")


def period(
    target: Target,
    kind: PeriodKind,
    *,
    day: date = date(2020, 1, 1),
    at: time = time(),
    minutes: int = 60,
    rule: str = "",
    name: str = "",
) -> Period:
    return Period.objects.create(
        target=target,
        kind=str(kind),
        name=name or kind.title,
        first_day=day,
        first_time=at,
        minutes=minutes,
        rule=rule,
        time_zone=target.time_zone,
        created_at=NOON,
    )
