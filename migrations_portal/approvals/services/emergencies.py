"""The emergency path: it skips the lead times, never a seat and never a backup. Two people, a reason, a time box, a review after."""

from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Deadline, Emergency
from migrations_portal.approvals.policy import (
    EMERGENCY_CONFIRMERS,
    EMERGENCY_REVIEW_WITHIN,
    EMERGENCY_REVIEWERS,
    POLICY_VERSION,
    Duty,
)
from migrations_portal.approvals.rules import (
    EmergencyRefused,
    NothingOwed,
    SecondPersonNeeded,
    check_reason,
    check_time_box,
)
from migrations_portal.approvals.services import chain, mails, submission
from migrations_portal.approvals.services.advancing import advance
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.kernel.memory import remembered
from migrations_portal.notifications import services as notifications
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.rehearsals import services as rehearsals


@transaction.atomic
def submit_emergency(
    *,
    plan_id: int,
    by: Person,
    reason: str,
    until: datetime,
    now: datetime,
    day: timedelta,
    public_url: str,
    factors: str = "session",
) -> PlanRevision:
    """Submit a draft of one's own on the emergency path; nothing opens before a second person confirms it.

    `factors` is how the person proved who they are, for the ledger.

    Raises what `submission.submit` raises (but for the lead time), `ReasonMissing`, `EmergencyRefused`.
    """
    at = Moment(now=now, day=day, public_url=public_url)
    plan = plans.lock(plan_id)
    given = check_reason(reason)
    check_time_box(t0=plan.scheduled_for or now, until=until, now=now)
    plans.mark_emergency(plan, reason=given, until=until)
    revision = submission.freeze(plan_id=plan_id, by=by, at=at, urgent=True)
    plan = revision.plan
    Emergency.objects.create(
        revision=revision, reason=given, until=until, asked_by=by, asked_at=now
    )
    confirmers = [each for each in _holders(EMERGENCY_CONFIRMERS, plan=plan) if each.pk != by.pk]
    if not confirmers:
        names = ", ".join(sorted(role.noun for role in EMERGENCY_CONFIRMERS))
        raise EmergencyRefused(
            f"Nobody beside you could confirm it. Ask an administrator to give somebody one of these roles: {names}."
        )
    rehearsals.ask_anew(plan=plan, revision=revision, now=now)
    mails.tell(
        confirmers,
        plan=plan,
        revision=revision,
        template="emergency_asked",
        key=f"emergency-asked-{revision.pk}",
        at=at,
        until=mails.plan_time(plan, until),
    )
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.EMERGENCY_ASKED,
            actor=audit.actor(by),
            sentence=f"EMERGENCY: {by.full_name} submitted revision {revision.number} of {plan.number} without the lead times, "
            f"until {mails.plan_time(plan, until)}. A second person has to confirm.",
            reason=given,
            phi=revision.phi,
            facts={
                "digest": revision.digest,
                "level": revision.level,
                "policy_version": POLICY_VERSION,
                "factors": factors,
            },
        )
    )
    return revision


def _holders(roles: frozenset[Role], *, plan: MigrationPlan) -> list[Person]:
    found: dict[int, Person] = {}
    for role in sorted(roles):
        found |= {each.pk: each for each in access.holders(role=role, group=plan.target.group)}
    return list(found.values())


@transaction.atomic
def confirm_emergency(
    *,
    plan_id: int,
    by: Person,
    reason: str,
    now: datetime,
    day: timedelta,
    public_url: str,
    factors: str = "session",
) -> Emergency:
    """Say as the second person that it is an emergency: all seats open at once, and it is told loudly.

    `factors` is how the person proved who they are, for the ledger.

    Raises `NotAllowed`, `SecondPersonNeeded`, `EmergencyRefused`, `ReasonMissing`.
    """
    at = Moment(now=now, day=day, public_url=public_url)
    given = check_reason(reason)
    plan = plans.lock(plan_id)
    row = _open_emergency(plan, now=now)
    revision = row.revision
    if by.pk in {row.asked_by_id, *queries.involved(plan, among=[by])}:
        raise SecondPersonNeeded
    if not access.roles_in(person=by, group=plan.target.group) & EMERGENCY_CONFIRMERS:
        names = ", ".join(sorted(role.noun for role in EMERGENCY_CONFIRMERS))
        raise access.NotAllowed(f"An emergency is confirmed by one of: {names}.")
    row.confirmed_by, row.confirmed_at = by, now
    row.review_due_at = row.until + EMERGENCY_REVIEW_WITHIN
    row.save(update_fields=["confirmed_by", "confirmed_at", "review_due_at"])
    _lay_review(row, first=row.until)
    chain.lay_deadlines(plan=plan, revision=revision, at=at)
    _tell_loudly(row, plan=plan, revision=revision, at=at)
    advance(plan=plan, at=at)
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.EMERGENCY_CONFIRMED,
            actor=audit.actor(by),
            sentence=f"EMERGENCY: {by.full_name} confirmed it for {plan.number}; all seats are open at once.",
            reason=given,
            phi=revision.phi,
            facts={
                "asked_by": row.asked_by.email,
                "until": row.until.isoformat(),
                "factors": factors,
            },
        )
    )
    return row


def _open_emergency(plan: MigrationPlan, *, now: datetime) -> Emergency:
    revision = plan_queries.newest_revision(plan)
    row = Emergency.objects.select_related("asked_by").filter(revision=revision).first()
    if row is None or revision is None or plan.status != PlanStatus.SUBMITTED:
        raise EmergencyRefused(f"{plan.number} does not wait for an emergency to be confirmed.")
    if row.confirmed_at is not None:
        raise EmergencyRefused("This emergency is confirmed already.")
    if now >= row.until:
        raise EmergencyRefused("The time box of this emergency is over.")
    revision.plan, row.revision = plan, revision
    return row


def _lay_review(row: Emergency, *, first: datetime) -> None:
    Deadline.objects.create(revision=row.revision, duty=str(Duty.REVIEW), at=first)


def _tell_loudly(
    row: Emergency, *, plan: MigrationPlan, revision: PlanRevision, at: Moment
) -> None:
    """Tell everybody who signs, confirms, reviews or answers for these targets, the stakeholders, and the chat."""
    people = _holders(frozenset(Role) - {Role.ENGINEER, Role.AUDITOR}, plan=plan)
    key = f"emergency-{revision.pk}"
    facts = {
        "asked_by": row.asked_by.full_name,
        "confirmed_by": row.confirmed_by.full_name if row.confirmed_by else "",
        "until": mails.plan_time(plan, row.until),
    }
    mails.tell(
        [plan.author, *people],
        plan=plan,
        revision=revision,
        template="emergency_declared",
        key=key,
        at=at,
        **facts,
    )
    notifications.queue_chat(
        template="emergency_declared",
        context={
            **mails.mail_facts(plan, revision=revision),
            **facts,
            "url": f"{at.public_url}{plans.path(plan)}",
        },
        dedup_key=key,
        now=at.now,
        plan_id=plan.pk,
    )


def remind_of_review(deadline: Deadline, *, plan: MigrationPlan, at: Moment) -> None:
    """Remind of the review that is still owed, and come back a day later; nothing once it is written."""
    row = (
        Emergency.objects.select_related("asked_by", "confirmed_by")
        .filter(revision=deadline.revision, reviewed_at__isnull=True)
        .first()
    )
    if row is None or row.review_due_at is None:
        return
    row.revision = deadline.revision
    again = max(deadline.at, at.now) + EMERGENCY_REVIEW_WITHIN
    _lay_review(row, first=again)
    mails.tell(
        reviewers(row, plan=plan),
        plan=plan,
        revision=deadline.revision,
        template="emergency_review",
        key=f"emergency-review-{deadline.pk}",
        at=at,
        due=mails.plan_time(plan, row.review_due_at),
        overdue=at.now > row.review_due_at,
    )


def reviewers(row: Emergency, *, plan: MigrationPlan) -> list[Person]:
    """Return who can write the review: none of the two who declared the emergency."""
    declared = {row.asked_by_id, row.confirmed_by_id}
    return [each for each in _holders(EMERGENCY_REVIEWERS, plan=plan) if each.pk not in declared]


@transaction.atomic
def review_emergency(*, plan_id: int, by: Person, finding: str, now: datetime) -> Emergency:
    """Write the review that an emergency owes. Raises `NothingOwed`, `NotAllowed`, `ReasonMissing`."""
    given = check_reason(finding)
    plan = plans.lock(plan_id)
    row = owed_review(plan)
    if row is None:
        raise NothingOwed(f"{plan.number} owes no review.")
    if by.pk not in {each.pk for each in reviewers(row, plan=plan)}:
        names = ", ".join(sorted(role.noun for role in EMERGENCY_REVIEWERS))
        raise access.NotAllowed(
            f"An emergency is reviewed by one of: {names}; not by the two who declared it."
        )
    row.reviewed_by, row.reviewed_at, row.finding = by, now, given
    row.save(update_fields=["reviewed_by", "reviewed_at", "finding"])
    Deadline.objects.filter(
        revision=row.revision, duty=str(Duty.REVIEW), done_at__isnull=True
    ).update(done_at=now, outcome="passed over")
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.EMERGENCY_REVIEWED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} reviewed the emergency of {plan.number}.",
            reason=given,
            phi=row.revision.phi,
            facts={"in_time": bool(row.review_due_at and now <= row.review_due_at)},
        )
    )
    return row


def owed_review(plan: MigrationPlan) -> Emergency | None:
    """Return the oldest confirmed emergency of the plan whose review is still owed."""
    if not plan.emergency_reason and plan.revision <= 1:
        return None  # nothing was ever an emergency here
    rows = Emergency.objects.filter(
        revision__plan=plan, confirmed_at__isnull=False, reviewed_at__isnull=True
    )
    oldest = rows.select_related("revision", "asked_by", "confirmed_by").order_by("pk")
    return remembered(("owed", plan.pk), oldest.first)
