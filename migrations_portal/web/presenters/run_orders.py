"""What people can tell a run, and decide about it, as plain values."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from migrations_portal.backups.models import Backup
from migrations_portal.execution import deciding
from migrations_portal.execution.models import MigrationRun, RunDecision
from migrations_portal.execution.rules import (
    AFTER_SUCCESS,
    DECIDERS_NEEDED,
    Choice,
    RunStatus,
    abort_means,
    pause_stands,
)
from migrations_portal.people.models import Person
from migrations_portal.people.rules import DECIDING_ROLES
from migrations_portal.plans import explained
from migrations_portal.plans import queries as plans
from migrations_portal.risk import Reversibility
from migrations_portal.web import step_up

DECIDABLE = (RunStatus.NEEDS_DECISION, RunStatus.SUCCEEDED)


def may_order(run: MigrationRun, *, person: Person) -> bool:
    """Say whether the person may pause and stop the run while a worker hears it."""
    under_way = run.status == RunStatus.RUNNING and run.taken_over_at is None
    return under_way and bool(deciding.roles(run, person=person))


def orders(run: MigrationRun, *, person: Person | None = None) -> dict[str, Any]:
    """Return the buttons, and what stopping means at this moment; how stopping asks `person`, if given, who they are."""
    step = run.steps.order_by("-position").first()
    key = step.key if step else ""
    return {
        "post_url": reverse("run-order", args=[run.pk]),
        "means": abort_means(key),
        "taken_over": run.taken_over_at is not None,
        "paused": pause_stands(run.order, step=key),
        "held": run.held_at is not None,
        "asks_code": "" if person is None else step_up.asks(person),
    }


def decision(run: MigrationRun, *, person: Person, now: datetime) -> dict[str, Any] | None:
    """Return what two people can decide, what each has chosen so far, and what is open to this person."""
    possible = _choices(run) if run.status in DECIDABLE else []
    if not possible:
        return None
    made = list(deciding.choices(run, now=now))
    mine = [row.choice for row in made if row.by_id == person.pk]
    why_not = _why_not(run, person=person)
    return {
        "options": [
            _option(choice, made=made) | _what_it_leaves(choice, run)
            for choice in possible
            if str(choice) not in mine
        ],
        "made": [
            {
                "by": "You" if row.by_id == person.pk else row.by.full_name,
                "at": row.at,
                "label": Choice(row.choice).title,
                "reason": row.reason,
            }
            for row in made
        ],
        "mine": bool(mine),
        "differ": len({row.choice for row in made}) > 1,
        "after_success": run.status == RunStatus.SUCCEEDED,
        "open": not why_not and any(str(choice) not in mine for choice in possible),
        "why_not": why_not,
        "post_url": reverse("run-decide", args=[run.pk]),
        "form_error": "",
        "asks_code": "" if why_not else step_up.second(person),
    }


def _why_not(run: MigrationRun, *, person: Person) -> str:
    if refusal := deciding.involved(run, person=person):
        return refusal
    if not deciding.roles(run, person=person):
        names = ", ".join(sorted(role.title.lower() for role in DECIDING_ROLES))
        return f"{DECIDERS_NEEDED} people decide here, each one of: {names}."
    if step_up.must_set_up(person):
        return "Set up your second factor first, on the page Account: deciding takes one."
    return ""


def _option(choice: Choice, *, made: list[RunDecision]) -> dict[str, Any]:
    return {
        "value": str(choice),
        "label": choice.title,
        "consequence": choice.consequence,
        "danger": choice is Choice.RESTORE,
        "agrees": " and ".join(row.by.full_name for row in made if row.choice == choice),
    }


def _what_it_leaves(choice: Choice, run: MigrationRun) -> dict[str, str]:
    """Return the consequence of rolling back by name with the statements whose data it does not bring back; nothing for the others."""
    if choice is not Choice.ROLL_BACK:
        return {}
    found = plans.assessment_of_revision(run.plan, revision=run.revision)
    gone = explained.graded(found.result, grade=Reversibility.RED) if found else []
    said = f" Gone, and only in the backup: {'; '.join(gone)}." if gone else ""
    return {"consequence": f"{choice.consequence}{said}"}


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
