"""What the portal does by itself when time passes: swept from rows, each deadline met once, whatever the clock does."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Deadline, Seat
from migrations_portal.approvals.policy import BACKUPS, STAGES, Duty, Stage
from migrations_portal.approvals.services import emergencies, mails
from migrations_portal.approvals.services.advancing import advance
from migrations_portal.approvals.services.ending import expire
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.approvals.services.postponing import postpone_late
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.kernel.memory import remembering
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus

logger = logging.getLogger(__name__)

STRENGTH = tuple(Duty)
SIGNED = frozenset({PlanStatus.APPROVED, PlanStatus.SCHEDULED})


def sweep(*, now: datetime, day: timedelta, public_url: str) -> int:
    """Open the stages whose day has come and meet the deadlines that are due; return how many plans moved without a fault.

    Each plan in a transaction of its own: one for all would hold the ledger's lock while it waits for the next plan (L2),
    and one bad plan would stop the rest.
    """
    at = Moment(now=now, day=day, public_url=public_url)
    done = 0
    for plan_id in queries.plans_to_move(now=now):
        try:
            with transaction.atomic():
                plan = plans.lock(plan_id)
                meet(plan, at=at)
                advance(plan=plan, at=at)
        except Exception:
            logger.exception("plan %s: the timeline could not move it", plan_id)
        else:
            done += 1
    return done


def meet(plan: MigrationPlan, *, at: Moment) -> None:
    """Meet what is due of one locked plan. After a jump of the clock only the strongest duty of a stage is carried out."""
    due = list(
        Deadline.objects.filter(revision__plan=plan, done_at__isnull=True, at__lte=at.now)
        .select_related("revision")
        .order_by("at", "pk")
    )
    for row in due:
        row.revision.plan = plan
    chosen = _strongest([row for row in due if _matters(row, plan=plan)])
    for outcome, rows in (
        ("acted", chosen),
        ("passed over", [row for row in due if row not in chosen]),
    ):
        ids = [row.pk for row in rows]
        Deadline.objects.filter(pk__in=ids).update(done_at=at.now, outcome=outcome)
    for row in chosen:
        _act(row, plan=plan, at=at)


def _matters(row: Deadline, *, plan: MigrationPlan) -> bool:
    """Say whether the deadline still asks for an act."""
    duty, status = Duty(row.duty), PlanStatus(plan.status)
    if duty is Duty.REVIEW:
        return True
    if row.revision.number != plan.revision:
        return False
    if duty is Duty.SIGN_BY:
        return status is PlanStatus.SUBMITTED
    if duty is Duty.RUN_BY:
        return status in SIGNED
    stage = queries.stages(row.revision).get(stage=row.stage)
    waits = status is PlanStatus.SUBMITTED and stage.completed_at is None
    return waits and (stage.opened_at is not None or duty is Duty.POSTPONE)


def _strongest(rows: list[Deadline]) -> list[Deadline]:
    """Return what is carried out: an end or the earliest stage's postponement alone, else the strongest of each stage."""
    for duty in (Duty.SIGN_BY, Duty.RUN_BY, Duty.POSTPONE):
        if found := [row for row in rows if row.duty == duty]:
            return [found[0], *(row for row in rows if row.duty == Duty.REVIEW)]
    best: dict[str, Deadline] = {}
    for row in rows:
        held = best.get(row.stage)
        if held is None or STRENGTH.index(Duty(row.duty)) >= STRENGTH.index(Duty(held.duty)):
            best[row.stage] = row
    return list(best.values())


def _act(row: Deadline, *, plan: MigrationPlan, at: Moment) -> None:
    duty = Duty(row.duty)
    if duty is Duty.REVIEW:
        emergencies.remind_of_review(row, plan=plan, at=at)
    elif duty in {Duty.SIGN_BY, Duty.RUN_BY}:
        expire(plan, at=at)
    elif duty is Duty.POSTPONE:
        postpone_late(plan, revision=row.revision, stage=Stage(row.stage), at=at)
    else:
        with remembering():
            for seat in _open_seats(row):
                (_remind if duty is Duty.REMIND else _escalate)(seat, row=row, plan=plan, at=at)


def _open_seats(row: Deadline) -> list[Seat]:
    rows = queries.seats(row.revision).filter(stage=row.stage, decision="")
    return list(rows.filter(opened_at__isnull=False))


def _remind(seat: Seat, *, row: Deadline, plan: MigrationPlan, at: Moment) -> None:
    mails.tell(
        queries.signers_of(seat, now=at.now),
        plan=plan,
        revision=row.revision,
        template="seat_reminder",
        key=f"remind-{row.pk}-{seat.pk}",
        at=at,
        path=f"/sign-off/{seat.pk}/",
        **mails.seat_words(seat, plan=plan),
        overdue=seat.due_at <= at.now,
    )


def _escalate(seat: Seat, *, row: Deadline, plan: MigrationPlan, at: Moment) -> None:
    """Tell the role above and the author that a seat is late, and remind those who can sign it."""
    role = Role(seat.role)
    signers = queries.signers_of(seat, now=at.now)
    above = _above(role, plan=plan)
    names = ", ".join(each.full_name for each in signers) or "nobody"
    mails.tell(
        [*signers, *above, plan.author],
        plan=plan,
        revision=row.revision,
        template="seat_late",
        key=f"late-{row.pk}-{seat.pk}",
        at=at,
        **mails.seat_words(seat, plan=plan),
        names=names,
        gate=_gate(row),
    )
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.SEAT_ESCALATED,
            actor=PORTAL,
            sentence=f"The seat of the {role.noun} of {plan.number} is late; "
            f"{len(above)} people above the role were told.",
            phi=row.revision.phi,
            facts={"role": seat.role, "stage": seat.stage, "told": [each.email for each in above]},
        )
    )


def _above(role: Role, *, plan: MigrationPlan) -> list[Person]:
    found: dict[int, Person] = {}
    for each in BACKUPS[role]:
        found |= {
            person.pk: person for person in access.holders(role=each, group=plan.target.group)
        }
    return list(found.values())


def _gate(row: Deadline) -> str:
    """Say what happens when the seat stays open."""
    postpones = Deadline.objects.filter(
        revision=row.revision, stage=row.stage, duty=str(Duty.POSTPONE), done_at__isnull=True
    ).first()
    if postpones is None:
        return "The plan expires when nobody signs."
    plan: MigrationPlan = row.revision.plan
    facts = STAGES[Stage(row.stage)]
    return f"{facts.label} has to be signed by {mails.plan_time(plan, postpones.at)}; after that the run is postponed."
