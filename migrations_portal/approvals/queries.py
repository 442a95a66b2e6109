"""Reading the chain."""

import hashlib
from datetime import datetime

from django.db.models import Q, QuerySet

from migrations_portal.approvals.models import Invitation, Seat
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import SIGNING_ROLES, Role
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.targets import queries as target_queries


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


def waiting_for(*, person: Person) -> list[Seat]:
    """Return the open seats that `person` could decide now, the earliest due first."""
    found: list[Seat] = []
    for group in target_queries.groups_of(person=person, roles=SIGNING_ROLES):
        roles = access.roles_in(person=person, group=group) & SIGNING_ROLES
        rows = (
            Seat.objects.filter(
                revision__plan__target__group=group,
                revision__plan__status=str(PlanStatus.SUBMITTED),
                role__in=[str(role) for role in roles],
                opened_at__isnull=False,
                decision="",
            )
            .exclude(Q(revision__plan__author=person) | Q(revision__plan__last_editor=person))
            .select_related("revision__plan__target", "revision__plan__author")
        )
        signed = {
            (seat.revision_id, seat.role)
            for seat in Seat.objects.filter(
                decided_by=person, revision__in=[row.revision_id for row in rows]
            )
        }
        found += [
            row
            for row in rows
            if all(role == row.role for rev, role in signed if rev == row.revision_id)
        ]
    return sorted(found, key=lambda seat: (seat.due_at, seat.pk))


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
