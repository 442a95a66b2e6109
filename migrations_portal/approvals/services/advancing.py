"""Opening what can open now, and approving what is signed."""

from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals.models import ChainStage, Seat
from migrations_portal.approvals.policy import Stage
from migrations_portal.approvals.services import invitations, mails, progress
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.approvals.services.progress import Progress
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.kernel.memory import remembering
from migrations_portal.notifications import services as notifications
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.rehearsals import queries as rehearsals


@transaction.atomic
def go_on(*, plan_id: int, now: datetime, day: timedelta, public_url: str) -> None:
    """Let a plan go on whose gate may have opened: an item was ticked, an assessment saved. Nothing when it has not."""
    with audit.together(), notifications.together():
        advance(plan=plans.lock(plan_id), at=Moment(now=now, day=day, public_url=public_url))


def advance(*, plan: MigrationPlan, at: Moment) -> None:
    """Read where the plan stands, and open what can open now; see `move_on`. The caller holds the plan's lock."""
    if plan.status != PlanStatus.SUBMITTED:
        return
    with remembering():
        found = progress.read(plan, now=at.now)
        if found is not None:
            move_on(found, at=at)


def move_on(found: Progress, *, at: Moment, for_a_person: bool = False) -> None:
    """Open what can open now, and write what changed. Idempotent.

    `for_a_person`: within the request of somebody who signs. What tells the stakeholders (T-3) is left to the portal then:
    the sweep finds that stage within seconds, as it does when its day comes.

    1. Take the stages in order; a stage opens when all before it are complete and its day has come. T-1 also needs a
       rehearsal that passed and still counts, when it opens and when it ends.
    2. T-3 that opens tells the stakeholders, and is complete by that.
    3. A stage is complete when its seats are signed and its items of the checklist are ticked (`plans.gates`).
    4. A seated stage that opened invites those who can fill its seats.
    5. All complete: the plan is approved.

    A confirmed emergency opens all stages at once, and needs every seat all the same.
    """
    opened, complete = _through_the_stages(found, at=at, for_a_person=for_a_person)
    found.save()
    invitations.invite(opened, plan=found.plan, at=at)
    if complete:
        _approve(found, at=at)


def _through_the_stages(
    found: Progress, *, at: Moment, for_a_person: bool
) -> tuple[list[Seat], bool]:
    """Return the seats that opened, and whether every stage is complete."""
    opened: list[Seat] = []
    complete = True
    if _unconfirmed(found):
        return opened, False
    for stage in found.stages:
        if (stage.opens_at is not None and at.now < stage.opens_at) or _lacks_proof(
            stage, found=found, at=at
        ):
            return opened, False
        if stage.opened_at is None:
            if stage.stage == Stage.NOTIFY and for_a_person:
                return opened, False
            opened += found.open_stage(stage, now=at.now)
            if stage.stage == Stage.NOTIFY:
                _notify_stakeholders(found, at=at)
        complete = _complete(stage, found=found, at=at) and complete
        if not complete and not found.plan.emergency_reason:
            return opened, False
    return opened, complete


def _lacks_proof(stage: ChainStage, *, found: Progress, at: Moment) -> bool:
    """The go is not asked before a rehearsal counts; an emergency does not wait for one."""
    closed = stage.stage == Stage.GO and stage.opened_at is None
    return closed and not found.plan.emergency_reason and _not_rehearsed(found, at=at)


def _gate_holds(stage: ChainStage, *, found: Progress, at: Moment) -> bool:
    """Say whether the checklist, and at the go the rehearsal, keep a signed stage from passing."""
    return found.holds(stage) or (stage.stage == Stage.GO and _not_rehearsed(found, at=at))


def _not_rehearsed(found: Progress, *, at: Moment) -> bool:
    return bool(rehearsals.gate_problem(found.revision, now=at.now, verdict=found.verdict))


def _unconfirmed(found: Progress) -> bool:
    return bool(found.plan.emergency_reason) and found.revision.emergency.confirmed_at is None


def _complete(stage: ChainStage, *, found: Progress, at: Moment) -> bool:
    """Complete an open stage if nothing is lacking; return whether it is complete."""
    if stage.completed_at is not None:
        return True
    if not found.signed(stage.stage):
        return False
    if not found.plan.emergency_reason and _gate_holds(stage, found=found, at=at):
        return False  # what opens the gate later calls `go_on`; the sweep finds it too
    found.complete(stage, now=at.now)
    return True


def _notify_stakeholders(found: Progress, *, at: Moment) -> None:
    plan, revision = found.plan, found.revision
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
    found.ticked("stakeholders-notified-before")
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


def _approve(found: Progress, *, at: Moment) -> None:
    plan, revision = found.plan, found.revision
    mails.tell_outcome(
        plan=plan,
        revision=revision,
        outcome="approved",
        sentence=_when(plan, at=at),
        key=f"approved-{revision.pk}-{found.void}",
        at=at,
        people=found.concerned(),
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
