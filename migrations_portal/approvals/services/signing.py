"""Deciding on a seat. Seat, ledger entry and mails are one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import (
    DECISIONS_PER_MINUTE,
    MEANINGS,
    STAGES,
    Stage,
    asks_again,
)
from migrations_portal.approvals.rules import (
    AlreadyDecided,
    Decision,
    RevisionStale,
    SignedTooLate,
    TooMany,
    check_reason,
    check_was_read,
)
from migrations_portal.approvals.services import chain, mails, powers, progress
from migrations_portal.approvals.services.advancing import move_on
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.approvals.services.progress import Progress
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.kernel.memory import remembering
from migrations_portal.notifications import services as notifications
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.queries import PlanNotFound
from migrations_portal.plans.rules import PlanStatus


@dataclass(frozen=True)
class Evidence:
    """How a decision was made: from where, how the person proved who they are, and since when they saw the page."""

    ip: str | None
    user_agent: str
    factors: str
    shown_at: datetime | None = None


@transaction.atomic
def sign_off(
    *,
    seat_id: int,
    by: Person,
    decision: Decision,
    reason: str,
    digest: str,
    evidence: Evidence,
    now: datetime,
    day: timedelta,
    public_url: str,
) -> Seat:
    """Decide on a seat. `digest` is what the page showed; a signature binds to exactly that content.

    Raises `ReasonMissing`, `RevisionStale`, `SignedTooLate`, `NotAllowed`, `TooQuick`, `TooMany` and what
    `rules.check_may_sign` raises.
    """
    at = Moment(now=now, day=day, public_url=public_url)
    given = check_reason(reason)
    of_seat = Seat.objects.filter(pk=seat_id).values("revision__plan")
    plan = plans.lock_one(MigrationPlan.objects.filter(pk__in=of_seat))
    with audit.together(), notifications.together(), remembering():
        seat, found = _read(plan, seat_id=seat_id, by=by, now=now)
        if seat.decision:
            raise AlreadyDecided(
                f"{seat.printed_name} decided on this seat already ({seat.decision.lower()})."
            )
        if plan.revision != seat.revision.number or digest != seat.revision.digest:
            raise RevisionStale
        if found.sign_by is not None and now >= found.sign_by:
            raise SignedTooLate  # the sweep ends the plan; until it has, nothing is signed either
        giver = powers.check_may_decide(seat, by=by, now=now)
        _check_pace(found, evidence=evidence, now=now)
        _put(seat, decision=decision, by=by, giver=giver, reason=given, evidence=evidence, now=now)
        found.decided(seat)
        _tell_the_others(seat, plan=plan, by=by, at=at)
        if decision is Decision.APPROVE:
            _record_signature(seat, plan=plan, by=by)
            _go_on(seat, found=found, at=at)
        else:
            _reject(seat, found=found, by=by, at=at)
    return seat


def _read(plan: MigrationPlan, *, seat_id: int, by: Person, now: datetime) -> tuple[Seat, Progress]:
    """Lock the plan's seats; the plan is locked already, as every verb takes them in this order."""
    found = progress.read(plan, by=by, seat_id=seat_id, now=now)
    if found is None:
        raise PlanNotFound
    return found.every[seat_id], found


def _go_on(seat: Seat, *, found: Progress, at: Moment) -> None:
    """Save the signature, and open what it opens: nothing as long as its own stage lacks another one."""
    if found.signed(seat.stage):
        move_on(found, at=at, for_a_person=True)
    else:
        found.save()


def _check_pace(found: Progress, *, evidence: Evidence, now: datetime) -> None:
    revision = found.revision
    if evidence.shown_at is not None and asks_again(
        level=revision.level, phi=revision.phi, emergency=bool(found.plan.emergency_reason)
    ):
        check_was_read(shown_at=evidence.shown_at, now=now)
    if found.decided_lately >= DECISIONS_PER_MINUTE:
        raise TooMany


def _put(
    seat: Seat,
    *,
    decision: Decision,
    by: Person,
    giver: Person | None,
    reason: str,
    evidence: Evidence,
    now: datetime,
) -> None:
    role, stage = Role(seat.role), Stage(seat.stage)
    seat.decision, seat.decided_by, seat.on_behalf_of = str(decision), by, giver
    seat.decided_at, seat.unfillable_since = now, None
    seat.printed_name = f"{by.full_name} for {giver.full_name}" if giver else by.full_name
    seat.signed_digest, seat.reason = seat.revision.digest, reason
    approves = decision is Decision.APPROVE
    seat.meaning = (MEANINGS[stage] if approves else "send back as {role}").format(role=role.title)
    seat.factors = evidence.factors
    seat.ip, seat.user_agent = evidence.ip, evidence.user_agent[:300]


def _tell_the_others(seat: Seat, *, plan: MigrationPlan, by: Person, at: Moment) -> None:
    """Tell those who were asked for the same seat that it is done. PostgreSQL takes the links back (migration 0018)."""
    others = queries.people(set(seat.asked) - {by.pk}, group=plan.target.group)
    mails.tell(
        others,
        plan=plan,
        revision=seat.revision,
        template="seat_decided",
        key=f"decided-{seat.pk}",
        at=at,
        **mails.seat_words(seat, plan=plan),
        decided_by=seat.printed_name,
        decided_word="signed" if seat.decision == Decision.APPROVE else "sent the plan back",
    )


def _record_signature(seat: Seat, *, plan: MigrationPlan, by: Person) -> None:
    stage = STAGES[Stage(seat.stage)]
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.SEAT_SIGNED,
            actor=audit.actor(by),
            sentence=f"{seat.printed_name} signed {stage.label} of {plan.number}, "
            f"revision {seat.revision.number}: {seat.meaning}.",
            reason=seat.reason,
            phi=seat.revision.phi,
            facts=_signature(seat),
        )
    )


def _signature(seat: Seat) -> dict[str, object]:
    """Return the signature as every record of it shows it (A9)."""
    return {
        "printed_name": seat.printed_name,
        "on_behalf_of": seat.on_behalf_of.email if seat.on_behalf_of else "",
        "role": seat.role,
        "stage": seat.stage,
        "meaning": seat.meaning,
        "factors": seat.factors,
        "digest": seat.signed_digest,
        "ip": seat.ip or "unknown",
        "user_agent": seat.user_agent,
    }


def _reject(seat: Seat, *, found: Progress, by: Person, at: Moment) -> None:
    plan, revision = found.plan, found.revision
    found.save()
    mails.tell_outcome(
        plan=plan,
        revision=revision,
        outcome="sent back",
        sentence=f"{seat.printed_name} sent it back as {Role(seat.role).noun}.",
        reason=seat.reason,
        key=f"rejected-{revision.pk}",
        at=at,
        people=[each for each in found.concerned() if each.pk != by.pk],
    )
    mails.correct_stakeholders(
        plan=plan,
        revision=revision,
        sentence="It was sent back by a reviewer, so it does not happen on that day.",
        key=f"rejected-{revision.pk}",
        at=at,
    )
    chain.pass_over(revision, now=at.now)
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.SEAT_REJECTED,
        actor=audit.actor(by),
        sentence=f"{seat.printed_name} sent {plan.number} back: {seat.meaning}.",
        reason=seat.reason,
        result="rejected",
        phi=revision.phi,
        facts=_signature(seat),
    )
    plans.move(plan, status=PlanStatus.REJECTED, entry=entry, now=at.now)
