"""Moving T-0 later. What people signed about the content stays; the go is asked anew, because it was given for a day."""

from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals.policy import STAGES, Duty, Stage, due_at
from migrations_portal.approvals.rules import PostponementRefused, check_postponement, check_reason
from migrations_portal.approvals.services import chain, mails
from migrations_portal.approvals.services.advancing import advance
from migrations_portal.approvals.services.ending import check_may_change_course, expire
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Actor, EntryKind
from migrations_portal.kernel.days import days_from
from migrations_portal.kernel.states import TransitionRefused
from migrations_portal.people.models import Person
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans import slots
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import POSTPONED_AT_MOST, PlanStatus

WAITS = frozenset({PlanStatus.SUBMITTED, PlanStatus.APPROVED, PlanStatus.SCHEDULED})


@transaction.atomic
def postpone(
    *,
    plan_id: int,
    by: Person,
    to: datetime,
    reason: str,
    now: datetime,
    day: timedelta,
    public_url: str,
) -> MigrationPlan:
    """Move T-0 of a plan that has not begun. Raises `NotAllowed`, `PostponementRefused`, `ReasonMissing`, `TransitionRefused`."""
    at = Moment(now=now, day=day, public_url=public_url)
    plan = plans.lock(plan_id)
    check_may_change_course(plan, by=by)
    given = check_reason(reason)
    revision = plan_queries.newest_revision(plan)
    if plan.status not in WAITS or revision is None or plan.scheduled_for is None:
        raise TransitionRefused(
            f"{plan.number} is {plan.status.lower().replace('_', ' ')}; there is no run to postpone."
        )
    if plan.emergency_reason:
        raise PostponementRefused(
            "An emergency is not postponed: what can wait takes the normal path. Open it for changes, or call it off."
        )
    check_postponement(
        planned=plan.planned_for or plan.scheduled_for,
        present=plan.scheduled_for,
        wanted=to,
        now=now,
    )
    gate = slots.gate(plan, level=revision.level, at=to)
    if not gate.open:
        raise PostponementRefused(f"The new T-0 does not fit. {gate.sentence}")
    sentence = f"{by.full_name} postponed {plan.number}"
    _move(plan, revision=revision, to=to, said=sentence, actor=audit.actor(by), reason=given, at=at)
    return plan


def postpone_late(plan: MigrationPlan, *, revision: PlanRevision, stage: Stage, at: Moment) -> None:
    """Postpone because a stage is not signed in time; expire when the new T-0 would lie too far from the signed one.

    1. By as many days as put the stage's gate ahead of us.
    2. From there on to the next window that fits.

    The caller holds the plan's lock.
    """
    t0 = plan.scheduled_for or at.now
    gate = next(each for each in STAGES[stage].nudges if each.duty is Duty.POSTPONE)
    zone, days = plan.target.zone, 1
    last = (plan.planned_for or t0) + POSTPONED_AT_MOST
    wanted = days_from(t0, days=days, zone=zone, day=at.day)
    while (
        due_at(stage, t0=wanted, zone=zone, day=at.day) + gate.after_due <= at.now
        and wanted <= last
    ):
        days += 1
        wanted = days_from(t0, days=days, zone=zone, day=at.day)
    fits = slots.first_fit(plan, level=revision.level, after=wanted)
    if fits is None or fits > last:
        expire(plan, at=at)
        return
    facts = STAGES[stage]
    _move(
        plan,
        revision=revision,
        to=fits,
        said=f"{facts.label} {facts.title} of {plan.number} was not signed in time, so the run is postponed",
        actor=PORTAL,
        reason="",
        at=at,
    )


def postpone_for_window(plan: MigrationPlan, *, to: datetime, why: str, at: Moment) -> None:
    """Move T-0 to the next window, because the one that people signed for is closed. The caller holds the plan's lock."""
    revision = plan_queries.newest_revision(plan)
    assert revision is not None  # noqa: S101  # it had a run
    _move(
        plan,
        revision=revision,
        to=to,
        said=f"{plan.number} could not run in its window, so it is postponed",
        actor=PORTAL,
        reason=why,
        at=at,
    )


def _move(
    plan: MigrationPlan,
    *,
    revision: PlanRevision,
    to: datetime,
    said: str,
    actor: Actor,
    reason: str,
    at: Moment,
) -> None:
    before = plan.scheduled_for
    plan.scheduled_for = to
    plan.save(update_fields=["scheduled_for"])
    chain.ask_go_anew(revision=revision, reason="T-0 moved, so the go is asked anew.", at=at)
    plans.untick(plan, keys=["approval-obtained"])
    chain.move_dates(plan=plan, revision=revision, at=at)
    sentence = f"{said} to {mails.plan_time(plan, to)}."
    key = f"postponed-{revision.pk}-{to.timestamp():.0f}"
    mails.tell_outcome(
        plan=plan,
        revision=revision,
        outcome="postponed",
        sentence=sentence,
        reason=reason,
        key=key,
        at=at,
    )
    mails.correct_stakeholders(plan=plan, revision=revision, sentence=sentence, key=key, at=at)
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.PLAN_POSTPONED,
        actor=actor,
        sentence=sentence,
        reason=reason,
        phi=revision.phi,
        facts={"from": before.isoformat() if before else "", "to": to.isoformat()},
    )
    if plan.status == PlanStatus.SUBMITTED:
        audit.append(entry)
    else:
        plans.move(plan, status=PlanStatus.SUBMITTED, entry=entry, now=at.now)
    advance(plan=plan, at=at)


def was_postponed(plan: MigrationPlan) -> bool:
    """Say whether T-0 is no longer the one that people signed."""
    return plan.planned_for is not None and plan.planned_for != plan.scheduled_for
