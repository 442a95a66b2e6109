"""Plans as plain values: what the page shows, for programs."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Length
from django.urls import reverse

from migrations_portal.approvals import queries as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import STAGES, Stage
from migrations_portal.approvals.rules import Decision
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.rules import PORTAL
from migrations_portal.execution import queries as runs
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import checklist as template
from migrations_portal.plans import explained, queries, services
from migrations_portal.plans.models import (
    ChecklistItem,
    MigrationPlan,
    PlanAssessment,
    PlanRevision,
)
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.rehearsals import queries as rehearsals
from migrations_portal.rehearsals import rules as rules_of_rehearsals
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.rehearsals.rules import RehearsalStatus, TestClass

EVENTS_SHOWN = 50


def line(plan: MigrationPlan, *, revision: PlanRevision | None) -> dict[str, Any]:
    """Return one line of the list."""
    return {
        "id": plan.pk,
        "number": plan.number,
        "title": plan.title,
        "status": plan.status,
        "level": revision.level if revision else "",
        "phi": bool(revision and revision.phi),
        "target": plan.target,
        "author": plan.author,
        "scheduled_for": plan.scheduled_for,
        "revision": plan.revision,
        "created_at": plan.created_at,
        "submitted_at": plan.submitted_at,
        "closed_at": plan.closed_at,
        "page": f"{settings.PUBLIC_URL}{services.path(plan)}",
    }


def whole(plan: MigrationPlan, *, person: Person, now: datetime, day: timedelta) -> dict[str, Any]:
    """Return everything that `person` reads on the plan's page. The caller has asked whether they may."""
    revision = queries.newest_revision(plan)
    assessed = queries.current_assessment(plan)
    draft = plan.status == PlanStatus.DRAFT
    about = line(plan, revision=revision)
    if revision is None and assessed is not None:
        about |= {"level": assessed.level, "phi": assessed.phi}
    return {
        **about,
        "version": plan.version,
        "digest": revision.digest if revision else "",
        "missing": services.missing(plan, now=now, day=day) if draft else {},
        "documentation": plan.documentation,
        "commit": plan.commit or None,
        "checks": plan.checks.order_by("position"),
        "files": files(plan),
        "assessment": assessment(assessed),
        "rehearsal": rehearsal(rehearsals.of_plan(plan).first()),
        "seats": [seat(each, now=now) for each in approvals.seats_of_plan(plan)],
        "checklist": [
            tick(each) for each in plan.checklist.select_related("done_by").order_by("position")
        ],
        "runs": runs.visible(person=person).filter(plan=plan),
        "activity": [
            {"at": row.at, "who": said["who"]["name"], "sentence": said["what"]}
            for row in ledger.of_plan(plan=plan.pk)[:EVENTS_SHOWN]
            for said in [ledger.body(row)]
        ],
    }


def files(plan: MigrationPlan) -> list[dict[str, Any]]:
    """Return the files in the order in which they run, without their text."""
    rows = plan.files.order_by("position").values("name", "sha256").annotate(size=Length("content"))
    return [{**row, "url": reverse("api-plan-file", args=[plan.pk, row["name"]])} for row in rows]


def assessment(row: PlanAssessment | None) -> dict[str, Any] | None:
    """Return what is known of the risk, None while there is nothing to assess."""
    if row is None:
        return None
    done = "done" if row.level else "problem"
    said = explained.told(row.result)
    back = said["rollback"]
    return {
        "state": "running" if row.done_at is None else done,
        "attempt": row.attempt,
        "requested_at": row.requested_at,
        "done_at": row.done_at,
        "level": row.level,
        "phi": row.phi,
        "phi_reasons": said["phi_reasons"],
        "problem": row.problem,
        "tables": row.tables,
        "reason": said["reason"],
        "longest_wait": said["longest_wait"],
        "pattern": said["advice"]["pattern"],
        "phases": said["advice"]["phases"],
        "blast_radius": said["blast_radius"],
        "rates": said["rates"],
        "stale": explained.stale(row, target=row.plan.target) if row.level else [],
        "rollback": back and {"sentence": "", **back},
        "reversibility": said["reversibility"],
        "irreversible": said["irreversible"],
        "statements": said["statements"],
        "findings": said["findings"],
        "down": said["down"],
    }


def rehearsal(row: Rehearsal | None) -> dict[str, Any] | None:
    """Return what the newest rehearsal showed, None while there was none."""
    if row is None:
        return None
    done = row.status == RehearsalStatus.DONE
    verdicts = row.result.get("verdicts", [])
    return {
        "state": row.status.lower(),
        "sentence": rules_of_rehearsals.one_line(row.result) if done else row.problem,
        "passed": done and rules_of_rehearsals.all_passed(row.result),
        "finished_at": row.finished_at,
        "verdicts": [{**each, "title": TestClass(each["key"]).title} for each in verdicts],
        "findings": row.result.get("findings", []),
        "page": f"{settings.PUBLIC_URL}/rehearsals/{row.pk}/",
    }


def seat(row: Seat, *, now: datetime) -> dict[str, Any]:
    """Return one seat, and who could fill it while it is open."""
    state = "open" if row.opened_at else "later"
    if row.decision:
        state = "approved" if row.decision == Decision.APPROVE else "rejected"
    return {
        "id": row.pk,
        "stage": row.stage,
        "day": STAGES[Stage(row.stage)].label,
        "role": row.role,
        "role_title": Role(row.role).title,
        "state": state,
        "due_at": row.due_at,
        "opened_at": row.opened_at,
        "decided_at": row.decided_at,
        "decided_by": row.printed_name,
        "meaning": row.meaning,
        "reason": row.reason,
        "signed_digest": row.signed_digest,
        "factors": row.factors,
        "ip": row.signed_from,
        "user_agent": row.user_agent,
        "waiting_for": [each.full_name for each in approvals.signers_of(row, now=now)]
        if state == "open"
        else [],
    }


def tick(row: ChecklistItem) -> dict[str, Any]:
    """Return one line of the checklist."""
    item = template.BY_KEY[row.key]
    by = row.done_by.full_name if row.done_by else PORTAL.name
    return {
        "key": row.key,
        "section": row.section,
        "title": item.title,
        "done_at": row.done_at,
        "done_by": by if row.done_at else "",
        "by_portal": item.by_portal,
        "note": row.note,
        "evidence": row.evidence,
    }
