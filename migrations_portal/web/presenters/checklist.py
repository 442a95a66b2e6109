"""The checklist of a plan: its page, its card on the plan's page, and the filled-in template."""

from typing import Any

from django.urls import reverse

from migrations_portal.approvals import queries as approval_queries
from migrations_portal.approvals.policy import STAGES, Stage
from migrations_portal.approvals.rules import Decision
from migrations_portal.people.rules import Role
from migrations_portal.plans import checklist as template
from migrations_portal.plans import queries
from migrations_portal.plans.checklist_markdown import Line, Sheet
from migrations_portal.plans.models import ChecklistItem, MigrationPlan
from migrations_portal.plans.rules import PlanStatus

LOCK_WAIT = "at most 0.25 s per attempt to take a lock; longer work holds no lock that blocks users"
"""What the portal itself allows (design section 8); the spec allows 30 seconds."""


def rows_of(plan: MigrationPlan) -> list[ChecklistItem]:
    """Return the items in the order of the template: one query."""
    return list(plan.checklist.select_related("done_by").order_by("position"))


def card(plan: MigrationPlan, *, rows: list[ChecklistItem]) -> dict[str, Any]:
    """Return the short form for the plan's page: how far each list is, and what keeps a stage from passing."""
    return {
        "url": reverse("plan-checklist", args=[plan.pk]),
        "lists": [
            {
                "title": section.title,
                "done": sum(1 for row in rows if row.section == section and row.done_at),
                "total": sum(1 for row in rows if row.section == section),
            }
            for section in template.Section
        ],
        "gates": _gates(rows) if plan.status in {PlanStatus.DRAFT, PlanStatus.SUBMITTED} else [],
    }


def _gates(rows: list[ChecklistItem]) -> list[dict[str, Any]]:
    found = []
    for stage, facts in STAGES.items():
        lacking = [
            template.BY_KEY[row.key].title
            for row in rows
            if template.GATES.get(row.key) == stage and row.done_at is None
        ]
        if lacking:
            found.append({"stage": f"{facts.label} {facts.title}", "items": lacking})
    return found


def lists(
    plan: MigrationPlan, *, rows: list[ChecklistItem], may_tick: bool
) -> list[dict[str, Any]]:
    """Return the spec's four lists with who ticked what, when, and what proves it."""
    return [
        {
            "title": section.title,
            "done": sum(1 for row in rows if row.section == section and row.done_at),
            "total": sum(1 for row in rows if row.section == section),
            "items": [
                _item(plan, row, may_tick=may_tick) for row in rows if row.section == section
            ],
        }
        for section in template.Section
    ]


def _item(plan: MigrationPlan, row: ChecklistItem, *, may_tick: bool) -> dict[str, Any]:
    facts = template.BY_KEY[row.key]
    gate = template.GATES.get(row.key)
    open_by_hand = may_tick and not row.done_at and not row.by_portal
    return {
        "key": row.key,
        "title": facts.title,
        "done": row.done_at is not None,
        "by": row.done_by.full_name if row.done_by else "White Cross Ops",
        "at": row.done_at,
        "note": row.note,
        "evidence_url": row.evidence,
        "by_portal": row.by_portal,
        "gate": f"{STAGES[Stage(gate)].label} {STAGES[Stage(gate)].title}" if gate else "",
        "form_url": _form_url(plan, row),
        "tick_url": reverse("plan-tick", args=[plan.pk, row.key]) if open_by_hand else None,
    }


def _form_url(plan: MigrationPlan, row: ChecklistItem) -> str:
    """Return the page on which an open item is done, empty where there is none; readers of the plan may open it."""
    here = row.key == template.PRIVACY_ASSESSMENT.key and not row.done_at
    return reverse("dpia", args=[plan.pk]) if here else ""


def sheet(plan: MigrationPlan, *, rows: list[ChecklistItem], public_url: str) -> Sheet:
    """Return the spec's template filled in with what is known."""
    revision = queries.newest_revision(plan)
    seats = approval_queries.seats_of_plan(plan)
    signed = [seat for seat in seats if seat.decision == Decision.APPROVE]
    go = [s.printed_name for s in signed if s.stage == Stage.GO and s.role == Role.DBA]
    return Sheet(
        title=f"{plan.number} {plan.title}",
        when=plan.scheduled_for,
        zone=plan.target.zone,
        executor=go[0] if go else "",
        reviewers=list(dict.fromkeys(seat.printed_name for seat in signed)),
        tables=list(revision.tables) if revision else [],
        expected_seconds=plan.expected_seconds,
        downtime=LOCK_WAIT,
        phi=bool(revision and revision.phi),
        lines=[
            Line(
                key=row.key,
                done_at=row.done_at,
                by=row.done_by.full_name if row.done_by else "White Cross Ops",
                note=row.note,
                evidence_url=f"{public_url}{row.evidence}" if row.evidence else "",
            )
            for row in rows
        ],
        notes=[f"Content signed: SHA-256 {revision.digest}"] if revision else [],
    )
