"""A plan's time on its target: which slots are offered, whether its T-0 fits the windows, and when it may run instead."""

from datetime import datetime, timedelta

from migrations_portal.plans.models import MigrationPlan
from migrations_portal.targets.models import Target
from migrations_portal.windows import queries as windows
from migrations_portal.windows.recurrence import Span
from migrations_portal.windows.rules import Gate

SLOTS_OFFERED = 5


def seconds_needed(plan: MigrationPlan) -> int:
    """Return how long the migration may take, as its author says."""
    return plan.expected_seconds or 0


def offered(
    plan: MigrationPlan, *, level: str, after: datetime, count: int = SLOTS_OFFERED
) -> list[Span]:
    """Return the next slots that fit the plan's level and expected time, beginning not before `after`."""
    calendar = windows.calendar_of(plan.target)
    if calendar.unlimited:
        return []
    return calendar.next_slots(level, after=after, seconds=seconds_needed(plan), count=count)


def gate(
    plan: MigrationPlan,
    *,
    level: str,
    at: datetime,
    target: Target | None = None,
    seconds: int | None = None,
) -> Gate:
    """Say whether the plan may run at `at`: inside a fitting window, outside every freeze (X18).

    An emergency needs no window, but a freeze holds for it too, and its time box ends it. `target` is where it runs: the
    plan's own when it is left out, else its staging target. `seconds` is how much of it is left, all of it when left out.
    """
    if plan.emergency_until is not None and at >= plan.emergency_until:
        return Gate(open=False, sentence="The time box of the emergency is over.")
    calendar = windows.calendar_of(target or plan.target)
    if plan.emergency_reason:
        calendar = calendar.freezes_only()
    needed = seconds_needed(plan) if seconds is None else seconds
    return calendar.gate(level, at=at, seconds=needed)


def misfit(plan: MigrationPlan, *, level: str) -> str:
    """Return the sentence why T-0 does not fit the target's windows, nothing when it does."""
    if plan.scheduled_for is None:
        return ""
    found = gate(plan, level=level, at=plan.scheduled_for)
    when = plan.scheduled_for.astimezone(plan.target.zone)
    return (
        "" if found.open else f"T-0 ({when:%a %d %b %Y, %H:%M %Z}) does not fit. {found.sentence}"
    )


def closes_at(plan: MigrationPlan, *, level: str) -> datetime | None:
    """Return when the window around T-0 closes; None where only freezes matter, and for an emergency."""
    calendar = windows.calendar_of(plan.target)
    if plan.scheduled_for is None or plan.emergency_reason or calendar.unlimited:
        return None
    slot = calendar.slot_at(level, at=plan.scheduled_for)
    return slot.ends if slot else None


def first_fit(plan: MigrationPlan, *, level: str, after: datetime) -> datetime | None:
    """Return the first instant from `after` on at which the plan may run, on a whole second; None when there is none."""
    calendar = windows.calendar_of(plan.target)
    start = calendar.first_start(level, after=after, seconds=seconds_needed(plan))
    if start is None:
        return None
    return start.replace(microsecond=0) + timedelta(seconds=1 if start.microsecond else 0)
