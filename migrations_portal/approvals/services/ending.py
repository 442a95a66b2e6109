"""Ending a plan before its run: withdrawn by its author, cancelled with a reason, or expired because its day passed."""

from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals.policy import COURSE_ROLES
from migrations_portal.approvals.rules import check_reason
from migrations_portal.approvals.services import chain, mails
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Actor, EntryKind
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PLAN_STATES, PlanStatus


def check_may_change_course(plan: MigrationPlan, *, by: Person) -> None:
    """Raise `NotAllowed` unless `by` wrote the plan or holds one of the roles that may cancel and postpone it."""
    if by.pk == plan.author_id and by.is_active:
        return
    if not access.roles_in(person=by, group=plan.target.group) & COURSE_ROLES:
        names = ", ".join(sorted(role.noun for role in COURSE_ROLES))
        raise access.NotAllowed(f"Only the author or one of these may do this: {names}.")


@transaction.atomic
def withdraw(
    *, plan_id: int, by: Person, reason: str, now: datetime, day: timedelta, public_url: str
) -> MigrationPlan:
    """Take back a plan of one's own that is not approved yet. Raises `NotYourPlan`, `ReasonMissing`, `TransitionRefused`."""
    plan = plans.lock(plan_id)
    if plan.author_id != by.pk:
        raise plans.NotYourPlan(
            f"{plan.number} belongs to {plan.author.full_name}; only they may withdraw it."
        )
    return _end(
        plan,
        status=PlanStatus.WITHDRAWN,
        kind=EntryKind.PLAN_WITHDRAWN,
        actor=audit.actor(by),
        sentence=f"{by.full_name} withdrew {plan.number}.",
        reason=check_reason(reason),
        at=Moment(now=now, day=day, public_url=public_url),
    )


@transaction.atomic
def cancel(
    *, plan_id: int, by: Person, reason: str, now: datetime, day: timedelta, public_url: str
) -> MigrationPlan:
    """Call off a plan that is approved and has not begun. Raises `NotAllowed`, `ReasonMissing`, `TransitionRefused`."""
    plan = plans.lock(plan_id)
    check_may_change_course(plan, by=by)
    return _end(
        plan,
        status=PlanStatus.CANCELLED,
        kind=EntryKind.PLAN_CANCELLED,
        actor=audit.actor(by),
        sentence=f"{by.full_name} cancelled {plan.number}.",
        reason=check_reason(reason),
        at=Moment(now=now, day=day, public_url=public_url),
    )


def expire(plan: MigrationPlan, *, at: Moment, why: str = "") -> None:
    """End a plan whose time is over. The caller holds the plan's lock."""
    if not why and plan.status != PlanStatus.SUBMITTED:
        why = "its window passed before the run began."
    elif not why:
        why = "it was not signed in the time that there was for it."
    _end(
        plan,
        status=PlanStatus.EXPIRED,
        kind=EntryKind.PLAN_EXPIRED,
        actor=PORTAL,
        sentence=f"{plan.number} expired: {why}",
        reason="",
        at=at,
    )


def _end(
    plan: MigrationPlan,
    *,
    status: PlanStatus,
    kind: EntryKind,
    actor: Actor,
    sentence: str,
    reason: str,
    at: Moment,
) -> MigrationPlan:
    PLAN_STATES.check(source=PlanStatus(plan.status), target=status)
    revision = plan_queries.newest_revision(plan)
    told = revision is not None and plan.status not in {PlanStatus.DRAFT, PlanStatus.REJECTED}
    if revision is not None and told:
        outcome = status.lower()
        mails.tell_outcome(
            plan=plan,
            revision=revision,
            outcome=outcome,
            sentence=sentence,
            reason=reason,
            key=f"{outcome}-{revision.pk}",
            at=at,
        )
        mails.correct_stakeholders(
            plan=plan,
            revision=revision,
            sentence=f"It does not happen: the plan was {outcome}.",
            key=f"{outcome}-{revision.pk}",
            at=at,
        )
        chain.close(revision=revision, now=at.now)
    entry = plans.draft_entry(
        plan,
        kind=kind,
        actor=actor,
        sentence=sentence,
        reason=reason,
        result=status.lower(),
        phi=bool(revision and revision.phi),
    )
    plans.move(plan, status=status, entry=entry, now=at.now)
    return plan
