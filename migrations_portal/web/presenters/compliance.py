"""What compliance adds to other pages."""

from typing import Any

from django.urls import reverse

from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import LEDGER_READERS
from migrations_portal.plans.models import MigrationPlan


def compliance_actions(plan: MigrationPlan, *, phi: bool, person: Person) -> list[dict[str, Any]]:
    """Return the links of a plan's page: its assessment where it touches PHI, its evidence pack for readers of the ledger."""
    found: list[dict[str, Any]] = []
    if phi:
        found.append({"label": "Privacy assessment", "url": reverse("dpia", args=[plan.pk])})
    if access.roles_in(person=person, group=plan.target.group) & LEDGER_READERS:
        url = reverse("plan-evidence", args=[plan.pk])
        found.append({"label": "Evidence pack", "url": url, "post": True})
    return found
