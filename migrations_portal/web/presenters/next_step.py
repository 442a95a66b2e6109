"""Which one thing a person can do next with a plan, and who is waited for."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from migrations_portal.approvals import queries as approval_queries
from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import STAGES, Stage, opens_at
from migrations_portal.execution.models import MigrationRun
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import checklist
from migrations_portal.plans.models import ChecklistItem, MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.web import clock

AFTER_A_RUN = frozenset({PlanStatus.FAILED, PlanStatus.ROLLED_BACK, PlanStatus.RESTORED})
"""Ended by a run that left nothing of it on the target: what the run's page advises is a new plan."""
AGAIN = AFTER_A_RUN | {
    PlanStatus.REJECTED,
    PlanStatus.WITHDRAWN,
    PlanStatus.EXPIRED,
    PlanStatus.CANCELLED,
}
"""Ended without its change being in: its author goes on in a clone."""
RUN_LABELS = {
    PlanStatus.SCHEDULED: "See the scheduled run",
    PlanStatus.RUNNING: "Watch the run",
    PlanStatus.NEEDS_DECISION: "Decide what happens",
}


def primary(
    plan: MigrationPlan,
    *,
    person: Person,
    seats: list[Seat],
    runs: list[MigrationRun],
    now: datetime,
) -> dict[str, Any] | None:
    """Return the one obvious next step for this person, None when nothing is to be done."""
    status = PlanStatus(plan.status)
    if status is PlanStatus.DRAFT and plan.author_id == person.pk:
        return {"label": "Continue the draft", "url": reverse("plan-edit", args=[plan.pk])}
    if status is PlanStatus.REJECTED and plan.author_id == person.pk:
        return {"label": "Open for changes…", "url": reverse("plan", args=[plan.pk]) + "#revise"}
    if status is PlanStatus.SUBMITTED:
        for seat in seats:
            if (
                not seat.decision
                and seat.opened_at
                and approvals.can_decide(seat, by=person, now=now)
            ):
                label = f"Sign as {Role(seat.role).noun}…"
                return {"label": label, "url": reverse("sign-off", args=[seat.pk])}
    if status in AGAIN and plan.author_id == person.pk:
        url = reverse("plan-clone", args=[plan.pk])
        return {"label": "Make a new plan from this", "url": url, "post": True}
    if runs:
        label = RUN_LABELS.get(status, "See the run")
        return {"label": label, "url": reverse("run", args=[runs[0].pk])}
    return None


def waiting_for(
    plan: MigrationPlan, *, seats: list[Seat], items: list[ChecklistItem]
) -> dict[str, Any] | None:
    """Return who or what is waited for; None when nothing is.

    Everybody whose seat is open; else the checklist that keeps a signed stage from passing; else the stage whose day has not come.
    """
    if plan.status != PlanStatus.SUBMITTED:
        return None
    waiting = [_name(seat) for seat in seats if seat.opened_at is not None and seat.decision == ""]
    if waiting:
        return {"name": " and ".join(waiting), "role_title": "", "since": ""}
    if gate := _checklist(plan, seats=seats, items=items):
        return gate
    return _next_stage(plan, revision=seats[0].revision) if seats else None


def _checklist(
    plan: MigrationPlan, *, seats: list[Seat], items: list[ChecklistItem]
) -> dict[str, Any] | None:
    """Return the items that keep the last signed stage from passing, and who ticks them."""
    signed = [seat.stage for seat in seats if seat.decision]
    if not signed or plan.emergency_reason:
        return None
    lacking = [
        row for row in items if row.done_at is None and checklist.GATES.get(row.key) == signed[-1]
    ]
    if not lacking:
        return None
    titles = ", ".join(checklist.BY_KEY[row.key].title for row in lacking)
    return {"name": f"the checklist: {titles}", "role_title": "", "since": ""}


def _next_stage(plan: MigrationPlan, *, revision: PlanRevision) -> dict[str, Any] | None:
    """Every open seat is signed: say which stage comes next, and when. Reads no row: it stands on every line of the list."""
    if plan.scheduled_for is None or plan.emergency_reason:
        return None
    stage = Stage.GO if revision.stakeholders_notified_at else Stage.NOTIFY
    at = opens_at(stage, t0=plan.scheduled_for, zone=plan.target.zone, day=clock.day())
    when = f"on {clock.moment(plan, at)}" if at else ""
    name = f"{STAGES[stage].label} {STAGES[stage].title}"
    return {"name": name, "role_title": when, "since": ""}


def _name(seat: Seat) -> str:
    noun = Role(seat.role).noun
    holders = approval_queries.holders_of(seat)
    if not holders:
        return f"nobody (no {noun} is left, ask an administrator)"
    return f"{holders[0].full_name}, {noun}"
