"""Comments and phases of a plan as plain values."""

from typing import Any

from django.urls import reverse

from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import comments, queries
from migrations_portal.plans.models import MigrationPlan, Phase
from migrations_portal.plans.rules import PLAN_STATES, PlanStatus

CLONABLE = frozenset(status for status in PlanStatus if PLAN_STATES.final(status))


def conversation(plan: MigrationPlan, *, roles: frozenset[Role], kept: str) -> dict[str, Any]:
    """Return the comments, and whom one can mention. `kept` is text that was refused, so that it is not lost."""
    return {
        "rows": [
            {
                "pk": row.pk,
                "author": row.author,
                "at": row.at,
                "text": row.text,
            }
            for row in queries.comments_of(plan)
        ],
        "post_url": reverse("plan-comment", args=[plan.pk]) if roles - {Role.AUDITOR} else None,
        "handles": [
            f"@{comments.handle(each)}" for each in access.members(group=plan.target.group)
        ],
        "kept": kept,
    }


def phases(plan: MigrationPlan, *, person: Person, roles: frozenset[Role]) -> dict[str, Any] | None:
    """Return the series of the plan, None when there is none and nobody here could begin one."""
    rows = queries.phases(plan)
    engineer = Role.ENGINEER in roles
    if not rows and not (engineer and plan.author_id == person.pk):
        return None
    return {
        "rows": [_phase(row, rows=rows, here=row.plan_id == plan.pk, roles=roles) for row in rows],
        "add_url": reverse("plan-add-phase", args=[plan.pk])
        if engineer and (not rows or rows[-1].plan_id == plan.pk)
        else None,
        "number_next": len(rows) + 1 if rows else 2,
    }


def _phase(row: Phase, *, rows: list[Phase], here: bool, roles: frozenset[Role]) -> dict[str, Any]:
    before = rows[row.position - 2] if row.position > 1 else None
    ready = before is not None and before.plan.status == PlanStatus.SUCCEEDED
    return {
        "position": row.position,
        "number": row.plan.number,
        "title": row.plan.title,
        "status": row.plan.status,
        "url": reverse("plan", args=[row.plan_id]),
        "here": here,
        "deploy": row.deploy_before,
        "deployed_by": row.deployed_by.full_name if row.deployed_by else "",
        "deployed_at": row.deployed_at,
        "deployed_note": row.deployed_note,
        "confirm_url": reverse("plan-confirm-deploy", args=[row.plan_id])
        if ready and row.deployed_at is None and roles - {Role.AUDITOR}
        else None,
    }
