"""Sending the mail of a seat again to those who are waited for (A12)."""

from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.accounts import pace
from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import ASKED_AGAIN_PER_HOUR
from migrations_portal.approvals.rules import AskedAgainTooOften, SeatNotOpen, SeatUnfillable
from migrations_portal.approvals.services import invitations
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus

HOUR = 3600


def check_may_ask_again(seat: Seat, *, plan: MigrationPlan, by: Person) -> None:
    """Raise `NotAllowed` unless `by` wrote the plan or administers its targets, and `SeatNotOpen` unless somebody is waited for."""
    if by.pk != plan.author_id:
        access.check_holds(person=by, role=Role.ADMINISTRATOR, group=plan.target.group)
    waits = seat.opened_at is not None and not seat.decision and seat.voided_at is None
    if not waits or plan.status != PlanStatus.SUBMITTED or seat.revision.number != plan.revision:
        raise SeatNotOpen("Nobody is waited for at this seat, so there is no mail to send again.")


def can_ask_again(seat: Seat, *, plan: MigrationPlan, by: Person) -> bool:
    """Say whether `check_may_ask_again` passes."""
    try:
        check_may_ask_again(seat, plan=plan, by=by)
    except Refused:
        return False
    return True


@transaction.atomic
def ask_again(
    *, plan_id: int, seat_id: int, by: Person, now: datetime, day: timedelta, public_url: str
) -> list[Person]:
    """Send the mail of an open seat again to everybody who can sign it now, and return them.

    Each gets a link of their own again; the one of the mail before ends, so that only one leads to a seat.

    Raises `SeatNotFound`, `NotAllowed`, `SeatNotOpen`, `SeatUnfillable`, and `AskedAgainTooOften` from the sixth time within an hour.
    """
    plan = plans.lock(plan_id)
    seat = queries.seat(plan, seat_id=seat_id)
    check_may_ask_again(seat, plan=plan, by=by)
    if pace.count("ask-again", who=str(seat.pk), seconds=HOUR) > ASKED_AGAIN_PER_HOUR:
        raise AskedAgainTooOften
    invitations.revoke(now=now, seat=seat)
    seat.asked = []
    asked = invitations.invite(
        [seat], plan=plan, at=Moment(now=now, day=day, public_url=public_url)
    )
    if not asked:
        raise SeatUnfillable(
            "Nobody can sign at this seat now. Ask an administrator to give the role."
        )
    _record(seat, plan=plan, by=by, asked=asked)
    return asked


def _record(seat: Seat, *, plan: MigrationPlan, by: Person, asked: list[Person]) -> None:
    names = ", ".join(each.full_name for each in asked)
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.SEAT_ASKED_AGAIN,
            actor=audit.actor(by),
            sentence=f"{by.full_name} had the {Role(seat.role).noun}'s mail about {plan.number} sent again, to {names}.",
            phi=seat.revision.phi,
            facts={"role": seat.role, "stage": seat.stage, "told": [each.email for each in asked]},
        )
    )
