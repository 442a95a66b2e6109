"""One thing that waits for a person, and the kinds of it that belong to no plan of theirs and to no seat."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from migrations_portal.approvals import queries as approval_queries
from migrations_portal.approvals.models import Emergency
from migrations_portal.approvals.policy import EMERGENCY_CONFIRMERS
from migrations_portal.compliance.auditors import ADMITTERS
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.targets import queries as target_queries
from migrations_portal.targets.models import TargetGroupRole
from migrations_portal.web.presenters import plan_rows

ENDS_SOON = timedelta(days=7)
"""How long before an auditor's time ends it is brought up."""


def duty(plan: MigrationPlan | None, **said: Any) -> dict[str, Any]:
    """Return one line of the list, with what belongs to the plan filled in."""
    empty = {"level": "", "phi": False, "due_at": None, "late": "", "detail": ""}
    about = {
        "plan_number": plan.number if plan else "",
        "title": plan.title if plan else "",
        "zone": plan.target.time_zone if plan else None,
    }
    return empty | about | said


def open_emergencies(person: Person, *, now: datetime) -> QuerySet[Emergency]:
    """Return the emergencies that wait for a second person, where this one may be it."""
    groups = target_queries.groups_of(person=person, roles=EMERGENCY_CONFIRMERS)
    return approval_queries.unconfirmed_emergencies(person=person, now=now).filter(
        revision__plan__target__group__in=groups
    )


def emergencies(person: Person, *, now: datetime) -> list[dict[str, Any]]:
    """Return them as lines of the list."""
    rows = open_emergencies(person, now=now).select_related("revision__plan__target", "asked_by")
    return [
        duty(
            row.revision.plan,
            what="Confirm the emergency, or speak against it",
            detail=f"{row.asked_by.full_name} says that it cannot wait",
            url=reverse("plan", args=[row.revision.plan_id]),
            action_label="Read and confirm",
            level=row.revision.level,
            phi=row.revision.phi,
            due_at=row.until,
            late=plan_rows.late(row.until, now=now),
        )
        for row in rows.order_by("until")
    ]


def ending_roles(person: Person, *, now: datetime) -> QuerySet[TargetGroupRole]:
    """Return the auditors' roles that end within a week: the person's own, and those that they may give more time."""
    return target_queries.ending_roles(
        person=person, role=Role.AUDITOR, looked_after_by=ADMITTERS, now=now, within=ENDS_SOON
    )


def ending(person: Person, *, now: datetime) -> list[dict[str, Any]]:
    """Return them as lines of the list."""
    rows = ending_roles(person, now=now).select_related("user", "content_object")
    return [_ending(row, person=person, now=now) for row in rows.order_by("valid_until")]


def _ending(row: TargetGroupRole, *, person: Person, now: datetime) -> dict[str, Any]:
    late = plan_rows.late(row.valid_until, now=now) if row.valid_until else ""
    said = {"title": str(row.content_object), "due_at": row.valid_until, "late": late}
    if row.user_id == person.pk:
        return (
            duty(None)
            | said
            | {
                "what": "Export what you need",
                "detail": "Your time as auditor ends then; ask for more if it is too short",
                "url": reverse("exports"),
                "action_label": "Go to the exports",
            }
        )
    return (
        duty(None)
        | said
        | {
            "what": f"Give {row.user.full_name} more time, or let it end",
            "detail": "An auditor's role ends then by itself",
            "url": reverse("auditors"),
            "action_label": "See the auditors",
        }
    )
