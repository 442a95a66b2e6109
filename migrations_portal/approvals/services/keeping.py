"""Keeping open seats fillable: people lose roles, leave, get roles, stand in for each other. Given signatures stay, marked."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Invitation, Seat
from migrations_portal.approvals.policy import STAGES, Stage
from migrations_portal.approvals.rules import Short
from migrations_portal.approvals.services import filling, invitations, mails
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.kernel.memory import remembering
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus

logger = logging.getLogger(__name__)

OPEN = [str(each) for each in (PlanStatus.SUBMITTED, PlanStatus.APPROVED, PlanStatus.SCHEDULED)]


def keep_seats(*, now: datetime, day: timedelta, public_url: str) -> int:
    """Look at every plan that waits: invite who is new, take links back from who is gone, mark signatures; return how many were kept.

    Each plan in a transaction of its own.
    """
    at = Moment(now=now, day=day, public_url=public_url)
    ids = MigrationPlan.objects.filter(status__in=OPEN).values_list("pk", flat=True)
    done = 0
    for plan_id in list(ids):
        try:
            with transaction.atomic(), remembering():
                _keep(plans.lock(plan_id), at=at)
        except Exception:
            logger.exception("plan %s: its seats could not be looked after", plan_id)
        else:
            done += 1
    return done


def _keep(plan: MigrationPlan, *, at: Moment) -> None:
    if plan.status not in OPEN:
        return
    seats = queries.seats_of_plan(plan)
    for seat in seats:
        seat.revision.plan = plan
    short = filling.short_of_people(seats, now=at.now)
    for seat in seats:
        if seat.decision:
            _mark(seat, plan=plan, at=at)
        elif seat.opened_at is not None and plan.status == PlanStatus.SUBMITTED:
            _refill(seat, plan=plan, short=short, at=at)


def _refill(seat: Seat, *, plan: MigrationPlan, short: Short, at: Moment) -> None:
    can = {each.pk for each in queries.signers_of(seat, now=at.now)}
    rows = Invitation.objects.filter(seat=seat, revoked_at__isnull=True).select_related("person")
    links = list(rows)
    gone = [row for row in links if row.person_id not in can]
    invitations.revoke(now=at.now, pk__in=[row.pk for row in gone])
    seat.asked = [row.person_id for row in links if row not in gone]
    new = invitations.invite([seat], plan=plan, at=at)
    lacking = seat.role in short.roles
    if lacking and seat.unfillable_since is None:
        _tell_that_nobody_can(seat, plan=plan, short=short, at=at)
    elif not lacking and seat.unfillable_since is not None:
        Seat.objects.filter(pk=seat.pk).update(unfillable_since=None)
    if gone or new:
        audit.append(
            plans.draft_entry(
                plan,
                kind=EntryKind.SEAT_REASSIGNED,
                actor=PORTAL,
                sentence=f"The open seat of the {Role(seat.role).noun} of {plan.number} "
                f"was given to {', '.join(each.full_name for each in new) or 'those who are left'}.",
                phi=seat.revision.phi,
                facts={
                    "stage": seat.stage,
                    "role": seat.role,
                    "gone": [row.person.email for row in gone],
                    "new": [each.email for each in new],
                },
            )
        )


def _tell_that_nobody_can(seat: Seat, *, plan: MigrationPlan, short: Short, at: Moment) -> None:
    Seat.objects.filter(pk=seat.pk).update(unfillable_since=at.now)
    group = plan.target.group
    mails.tell(
        [*access.holders(role=Role.ADMINISTRATOR, group=group), plan.author],
        plan=plan,
        revision=seat.revision,
        template="seat_unfillable",
        key=f"unfillable-{seat.pk}-{at.now.timestamp():.0f}",
        at=at,
        **mails.seat_words(seat, plan=plan),
        group=group.name,
        together=" and ".join(sorted(role.noun for role in short.roles)) if short.together else "",
    )
    lacks = "There are too few people to sign" if short.together else "Nobody can sign"
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.SEAT_UNFILLABLE,
            actor=PORTAL,
            sentence=f"{lacks} as {Role(seat.role).noun} for {plan.number}; the administrators were told.",
            phi=seat.revision.phi,
            facts={"stage": seat.stage, "role": seat.role},
        )
    )


def _mark(seat: Seat, *, plan: MigrationPlan, at: Moment) -> None:
    """Mark a given signature whose signer no longer holds the role. It stays: it was right when it was given."""
    person = seat.on_behalf_of or seat.decided_by
    if seat.signer_left_at is not None or person is None:
        return
    if access.holds(person=person, role=Role(seat.role), group=plan.target.group):
        return
    Seat.objects.filter(pk=seat.pk).update(signer_left_at=at.now)
    stage = STAGES[Stage(seat.stage)]
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.SIGNATURE_MARKED,
            actor=PORTAL,
            sentence=f"{person.full_name} no longer acts as {Role(seat.role).noun}; "
            f"their signature at {stage.label} of {plan.number} stays, marked.",
            phi=seat.revision.phi,
            facts={"stage": seat.stage, "role": seat.role},
        )
    )


def seats_stuck(plan: MigrationPlan) -> list[Seat]:
    """Return the open seats that nobody can sign."""
    return [
        seat
        for seat in queries.seats_of_plan(plan)
        if seat.unfillable_since is not None and not seat.decision
    ]
