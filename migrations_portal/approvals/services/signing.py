"""Deciding on a seat. Seat, ledger entry and mails are one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals.models import Invitation, Seat
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
    TooMany,
    check_reason,
    check_was_read,
)
from migrations_portal.approvals.services import chain, invitations, mails, powers
from migrations_portal.approvals.services.advancing import advance
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
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

    Raises `ReasonMissing`, `RevisionStale`, `NotAllowed`, `TooQuick`, `TooMany` and what `rules.check_may_sign` raises.
    """
    at = Moment(now=now, day=day, public_url=public_url)
    given = check_reason(reason)
    seat, plan = _locked(seat_id)
    if seat.decision:
        raise AlreadyDecided(
            f"{seat.printed_name} decided on this seat already ({seat.decision.lower()})."
        )
    if plan.revision != seat.revision.number or digest != seat.revision.digest:
        raise RevisionStale
    giver = powers.check_may_decide(seat, by=by, now=now)
    _check_pace(seat, plan=plan, by=by, evidence=evidence, now=now)
    _write(seat, decision=decision, by=by, giver=giver, reason=given, evidence=evidence, now=now)
    _tell_the_others(seat, plan=plan, by=by, at=at)
    if decision is Decision.APPROVE:
        _record_signature(seat, plan=plan, by=by)
        advance(plan=plan, at=at)
    else:
        _reject(seat, plan=plan, by=by, at=at)
    return seat


def _locked(seat_id: int) -> tuple[Seat, MigrationPlan]:
    """Lock the plan first, then the seat: every verb takes them in this order."""
    plan_id = Seat.objects.values_list("revision__plan_id", flat=True).get(pk=seat_id)
    plan = plans.lock(plan_id)
    seat = Seat.objects.select_for_update(of=("self",)).select_related("revision").get(pk=seat_id)
    seat.revision.plan = plan
    return seat, plan


def _check_pace(
    seat: Seat, *, plan: MigrationPlan, by: Person, evidence: Evidence, now: datetime
) -> None:
    revision = seat.revision
    if evidence.shown_at is not None and asks_again(
        level=revision.level, phi=revision.phi, emergency=bool(plan.emergency_reason)
    ):
        check_was_read(shown_at=evidence.shown_at, now=now)
    since = now - timedelta(minutes=1)
    if Seat.objects.filter(decided_by=by, decided_at__gt=since).count() >= DECISIONS_PER_MINUTE:
        raise TooMany


def _write(
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
    seat.save()


def _tell_the_others(seat: Seat, *, plan: MigrationPlan, by: Person, at: Moment) -> None:
    """Tell those who were asked for the same seat that it is done, and take their links back."""
    rows = Invitation.objects.filter(seat=seat, revoked_at__isnull=True).select_related("person")
    others = [row.person for row in rows if row.person_id != by.pk]
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
    invitations.revoke(now=at.now, seat=seat)


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


def _reject(seat: Seat, *, plan: MigrationPlan, by: Person, at: Moment) -> None:
    revision = seat.revision
    mails.tell_outcome(
        plan=plan,
        revision=revision,
        outcome="sent back",
        sentence=f"{seat.printed_name} sent it back as {Role(seat.role).noun}.",
        reason=seat.reason,
        key=f"rejected-{revision.pk}",
        at=at,
        but=by,
    )
    mails.correct_stakeholders(
        plan=plan,
        revision=revision,
        sentence="It was sent back by a reviewer, so it does not happen on that day.",
        key=f"rejected-{revision.pk}",
        at=at,
    )
    chain.close(revision=revision, now=at.now)
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
