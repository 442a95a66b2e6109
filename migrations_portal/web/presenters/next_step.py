"""Which one thing a person can do next with a plan, and who is waited for."""

from typing import Any

from django.urls import reverse

from migrations_portal.approvals import queries as approval_queries
from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.execution.models import MigrationRun
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus

RUN_LABELS = {
    PlanStatus.SCHEDULED: "See the scheduled run",
    PlanStatus.RUNNING: "Watch the run",
    PlanStatus.NEEDS_DECISION: "Decide what happens",
}


def primary(
    plan: MigrationPlan, *, person: Person, seats: list[Seat], runs: list[MigrationRun]
) -> dict[str, Any] | None:
    """Return the one obvious next step for this person, None when nothing is to be done."""
    status = PlanStatus(plan.status)
    if status is PlanStatus.DRAFT and plan.author_id == person.pk:
        return {"label": "Continue the draft", "url": reverse("plan-edit", args=[plan.pk])}
    if status is PlanStatus.SUBMITTED:
        for seat in seats:
            if not seat.decision and seat.opened_at and approvals.can_decide(seat, by=person):
                label = f"Sign as {Role(seat.role).title.lower()}…"
                return {"label": label, "url": reverse("sign-off", args=[seat.pk])}
    if runs:
        label = RUN_LABELS.get(status, "See the run")
        return {"label": label, "url": reverse("run", args=[runs[0].pk])}
    return None


def waiting_for(plan: MigrationPlan, *, seats: list[Seat]) -> dict[str, Any] | None:
    """Return the first person who is waited for, None when nobody is."""
    if plan.status != PlanStatus.SUBMITTED:
        return None
    for seat in seats:
        if seat.opened_at and not seat.decision:
            holders = approval_queries.holders_of(seat)
            title = Role(seat.role).title.lower()
            name = (
                holders[0].full_name
                if holders
                else f"nobody: no {title} is left, ask an administrator"
            )
            return {"name": name, "role_title": title, "since": ""}
    return None
