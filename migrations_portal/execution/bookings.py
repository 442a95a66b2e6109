"""Which plans have their time on a target: for the calendar and its conflicts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, OuterRef, Q, Subquery

from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import RunStatus
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.targets.models import Target
from migrations_portal.windows.calendar import TargetCalendar
from migrations_portal.windows.clashes import Booking, Clash, clashes
from migrations_portal.windows.recurrence import Span

WAITING = (PlanStatus.SUBMITTED, PlanStatus.APPROVED, PlanStatus.SCHEDULED)
"""Plans whose time is still to come: these can clash."""
SHOWN = tuple(
    each
    for each in PlanStatus
    if each
    not in {PlanStatus.DRAFT, PlanStatus.WITHDRAWN, PlanStatus.REJECTED, PlanStatus.CANCELLED}
)


@dataclass(frozen=True)
class BookedPlan:
    """A plan with its time: T-0, or the time that its run was postponed to."""

    plan: MigrationPlan
    level: str
    phi: bool
    booking: Booking
    fits: bool
    """Whether a fitting window is open then; past plans and emergencies always fit."""


def of_target(
    target: Target, *, calendar: TargetCalendar, since: datetime, until: datetime
) -> list[BookedPlan]:
    """Return the plans of the target whose time lies between the two instants, the earliest first: two queries."""
    due = MigrationRun.objects.filter(
        plan=OuterRef("pk"), staging=False, status=str(RunStatus.DUE)
    ).values("due_at")
    rows = (
        MigrationPlan.objects.filter(target=target, status__in=[str(each) for each in SHOWN])
        .annotate(due_at=Subquery(due[:1]))
        .filter(
            Q(due_at__gte=since, due_at__lt=until)
            | Q(due_at__isnull=True, scheduled_for__gte=since, scheduled_for__lt=until)
        )
        .select_related("author")
    )
    plans = list(rows)
    revisions = {
        row.plan_id: row
        for row in PlanRevision.objects.filter(plan__in=plans, number=F("plan__revision"))
    }
    open_spans = {
        level: calendar.open_for(level, since=since, until=until)
        for level in {row.level for row in revisions.values()}
    }
    found = [
        _booked(plan, revisions[plan.pk], open_spans) for plan in plans if plan.pk in revisions
    ]
    return sorted(found, key=lambda each: (each.booking.starts, each.plan.pk))


def _booked(
    plan: MigrationPlan, revision: PlanRevision, open_spans: dict[str, list[Span]]
) -> BookedPlan:
    starts = getattr(plan, "due_at", None) or plan.scheduled_for  # the annotation of `of_target`
    assert starts is not None  # noqa: S101  # the query asked for it
    slot = next((span for span in open_spans[revision.level] if span.holds(starts)), None)
    booking = Booking(
        plan=plan.pk,
        number=plan.number,
        starts=starts,
        ends=starts + timedelta(seconds=plan.expected_seconds or 60),
        slot=slot,
        tables=frozenset(revision.tables),
    )
    bound = plan.status in WAITING and not plan.emergency_reason
    return BookedPlan(
        plan, revision.level, revision.phi, booking, fits=slot is not None or not bound
    )


def conflicts(booked: list[BookedPlan]) -> list[Clash]:
    """Return the pairs of waiting plans that get into each other's way."""
    return clashes([each.booking for each in booked if each.plan.status in WAITING])
