"""What people can tell a run, and decide about it, as plain values."""

from typing import Any

from django.urls import reverse

from migrations_portal.backups.models import Backup
from migrations_portal.execution import deciding
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import (
    AFTER_SUCCESS,
    DECIDERS_NEEDED,
    Choice,
    Order,
    RunStatus,
    abort_means,
)
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import DECIDING_ROLES
from migrations_portal.web import step_up


def may_order(run: MigrationRun, *, person: Person) -> bool:
    """Say whether the person may pause and stop the run while it is under way."""
    roles = access.roles_in(person=person, group=run.target.group) & DECIDING_ROLES
    return run.status == RunStatus.RUNNING and bool(roles)


def orders(run: MigrationRun) -> dict[str, Any]:
    """Return the buttons, and what stopping means at this moment."""
    step = run.steps.order_by("-position").first()
    return {
        "post_url": reverse("run-order", args=[run.pk]),
        "means": abort_means(step.key if step else ""),
        "paused": run.order == Order.PAUSE,
    }


def decision(run: MigrationRun, *, person: Person) -> dict[str, Any] | None:
    choices = _choices(run) if run.status in {RunStatus.NEEDS_DECISION, RunStatus.SUCCEEDED} else []
    if not choices:
        return None
    after = run.status == RunStatus.SUCCEEDED
    rows = run.decisions.select_related("by").order_by("pk")
    made = (rows.filter(at__gt=run.finished_at) if after else rows).first()
    roles = access.roles_in(person=person, group=run.target.group) & DECIDING_ROLES
    mine = made is not None and made.by_id == person.pk
    why_not = ""
    if run.plan.author_id == person.pk:
        why_not = "You wrote this plan, so two other people decide."
    elif not roles:
        names = ", ".join(sorted(role.title.lower() for role in DECIDING_ROLES))
        why_not = f"{DECIDERS_NEEDED} people decide here, each one of: {names}."
    elif mine:
        why_not = "You have chosen. A second person has to choose the same."
    elif step_up.must_set_up(person):
        why_not = "Set up your second factor first, on the page Account: deciding takes a code."
    return {
        "options": [
            {
                "value": str(choice),
                "label": choice.title,
                "consequence": choice.consequence,
                "danger": choice is Choice.RESTORE,
            }
            for choice in choices
        ],
        "first": {
            "by": made.by.full_name,
            "at": made.at,
            "label": Choice(made.choice).title,
            "reason": made.reason,
        }
        if made
        else None,
        "after_success": after,
        "open": not why_not,
        "why_not": why_not,
        "post_url": reverse("run-decide", args=[run.pk]),
        "form_error": "",
        "asks_code": step_up.has_factor(person),
    }


def _choices(run: MigrationRun) -> list[Choice]:
    """Return what can be chosen about the run now; what could not work is not offered."""
    if run.status == RunStatus.SUCCEEDED and deciding.later_run(run) is not None:
        return []
    recorded = set(run.plan.files.values_list("name", flat=True)) & set(run.history_after)
    possible = {
        Choice.KEEP: True,
        Choice.MARK_APPLIED: len(recorded) < run.plan.files.count(),
        Choice.ROLL_BACK: bool(recorded),
        Choice.RESTORE: Backup.objects.filter(
            run=run, purpose="pre-migration", restored_at__isnull=False
        ).exists(),
    }
    asked = AFTER_SUCCESS if run.status == RunStatus.SUCCEEDED else tuple(Choice)
    return [choice for choice in asked if possible[choice]]
