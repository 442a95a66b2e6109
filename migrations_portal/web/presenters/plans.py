"""A plan's page as plain values."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import SEATED_STAGES, STAGES, WINDOWS, Stage, due_at
from migrations_portal.approvals.rules import Decision
from migrations_portal.audit import queries as ledger
from migrations_portal.execution.models import MigrationRun
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.commit import NOT_GIVEN
from migrations_portal.plans.models import MigrationPlan, PlanFile, PlanRevision
from migrations_portal.plans.rules import DOCUMENTATION_ITEMS, PlanStatus
from migrations_portal.web import clock

ACTIVITY_SHOWN = 40
LANGUAGES = {"sql": "sql", "py": "py"}
"""How the text of a file is coloured, by its ending; else as JavaScript."""


def about(
    plan: MigrationPlan, *, revision: PlanRevision | None, level: str, phi: bool
) -> dict[str, Any]:
    """Return what the head of the page says."""
    return {
        "number": plan.number,
        "title": plan.title,
        "level": level,
        "phi": phi,
        "status": plan.status,
        "revision": revision.number if revision else None,
        "digest": revision.digest if revision else "",
        "target": plan.target.name,
        "database": plan.target.database,
        "environment": plan.target.environment.lower(),
        "author": plan.author.full_name,
        "scheduled_for": plan.scheduled_for,
        "zone": plan.target.time_zone,
        "url": reverse("plan", args=[plan.pk]),
    }


def shown_status(plan: MigrationPlan, *, runs: list[MigrationRun]) -> str:
    """Return how the plan stands; of one whose run people ended by hand, how they ended it. `runs` has the newest first."""
    done = plan.status == PlanStatus.SUCCEEDED and bool(runs)
    return runs[0].shown if done else plan.status


def stations(
    plan: MigrationPlan, *, revision: PlanRevision | None, seats: list[Seat]
) -> list[dict[str, Any]]:
    """Return the rail T-7 … T-0: what is done, what is open, what is to come."""
    found = []
    for stage, facts in STAGES.items():
        mine = [seat for seat in seats if seat.stage == stage]
        found.append(
            {
                "label": f"{facts.label} {facts.title}",
                "state": _state(stage, plan=plan, revision=revision, mine=mine),
                "lines": _lines(stage, mine),
                "at": due_at(stage, t0=plan.scheduled_for, zone=plan.target.zone, day=clock.day())
                if plan.scheduled_for
                else None,
                "zone": plan.target.time_zone,
            }
        )
    return found


def _state(
    stage: Stage, *, plan: MigrationPlan, revision: PlanRevision | None, mine: list[Seat]
) -> str:
    if stage in SEATED_STAGES:
        if mine and all(seat.decision == Decision.APPROVE for seat in mine):
            return "done"
        return (
            "now"
            if any(seat.opened_at for seat in mine) and plan.status == PlanStatus.SUBMITTED
            else ""
        )
    if stage is Stage.NOTIFY:
        return "done" if revision and revision.stakeholders_notified_at else ""
    if plan.status in {PlanStatus.RUNNING, PlanStatus.NEEDS_DECISION}:
        return "now"
    return (
        "done"
        if plan.status in {PlanStatus.SUCCEEDED, PlanStatus.ROLLED_BACK, PlanStatus.RESTORED}
        else ""
    )


def _lines(stage: Stage, mine: list[Seat]) -> list[str]:
    if stage not in SEATED_STAGES or not any(seat.opened_at for seat in mine):
        return []
    lacking = [Role(seat.role).title for seat in mine if not seat.decision]
    return [f"Missing: {', '.join(lacking)}"] if lacking else ["All signed"]


def files(rows: Iterable[PlanFile]) -> list[dict[str, Any]]:
    """Return files with their text."""
    return [
        {
            "name": each.name,
            "size": len(each.content),
            "sha256": each.sha256,
            "language": LANGUAGES.get(each.name.rpartition(".")[2], "js"),
            "text": bytes(each.content).decode("utf-8"),
            "anchor": f"file-{each.position}",
        }
        for each in rows
    ]


def documentation(plan: MigrationPlan) -> list[dict[str, str]]:
    """Return the spec's seven items and the justification."""
    values = vars(plan.documentation)
    return [
        {
            "term": title,
            "value": f"{values[name]} s"
            if name == "expected_seconds" and values[name]
            else values[name] or "—",
        }
        for name, (title, _) in DOCUMENTATION_ITEMS.items()
    ]


def glance(plan: MigrationPlan, *, level: str) -> list[dict[str, Any]]:
    """Return the facts beside the page."""
    return [
        {"term": "Where", "value": f"{plan.target.name} ({plan.target.database})"},
        {"term": "Tables", "value": plan.tables_affected or "—"},
        {
            "term": "Expected",
            "value": f"{plan.expected_seconds} s" if plan.expected_seconds else "—",
        },
        {"term": "Window", "value": WINDOWS.get(level, "Known once the risk is")},
        {"term": "Why", "value": plan.justification or "—"},
        {"term": "Author", "value": plan.author.full_name},
        {"term": "Commit", "value": origin(plan)},
    ]


def origin(plan: MigrationPlan) -> str:
    """Return which commit the files come from and who wrote it, or that nobody said."""
    if not plan.git_commit:
        return NOT_GIVEN
    return f"{plan.git_commit[:12]} by {', '.join(plan.commit_authors)}; not asked to sign"


def runs(rows: list[MigrationRun]) -> list[dict[str, Any]]:
    """Return the plan's runs."""
    return [
        {
            "number": row.pk,
            "url": reverse("run", args=[row.pk]),
            "status": row.shown,
            "at": row.claimed_at or row.due_at,
        }
        for row in rows
    ]


def activity(plan: MigrationPlan) -> list[dict[str, Any]]:
    """Return what happened, newest first, from the ledger."""
    return [
        {"sentence": ledger.body(row)["what"], "at": row.at, "url": ""}
        for row in ledger.of_plan(plan=plan.pk)[:ACTIVITY_SHOWN]
    ]


def may_tick(plan: MigrationPlan, *, person: Person, roles: frozenset[Role]) -> bool:
    """Say whether the person may tick items of this plan: anybody with a role but the auditor's."""
    return bool(roles - {Role.AUDITOR}) and person.is_active and plan.status != PlanStatus.WITHDRAWN
