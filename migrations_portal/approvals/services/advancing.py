"""Opening what can open now, and approving what is signed."""

from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import ChainStage, Seat
from migrations_portal.approvals.policy import Stage
from migrations_portal.approvals.rules import Decision
from migrations_portal.approvals.services import invitations, mails
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.kernel.memory import remembering
from migrations_portal.plans import gates
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.rehearsals import queries as rehearsals


@transaction.atomic
def go_on(*, plan_id: int, now: datetime, day: timedelta, public_url: str) -> None:
    """Let a plan go on whose gate may have opened: an item was ticked, an assessment saved. Nothing when it has not."""
    advance(plan=plans.lock(plan_id), at=Moment(now=now, day=day, public_url=public_url))


def advance(*, plan: MigrationPlan, at: Moment) -> None:
    """Open what can open now. Idempotent; the caller holds the plan's lock.

    1. Take the stages in order; a stage opens when all before it are complete and its day has come. T-1 also needs a
       rehearsal that passed and still counts, when it opens and when it ends.
    2. A seated stage that opens invites those who can fill its seats.
    3. T-3 that opens tells the stakeholders, and is complete by that.
    4. A stage is complete when its seats are signed and its items of the checklist are ticked (`plans.gates`).
    5. All complete: the plan is approved.

    A confirmed emergency opens all stages at once, and needs every seat all the same.
    """
    revision = plan_queries.newest_revision(plan)
    if revision is None or plan.status != PlanStatus.SUBMITTED or _unconfirmed(plan, revision):
        return
    complete = True
    for stage in queries.stages(revision):
        if stage.opens_at is not None and at.now < stage.opens_at:
            return
        if _lacks_proof(stage, plan=plan, revision=revision, at=at):
            return
        complete = _open(stage, plan=plan, revision=revision, at=at) and complete
        if not complete and not plan.emergency_reason:
            return
    if complete:
        _approve(plan, revision=revision, at=at)


def _lacks_proof(
    stage: ChainStage, *, plan: MigrationPlan, revision: PlanRevision, at: Moment
) -> bool:
    """The go is not asked before a rehearsal counts; an emergency does not wait for one."""
    closed = stage.stage == Stage.GO and stage.opened_at is None and not plan.emergency_reason
    return closed and bool(rehearsals.gate_problem(revision, now=at.now))


def _gate_holds(
    stage: ChainStage, *, plan: MigrationPlan, revision: PlanRevision, at: Moment
) -> bool:
    """Say whether the checklist, and at the go the rehearsal, keep a signed stage from passing."""
    if gates.open_items(plan, stage.stage):
        return True
    return stage.stage == Stage.GO and bool(rehearsals.gate_problem(revision, now=at.now))


def _unconfirmed(plan: MigrationPlan, revision: PlanRevision) -> bool:
    return bool(plan.emergency_reason) and revision.emergency.confirmed_at is None


def _open(stage: ChainStage, *, plan: MigrationPlan, revision: PlanRevision, at: Moment) -> bool:
    """Open the stage if it is not open yet; return whether it is complete."""
    if stage.completed_at is not None:
        return True
    mine = list(queries.seats(revision).filter(stage=stage.stage))
    if stage.opened_at is None:
        stage.opened_at = at.now
        stage.save(update_fields=["opened_at"])
        if stage.stage == Stage.NOTIFY:
            _notify_stakeholders(plan, revision=revision, at=at)
        _open_seats(mine, plan=plan, at=at)
    if any(seat.decision != Decision.APPROVE for seat in mine):
        return False
    if not plan.emergency_reason and _gate_holds(stage, plan=plan, revision=revision, at=at):
        return False  # what opens the gate later calls `go_on`; the sweep finds it too
    stage.completed_at = at.now
    stage.save(update_fields=["completed_at"])
    return True


def _open_seats(seats: list[Seat], *, plan: MigrationPlan, at: Moment) -> None:
    """Open the seats and invite. Who holds which role is read once for all of them: `keep_seats` sees what changes meanwhile."""
    if not seats:
        return
    Seat.objects.filter(pk__in=[seat.pk for seat in seats]).update(opened_at=at.now)
    with remembering():
        for seat in seats:
            seat.opened_at = at.now
            invitations.invite_all(seat, plan=plan, at=at)


def _notify_stakeholders(plan: MigrationPlan, *, revision: PlanRevision, at: Moment) -> None:
    revision.stakeholders_notified_at = at.now
    revision.save(update_fields=["stakeholders_notified_at"])
    recipients = mails.tell_stakeholders(
        plan=plan,
        revision=revision,
        template="stakeholder_notice",
        key=f"t3-{revision.pk}",
        at=at,
    )
    plans.prove(
        plan=plan,
        key="stakeholders-notified-before",
        note=f"{len(recipients)} addresses told",
        evidence=f"{plans.path(plan)}#activity",
        now=at.now,
    )
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.STAKEHOLDERS_NOTIFIED,
            actor=PORTAL,
            sentence=f"{len(recipients)} stakeholders were told of {plan.number} (T-3).",
            phi=revision.phi,
            facts={"recipients": recipients},
        )
    )


def _when(plan: MigrationPlan, *, at: Moment) -> str:
    if plan.scheduled_for and plan.scheduled_for > at.now:
        return (
            f"All seats are signed. The run starts at {mails.plan_time(plan, plan.scheduled_for)}."
        )
    return "All seats are signed. T-0 has passed meanwhile, so the run starts now."


def _approve(plan: MigrationPlan, *, revision: PlanRevision, at: Moment) -> None:
    before = Seat.objects.filter(revision=revision, voided_at__isnull=False).count()
    mails.tell_outcome(
        plan=plan,
        revision=revision,
        outcome="approved",
        sentence=_when(plan, at=at),
        key=f"approved-{revision.pk}-{before}",
        at=at,
    )
    plans.prove(
        plan=plan,
        key="approval-obtained",
        note="All seats signed",
        evidence=f"{plans.path(plan)}#sign-offs",
        now=at.now,
    )
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.PLAN_APPROVED,
        actor=PORTAL,
        sentence=f"All seats of {plan.number} are signed; it is approved.",
        phi=revision.phi,
        facts={"digest": revision.digest},
    )
    plans.move(plan, status=PlanStatus.APPROVED, entry=entry, now=at.now)
