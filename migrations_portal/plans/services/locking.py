"""Taking a plan's lock; every verb begins with it."""

from django.db.models import QuerySet

from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.plans import queries
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus


class NotYourPlan(Refused):
    """Only the author of a plan may change it."""

    code = "not-your-plan"


class NotADraft(Refused):
    """The plan was submitted, so it cannot be edited in place."""

    code = "not-a-draft"


def lock(plan_id: int) -> MigrationPlan:
    """Return the plan, locked until the transaction ends; raise `PlanNotFound`."""
    return lock_one(MigrationPlan.objects.filter(pk=plan_id))


def lock_one(which: QuerySet[MigrationPlan]) -> MigrationPlan:
    """Return the plan that a question finds, locked until the transaction ends; raise `PlanNotFound`."""
    rows = which.select_for_update(of=("self",)).select_related("target__group", "author")
    if (plan := rows.first()) is None:
        raise queries.PlanNotFound
    return plan


def lock_draft(*, plan_id: int, by: Person) -> MigrationPlan:
    plan = lock(plan_id)
    if plan.author_id != by.pk:
        raise NotYourPlan(
            f"{plan.number} belongs to {plan.author.full_name}; ask them to change it."
        )
    if plan.status != PlanStatus.DRAFT:
        raise NotADraft(
            f"{plan.number} was submitted, so it cannot be edited in place. Open it for changes first."
        )
    return plan
