"""Reading the chain."""

import hashlib
from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from migrations_portal.approvals.models import Invitation, Seat
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import SIGNING_ROLES, Role
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.targets.models import TargetGroup


class LinkNotGood(Refused):
    """This link is unknown or has expired. Sign in and open “My turn”; what waits for you is listed there."""

    code = "link-not-good"


def seats(revision: PlanRevision) -> QuerySet[Seat]:
    """Return the seats of a revision in the order of the chain."""
    return (
        Seat.objects.filter(revision=revision)
        .select_related("decided_by", "revision__plan__target__group")
        .order_by("position")
    )


def seats_of_plan(plan: MigrationPlan) -> list[Seat]:
    """Return the seats that count: those of the newest revision."""
    rows = Seat.objects.filter(revision__plan=plan, revision__number=plan.revision)
    return list(
        rows.select_related("decided_by", "revision__plan__target__group").order_by("position")
    )


def seats_of_plans(plans: Collection[MigrationPlan]) -> dict[int, list[Seat]]:
    """Return the seats that count, by the plan's number, in one query."""
    rows = Seat.objects.filter(
        revision__plan__in=plans, revision__number=F("revision__plan__revision")
    )
    found: dict[int, list[Seat]] = {}
    for seat in rows.select_related("revision__plan__target__group").order_by("position"):
        found.setdefault(seat.revision.plan_id, []).append(seat)
    return found


def waiting_for(*, person: Person) -> list[Seat]:
    """Return the open seats that `person` could decide now, the earliest due first."""
    mine = Q(pk__in=[])
    for group_id, roles in access.roles_everywhere(person=person, groups=TargetGroup).items():
        names = [str(role) for role in roles & SIGNING_ROLES]
        mine |= Q(revision__plan__target__group=group_id, role__in=names)
    signed_otherwise = Seat.objects.filter(
        ~Q(role=OuterRef("role")), decided_by=person, revision=OuterRef("revision")
    )
    rows = (
        Seat.objects.filter(
            mine,
            ~Exists(signed_otherwise),
            revision__plan__status=str(PlanStatus.SUBMITTED),
            opened_at__isnull=False,
            decision="",
        )
        .exclude(Q(revision__plan__author=person) | Q(revision__plan__last_editor=person))
        .select_related("revision__plan__target", "revision__plan__author")
    )
    return list(rows.order_by("due_at", "pk"))


def invitation(*, token: str, now: datetime) -> Invitation:
    """Return the invitation that a link stands for, or raise `LinkNotGood`. Reading it spends nothing."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    row = (
        Invitation.objects.select_related("seat__revision__plan__target__group", "person")
        .filter(token_hash=digest, expires_at__gt=now)
        .first()
    )
    if row is None:
        raise LinkNotGood
    return row


def holders_of(seat: Seat) -> list[Person]:
    """Return who could fill the seat now: active holders of its role who did not write the plan."""
    plan = seat.revision.plan
    people = access.holders(role=Role(seat.role), group=plan.target.group)
    return [each for each in people if each.pk not in {plan.author_id, plan.last_editor_id}]
