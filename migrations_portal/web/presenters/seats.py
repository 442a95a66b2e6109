"""Seats and what signers ask, as plain values for the templates."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.rules import STAGES, Decision, Stage
from migrations_portal.backups import queries as backup_queries
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.web.presenters import rehearsals


def plan(row: MigrationPlan, *, revision: PlanRevision, window: str) -> dict[str, Any]:
    """Return what the sign-off page says of the plan."""
    return {
        "number": row.number,
        "title": row.title,
        "level": revision.level,
        "phi": revision.phi,
        "target": row.target.name,
        "environment": row.target.environment.lower(),
        "scheduled_for": row.scheduled_for,
        "zone": row.target.time_zone,
        "window": window,
        "author": row.author.full_name,
        "why": row.justification,
        "revision": revision.number,
        "digest": revision.digest,
    }


def facts(row: MigrationPlan, *, revision: PlanRevision, now: datetime) -> list[dict[str, str]]:
    """Return what signers ask: rehearsed, how undone, how long a recovery takes, how checked."""
    return [
        *rehearsals.signer_facts(row, revision=revision, now=now),
        _backup(row),
        {"term": "Expected time", "value": f"{row.expected_seconds} s", "tone": ""},
        {"term": "Verified by", "value": row.verification_steps, "tone": ""},
    ]


def _backup(row: MigrationPlan) -> dict[str, str]:
    newest = backup_queries.newest_proven(row.target)
    before = "Before the run a backup is taken, read back and restored on staging"
    if newest is None or newest.restore_seconds is None:
        return {
            "term": "Time to recover",
            "value": "Not measured yet",
            "detail": before,
            "tone": "",
        }
    return {
        "term": "Time to recover",
        "value": f"{newest.restore_seconds:,.1f} s for {newest.rows:,} rows, measured",
        "detail": before,
        "url": reverse("backup", args=[newest.pk]),
        "tone": "",
    }


def seat(row: Seat, *, mine: bool) -> dict[str, Any]:
    """Return one line of the list of sign-offs; `mine` marks the seat that the reader can decide on now."""
    state = "later"
    if row.decision:
        state = "ok" if row.decision == Decision.APPROVE else "no"
    elif row.opened_at:
        state = "turn" if mine else "waiting"
    note = ""
    if state == "waiting":
        holders = queries.holders_of(row)
        note = (
            f"Waiting for {holders[0].full_name}"
            if holders
            else "Nobody holds this role; ask an administrator"
        )
    return {
        "role_title": f"{Role(row.role).title}, {STAGES[Stage(row.stage)].label}",
        "state": state,
        "name": row.printed_name,
        "at": row.decided_at,
        "zone": row.revision.plan.target.time_zone,
        "note": note,
    }


def decided(row: Seat) -> dict[str, Any] | None:
    """Return the decision on a seat in words, None while it is open."""
    if not row.decision:
        return None
    word = "Signed" if row.decision == Decision.APPROVE else "Sent back"
    return {"word": word, "by": row.printed_name, "at": row.decided_at, "reason": row.reason}
