"""Opening the chain and deciding on seats. Seat, ledger entry and mails are one transaction."""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Invitation, Seat
from migrations_portal.approvals.rules import (
    MEANINGS,
    POLICY_VERSION,
    STAGES,
    TOKEN_LIFE,
    AlreadyDecided,
    Decision,
    ReasonMissing,
    RevisionStale,
    SeatFacts,
    SeatUnfillable,
    Stage,
    check_may_sign,
    due_at,
    opens_at,
    seats_for,
)
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.kernel.memory import remembered
from migrations_portal.notifications import services as notifications
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.rehearsals import queries as rehearsal_queries
from migrations_portal.rehearsals import services as rehearsals
from migrations_portal.targets import queries as target_queries

logger = logging.getLogger(__name__)

BACKUP_POLICY = "full dump, read back and restored before the run; 90 days, 7 years when PHI"
"""What signers rely on; part of the signed content. Figures: spec, "Backup Retention"."""


@dataclass(frozen=True)
class Evidence:
    """How a decision was made: from where, and how the person proved who they are."""

    ip: str | None
    user_agent: str
    factors: str


@transaction.atomic
def submit(
    *, plan_id: int, by: Person, now: datetime, day: timedelta, public_url: str
) -> PlanRevision:
    """Submit a draft: freeze it, lay out its seats and open the first stage.

    Raises `PlanIncomplete` (names each missing thing), `NotYourPlan`, `NotADraft`, `NotAllowed`.
    """
    revision = plans.freeze(
        plan_id=plan_id,
        by=by,
        policy_version=POLICY_VERSION,
        backup_policy=BACKUP_POLICY,
        now=now,
        day=day,
    )
    plan = revision.plan
    t0 = plan.scheduled_for or now
    Seat.objects.bulk_create(
        Seat(
            revision=revision,
            position=position,
            stage=str(spec.stage),
            role=str(spec.role),
            due_at=due_at(spec.stage, t0=t0, day=day),
        )
        for position, spec in enumerate(seats_for(level=revision.level, phi=revision.phi))
    )
    _check_seats_can_be_filled(revision)
    advance(plan=plan, now=now, day=day, public_url=public_url)
    rehearsals.ask_anew(plan=plan, revision=revision, now=now)
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.PLAN_SUBMITTED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} submitted revision {revision.number} of {plan.number} for review.",
            reason=plan.justification,
            phi=revision.phi,
            facts={
                "digest": revision.digest,
                "level": revision.level,
                "policy_version": POLICY_VERSION,
            },
        )
    )
    return revision


def _check_seats_can_be_filled(revision: PlanRevision) -> None:
    """Raise `SeatUnfillable` when a role of the chain has no active holder other than the author."""
    empty = {
        Role(seat.role).title for seat in queries.seats(revision) if not queries.holders_of(seat)
    }
    if empty:
        raise SeatUnfillable(
            f"Nobody but the author could sign as {', '.join(sorted(empty))}. Ask an administrator to give somebody the role."
        )


def advance(*, plan: MigrationPlan, now: datetime, day: timedelta, public_url: str) -> None:
    """Open what can open now. Idempotent; the caller holds the plan's lock.

    1. Take the stages in order; a stage opens when all before it are complete and its day has come. T-1 also needs a
       rehearsal that counts.
    2. A seated stage that opens invites the holders of its roles.
    3. T-3 that opens tells the stakeholders.
    4. All seats signed: the plan is approved.
    """
    revision = plan_queries.newest_revision(plan)
    if revision is None or plan.status != PlanStatus.SUBMITTED:
        return
    t0 = plan.scheduled_for or now
    seats = list(queries.seats(revision))
    for stage in (Stage.REVIEW, Stage.SECURITY, Stage.NOTIFY, Stage.GO):
        opening = opens_at(stage, t0=t0, day=day)
        if opening is not None and now < opening:
            return
        if stage is Stage.NOTIFY:
            _notify_stakeholders(plan, revision=revision, now=now, public_url=public_url)
            continue
        if stage is Stage.GO and rehearsal_queries.gate_problem(revision, now=now):
            return
        mine = [seat for seat in seats if seat.stage == stage]
        _open(mine, plan=plan, revision=revision, now=now, day=day, public_url=public_url)
        if any(seat.decision != Decision.APPROVE for seat in mine):
            return
    _approve(plan, revision=revision, now=now, public_url=public_url)


def _open(
    seats: list[Seat],
    *,
    plan: MigrationPlan,
    revision: PlanRevision,
    now: datetime,
    day: timedelta,
    public_url: str,
) -> None:
    for seat in seats:
        if seat.opened_at is None:
            Seat.objects.filter(pk=seat.pk, opened_at__isnull=True).update(opened_at=now)
            seat.opened_at = now
            for person in queries.holders_of(seat):
                _invite(
                    seat,
                    person=person,
                    plan=plan,
                    revision=revision,
                    now=now,
                    public_url=public_url,
                )


def _invite(
    seat: Seat,
    *,
    person: Person,
    plan: MigrationPlan,
    revision: PlanRevision,
    now: datetime,
    public_url: str,
) -> None:
    token = secrets.token_urlsafe(32)
    t0 = plan.scheduled_for or now
    Invitation.objects.create(
        seat=seat,
        person=person,
        token_hash=hashlib.sha256(token.encode()).hexdigest(),
        created_at=now,
        expires_at=max(min(now + TOKEN_LIFE, t0), now + timedelta(hours=1)),
    )
    stage = STAGES[Stage(seat.stage)]
    notifications.queue_mail(
        template="sign_off_requested",
        to=person.email,
        context={
            **mail_facts(plan, revision=revision),
            "person_name": person.first_name,
            "role_title": Role(seat.role).title,
            "stage_title": f"{stage.label} {stage.title}",
            "due": plan_time(plan, seat.due_at),
            "url": f"{public_url}/s/{token}/",
        },
        dedup_key=f"seat-{seat.pk}",
        now=now,
        plan_id=plan.pk,
    )


def plan_time(plan: MigrationPlan, instant: datetime) -> str:
    """Return an instant in the words and the time zone of the plan's target."""
    return f"{instant.astimezone(plan.target.zone):%a %d %b %Y, %H:%M %Z}"


def mail_facts(plan: MigrationPlan, *, revision: PlanRevision) -> dict[str, object]:
    """Return what any mail about a plan may say: no SQL, no PHI (A11)."""
    return {
        "plan_number": plan.number,
        "plan_title": plan.title,
        "level": revision.level,
        "phi": revision.phi,
        "target": plan.target.name,
        "author_name": plan.author.full_name,
        "t0": plan_time(plan, plan.scheduled_for or revision.submitted_at),
        "revision": revision.number,
    }


def _notify_stakeholders(
    plan: MigrationPlan, *, revision: PlanRevision, now: datetime, public_url: str
) -> None:
    claimed = PlanRevision.objects.filter(
        pk=revision.pk, stakeholders_notified_at__isnull=True
    ).update(stakeholders_notified_at=now)
    if not claimed:
        return
    told = target_queries.stakeholders(target=plan.target, phi=revision.phi)
    for each in told:
        notifications.queue_mail(
            template="stakeholder_notice",
            to=each.email,
            context={
                **mail_facts(plan, revision=revision),
                "person_name": each.name,
                "group": each.kind.replace("_", " ").lower(),
                "url": f"{public_url}{plans.path(plan)}",
            },
            dedup_key=f"t3-{revision.pk}",
            now=now,
            plan_id=plan.pk,
        )
    recipients = [f"{each.kind.replace('_', ' ').lower()}: {each.email}" for each in told]
    plans.prove(
        plan=plan,
        key="stakeholders-notified-before",
        note=f"{len(told)} addresses told",
        evidence=f"{plans.path(plan)}#activity",
        now=now,
    )
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.STAKEHOLDERS_NOTIFIED,
            actor=PORTAL,
            sentence=f"{len(told)} stakeholders were told of {plan.number} (T-3).",
            phi=revision.phi,
            facts={"recipients": recipients},
        )
    )


def _when(plan: MigrationPlan, *, now: datetime) -> str:
    if plan.scheduled_for and plan.scheduled_for > now:
        return f"All seats are signed. The run starts at {plan_time(plan, plan.scheduled_for)}."
    return "All seats are signed. T-0 has passed meanwhile, so the run starts now."


def _approve(
    plan: MigrationPlan, *, revision: PlanRevision, now: datetime, public_url: str
) -> None:
    notifications.queue_mail(
        template="plan_decided",
        to=plan.author.email,
        context={
            **mail_facts(plan, revision=revision),
            "person_name": plan.author.first_name,
            "outcome": "approved",
            "outcome_sentence": _when(plan, now=now),
            "url": f"{public_url}{plans.path(plan)}",
        },
        dedup_key=f"approved-{revision.pk}",
        now=now,
        plan_id=plan.pk,
    )
    plans.prove(
        plan=plan,
        key="approval-obtained",
        note="All seats signed",
        evidence=f"{plans.path(plan)}#sign-offs",
        now=now,
    )
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.PLAN_APPROVED,
        actor=PORTAL,
        sentence=f"All seats of {plan.number} are signed; it is approved.",
        phi=revision.phi,
        facts={"digest": revision.digest},
    )
    plans.move(plan, status=PlanStatus.APPROVED, entry=entry, now=now)


def sweep(*, now: datetime, day: timedelta, public_url: str) -> int:
    """Open the stages whose day has come, each plan in a transaction of its own; return how many plans moved without a fault.

    One transaction for all would hold the ledger's lock while it waits for the next plan (L2), and one bad plan would stop the rest.
    """
    plan_ids = list(
        MigrationPlan.objects.filter(status=str(PlanStatus.SUBMITTED)).values_list("pk", flat=True)
    )
    done = 0
    for plan_id in plan_ids:
        try:
            with transaction.atomic():
                advance(plan=plans.lock(plan_id), now=now, day=day, public_url=public_url)
        except Exception:
            logger.exception("plan %s: the timeline could not move it", plan_id)
        else:
            done += 1
    return done


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

    Raises `ReasonMissing`, `RevisionStale`, `NotAllowed` and what `rules.check_may_sign` raises.
    """
    if not reason.strip():
        raise ReasonMissing
    seat = Seat.objects.select_related("revision").get(pk=seat_id)
    plan = plans.lock(seat.revision.plan_id)
    seat = Seat.objects.select_for_update(of=("self",)).select_related("revision").get(pk=seat_id)
    revision = seat.revision
    role = Role(seat.role)
    if seat.decision:
        raise AlreadyDecided(
            f"{seat.printed_name} decided on this seat already ({seat.decision.lower()})."
        )
    if plan.revision != revision.number or digest != revision.digest:
        raise RevisionStale
    access.check_holds(person=by, role=role, group=plan.target.group)
    check_may_sign(_facts(seat, plan=plan, by=by))
    seat.decision, seat.decided_by, seat.decided_at = str(decision), by, now
    seat.printed_name, seat.signed_digest, seat.reason = (
        by.full_name,
        revision.digest,
        reason.strip(),
    )
    seat.meaning = (
        MEANINGS[Stage(seat.stage)].format(role=role.title)
        if decision is Decision.APPROVE
        else f"send back as {role.title}"
    )
    seat.factors, seat.ip, seat.user_agent = (
        evidence.factors,
        evidence.ip,
        evidence.user_agent[:300],
    )
    seat.save()
    if decision is Decision.APPROVE:
        _record_signature(seat, plan=plan, by=by)
        advance(plan=plan, now=now, day=day, public_url=public_url)
    else:
        _reject(seat, plan=plan, by=by, now=now, public_url=public_url)
    return seat


def _facts(seat: Seat, *, plan: MigrationPlan, by: Person) -> SeatFacts:
    rows = Seat.objects.filter(revision=seat.revision_id, decided_by=by)
    signed = remembered(
        ("signed", seat.revision_id, by.pk), lambda: list(rows.values_list("role", flat=True))
    )
    return SeatFacts(
        stage=Stage(seat.stage),
        role=Role(seat.role),
        opened=seat.opened_at is not None,
        decided=bool(seat.decision),
        plan_open=plan.status == PlanStatus.SUBMITTED,
        involved=frozenset({plan.author_id, plan.last_editor_id}),
        other_roles_signed=frozenset(Role(role) for role in signed),
        person=by.pk,
    )


def check_may_decide(seat: Seat, *, by: Person) -> None:
    """Raise the reason why `by` cannot decide on the seat now; pages ask this before they show the buttons."""
    plan = seat.revision.plan
    access.check_holds(person=by, role=Role(seat.role), group=plan.target.group)
    check_may_sign(_facts(seat, plan=plan, by=by))


def can_decide(seat: Seat, *, by: Person) -> bool:
    """Say whether `by` may decide on the seat now."""
    try:
        check_may_decide(seat, by=by)
    except Refused:
        return False
    return True


def _record_signature(seat: Seat, *, plan: MigrationPlan, by: Person) -> None:
    stage = STAGES[Stage(seat.stage)]
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.SEAT_SIGNED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} signed {stage.label} of {plan.number}, revision {seat.revision.number}: {seat.meaning}.",
            reason=seat.reason,
            phi=seat.revision.phi,
            facts=_signature(seat),
        )
    )


def _signature(seat: Seat) -> dict[str, object]:
    """Return the signature as every record of it shows it (A9)."""
    return {
        "printed_name": seat.printed_name,
        "role": seat.role,
        "stage": seat.stage,
        "meaning": seat.meaning,
        "factors": seat.factors,
        "digest": seat.signed_digest,
        "ip": seat.ip or "unknown",
        "user_agent": seat.user_agent,
    }


def _reject(seat: Seat, *, plan: MigrationPlan, by: Person, now: datetime, public_url: str) -> None:
    revision = seat.revision
    notifications.queue_mail(
        template="plan_decided",
        to=plan.author.email,
        context={
            **mail_facts(plan, revision=revision),
            "person_name": plan.author.first_name,
            "outcome": "sent back",
            "outcome_sentence": f"{by.full_name} sent it back as {Role(seat.role).title.lower()}.",
            "reason": seat.reason,
            "url": f"{public_url}{plans.path(plan)}",
        },
        dedup_key=f"rejected-{revision.pk}",
        now=now,
        plan_id=plan.pk,
    )
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.SEAT_REJECTED,
        actor=audit.actor(by),
        sentence=f"{by.full_name} sent {plan.number} back: {seat.meaning}.",
        reason=seat.reason,
        result="rejected",
        phi=revision.phi,
        facts=_signature(seat),
    )
    plans.move(plan, status=PlanStatus.REJECTED, entry=entry, now=now)


@transaction.atomic
def record_refusal(*, seat: Seat, by: Person, code: str, sentence: str) -> None:
    """Write down that somebody tried to decide and was refused (L13). Called after the refused transaction ended."""
    audit.append(
        plans.draft_entry(
            seat.revision.plan,
            kind=EntryKind.SIGN_OFF_REFUSED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} tried to decide on a seat of WC-{seat.revision.plan_id} and was refused: {sentence}",
            result="refused",
            phi=seat.revision.phi,
            facts={"code": code, "seat_role": seat.role, "seat_stage": seat.stage},
        )
    )


@transaction.atomic
def record_wrong_person(*, invitation: Invitation, by: Person) -> None:
    """Write down that somebody else than the invited person opened a link (A13)."""
    audit.append(
        plans.draft_entry(
            invitation.seat.revision.plan,
            kind=EntryKind.WRONG_PERSON,
            actor=audit.actor(by),
            sentence=f"{by.full_name} opened a sign-off link that was sent to {invitation.person.full_name}.",
            result="refused",
        )
    )
