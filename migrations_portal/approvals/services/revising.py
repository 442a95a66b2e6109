"""Opening a submitted plan for changes: its signatures and ticks count no more, and everyone who signed is told (A4)."""

from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.rules import check_reason
from migrations_portal.approvals.services import chain, mails
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.people.models import Person
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PLAN_STATES, PlanStatus


@transaction.atomic
def revise(
    *, plan_id: int, by: Person, reason: str, now: datetime, day: timedelta, public_url: str
) -> MigrationPlan:
    """Make a submitted, approved, scheduled or rejected plan a draft again; the next submission is another revision.

    Raises `NotYourPlan`, `ReasonMissing`, `TransitionRefused`.
    """
    plan = plans.lock(plan_id)
    if plan.author_id != by.pk:
        raise plans.NotYourPlan(
            f"{plan.number} belongs to {plan.author.full_name}; only they may change it."
        )
    given = check_reason(reason)
    PLAN_STATES.check(source=PlanStatus(plan.status), target=PlanStatus.DRAFT)
    revision = plan_queries.newest_revision(plan)
    if revision is None:
        raise plan_queries.PlanNotFound(f"{plan.number} was never submitted; it is a draft.")
    signed = _void(
        plan, revision=revision, reason=given, at=Moment(now=now, day=day, public_url=public_url)
    )
    unticked = plans.untick(plan)
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.PLAN_REOPENED,
        actor=audit.actor(by),
        sentence=f"{by.full_name} opened {plan.number} for changes: revision {revision.number} counts no more.",
        reason=given,
        phi=revision.phi,
        facts={
            "digest": revision.digest,
            "void_signatures": [seat.printed_name for seat in signed],
            "unticked": unticked,
        },
    )
    plans.reopen(plan, entry=entry, now=now)
    return plan


def _void(plan: MigrationPlan, *, revision: PlanRevision, reason: str, at: Moment) -> list[Seat]:
    mails.tell_outcome(
        plan=plan,
        revision=revision,
        outcome="open for changes",
        sentence=f"{plan.author.full_name} changes the plan. What was signed counts no more; "
        "you are asked again, and see what changed, when it is submitted anew.",
        reason=reason,
        key=f"reopened-{revision.pk}",
        at=at,
    )
    mails.correct_stakeholders(
        plan=plan,
        revision=revision,
        sentence="The plan is being changed; you hear again when its new day is known.",
        key=f"reopened-{revision.pk}",
        at=at,
    )
    chain.close(revision=revision, now=at.now)
    seats = chain.void(
        queries.seats(revision), reason="The plan was opened for changes.", now=at.now
    )
    return [seat for seat in seats if seat.decision]
