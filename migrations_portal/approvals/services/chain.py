"""The rows of a revision's timeline: laid out from the policy at submission, and again when T-0 moves."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import ChainStage, Deadline, Seat
from migrations_portal.approvals.policy import (
    EMERGENCY_NUDGES,
    QUIET,
    RUN_WITHIN,
    STAGES,
    Duty,
    Nudge,
    Stage,
    due_at,
    opens_at,
    seats_for,
)
from migrations_portal.approvals.services import invitations
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import POSTPONED_AT_MOST

TIMELINE = (Stage.REVIEW, Stage.SECURITY, Stage.NOTIFY, Stage.GO)


def lay_out(*, plan: MigrationPlan, revision: PlanRevision, at: Moment) -> None:
    """Copy the policy into rows: stages with their dates, seats, and what happens when time passes."""
    t0 = plan.scheduled_for or at.now
    zone = plan.target.zone
    ChainStage.objects.bulk_create(
        ChainStage(
            revision=revision,
            position=position,
            stage=str(stage),
            opens_at=None
            if plan.emergency_reason
            else opens_at(stage, t0=t0, zone=zone, day=at.day),
            due_at=t0 if plan.emergency_reason else due_at(stage, t0=t0, zone=zone, day=at.day),
        )
        for position, stage in enumerate(TIMELINE)
    )
    dates = {row.stage: row.due_at for row in queries.stages(revision)}
    Seat.objects.bulk_create(
        Seat(
            revision=revision,
            position=position,
            stage=str(spec.stage),
            role=str(spec.role),
            due_at=dates[str(spec.stage)],
        )
        for position, spec in enumerate(seats_for(level=revision.level, phi=revision.phi))
    )
    lay_deadlines(plan=plan, revision=revision, at=at)


def lay_deadlines(*, plan: MigrationPlan, revision: PlanRevision, at: Moment) -> None:
    """Write the deadlines that lie ahead; those that were open before give way to them."""
    pass_over(revision, now=at.now)
    emergency = bool(plan.emergency_reason)
    for row in queries.stages(revision).filter(completed_at__isnull=True):
        if not emergency:
            _lay(revision, str(row.stage), STAGES[Stage(row.stage)].nudges, due=row.due_at, at=at)
        elif STAGES[Stage(row.stage)].nudges:
            _lay(revision, row.stage, EMERGENCY_NUDGES, due=at.now, at=at, quiet=timedelta(0))
    t0 = plan.scheduled_for or at.now
    planned = plan.planned_for or t0
    ends = {
        Duty.SIGN_BY: plan.emergency_until or planned + POSTPONED_AT_MOST,
        Duty.RUN_BY: plan.emergency_until or t0 + RUN_WITHIN[revision.level],
    }
    Deadline.objects.bulk_create(
        Deadline(revision=revision, duty=str(duty), at=end) for duty, end in ends.items()
    )


def _lay(
    revision: PlanRevision,
    stage: str,
    nudges: Iterable[Nudge],
    *,
    due: datetime,
    at: Moment,
    quiet: timedelta = QUIET,
) -> None:
    Deadline.objects.bulk_create(
        Deadline(revision=revision, stage=stage, duty=str(each.duty), at=due + each.after_due)
        for each in nudges
        if each.duty is Duty.POSTPONE or due + each.after_due > at.now + quiet
    )


def pass_over(revision: PlanRevision, *, now: datetime) -> None:
    """End the open deadlines of a revision without acting on them."""
    rows = Deadline.objects.filter(revision=revision, done_at__isnull=True)
    rows.exclude(duty=str(Duty.REVIEW)).update(done_at=now, outcome="passed over")


def move_dates(*, plan: MigrationPlan, revision: PlanRevision, at: Moment) -> None:
    """Count everything that is not done yet from the new T-0: stages, seats, deadlines, and the life of links."""
    t0, zone = plan.scheduled_for or at.now, plan.target.zone
    for row in queries.stages(revision).filter(completed_at__isnull=True):
        stage = Stage(row.stage)
        row.due_at = due_at(stage, t0=t0, zone=zone, day=at.day)
        row.opens_at = opens_at(stage, t0=t0, zone=zone, day=at.day)
        row.save(update_fields=["due_at", "opens_at"])
        mine = queries.seats(revision).filter(stage=row.stage, decision="")
        mine.update(due_at=row.due_at)
    invitations.prolong(list(queries.seats(revision).filter(decision="")), plan=plan)
    lay_deadlines(plan=plan, revision=revision, at=at)


def void(seats: Iterable[Seat], *, reason: str, now: datetime) -> list[Seat]:
    """Make seats count no more, decided or not; return them. PostgreSQL takes their links back (migration 0018)."""
    rows = list(seats)
    mine = Seat.objects.filter(pk__in=[row.pk for row in rows])
    mine.update(voided_at=now, void_reason=reason[:200])
    return rows


def ask_go_anew(*, revision: PlanRevision, reason: str, at: Moment) -> list[Seat]:
    """Void the go: it was given for a day that is no longer the day. Return the seats that had been decided."""
    row = queries.stages(revision).get(stage=str(Stage.GO))
    if row.opened_at is None:
        return []
    old = void(queries.seats(revision).filter(stage=str(Stage.GO)), reason=reason, now=at.now)
    Seat.objects.bulk_create(
        Seat(
            revision=revision,
            position=seat.position,
            stage=seat.stage,
            role=seat.role,
            due_at=seat.due_at,
        )
        for seat in old
    )
    row.opened_at = row.completed_at = None
    row.save(update_fields=["opened_at", "completed_at"])
    return [seat for seat in old if seat.decision]


def close(*, revision: PlanRevision, now: datetime) -> None:
    """Take back every link and every deadline: nobody is asked any more."""
    invitations.revoke(now=now, seat__revision=revision)
    pass_over(revision, now=now)
