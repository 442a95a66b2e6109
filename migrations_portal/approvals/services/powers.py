"""Who may decide on a seat: the holder of its role, or a deputy, asked now and under the plan's lock."""

from datetime import datetime

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import Stage
from migrations_portal.approvals.rules import SeatFacts, check_may_sign
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus


def check_may_decide(seat: Seat, *, by: Person, now: datetime) -> Person | None:
    """Return for whom `by` would sign (None: in their own role), or raise the reason why they cannot decide now.

    Pages ask this before they show the buttons; `signing.sign_off` asks it under the lock.
    """
    plan = seat.revision.plan
    role, group = Role(seat.role), plan.target.group
    if access.holds(person=by, role=role, group=group):
        check_may_sign(_facts(seat, plan=plan, by=by, giver=None))
        return None
    for row in queries.active_delegations(now=now):
        mine = (row.group_id, row.role, row.deputy_id) == (group.pk, role, by.pk)
        if mine and access.holds(person=row.giver, role=role, group=group):
            check_may_sign(_facts(seat, plan=plan, by=by, giver=row.giver))
            return row.giver
    access.check_holds(person=by, role=role, group=group)
    return None


def can_decide(seat: Seat, *, by: Person, now: datetime) -> bool:
    """Say whether `by` may decide on the seat now."""
    try:
        check_may_decide(seat, by=by, now=now)
    except Refused:
        return False
    return True


def _facts(seat: Seat, *, plan: MigrationPlan, by: Person, giver: Person | None) -> SeatFacts:
    who = [by, *([giver] if giver else [])]
    people = frozenset(each.pk for each in who)
    signed = {
        Role(row.role)
        for row in queries.decided(seat.revision_id)
        if {row.decided_by_id, row.on_behalf_of_id} & people
    }
    return SeatFacts(
        stage=Stage(seat.stage),
        role=Role(seat.role),
        opened=seat.opened_at is not None,
        decided=bool(seat.decision),
        plan_open=plan.status == PlanStatus.SUBMITTED
        and plan.revision == seat.revision.number
        and seat.voided_at is None,
        involved=queries.involved(plan, among=who),
        other_roles_signed=frozenset(signed),
        people=people,
    )
