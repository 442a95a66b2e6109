"""Seats as plain values for the templates: one line each, with who is waited for and what is marked."""

from datetime import datetime
from typing import Any

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import STAGES, Stage
from migrations_portal.approvals.rules import Decision
from migrations_portal.people.rules import Role
from migrations_portal.plans.rules import PlanStatus


def seat(row: Seat, *, mine: bool, now: datetime) -> dict[str, Any]:
    """Return one line of the list of sign-offs; `mine` marks the seat that the reader can decide on now."""
    state = "later"
    if row.decision:
        state = "ok" if row.decision == Decision.APPROVE else "no"
    elif row.opened_at and row.revision.plan.status == PlanStatus.SUBMITTED:
        state = "turn" if mine else "waiting"
    return {
        "role_title": f"{Role(row.role).title}, {STAGES[Stage(row.stage)].label}",
        "state": state,
        "name": row.printed_name,
        "at": row.decided_at,
        "zone": row.revision.plan.target.time_zone,
        "note": _note(row, state=state, now=now),
        "signature": _signature(row),
    }


def _signature(row: Seat) -> list[tuple[str, str]]:
    """Return the rest of a signature's record (A9), nothing while the seat is open."""
    if not row.decision:
        return []
    return [
        ("Meaning", row.meaning),
        ("Reason", row.reason),
        ("Proved by", row.factors),
        ("Content", f"revision {row.revision.number}, SHA-256 {row.signed_digest}"),
        ("From", f"{row.signed_from}, {row.user_agent or 'no program named'}"),
    ]


def _note(row: Seat, *, state: str, now: datetime) -> str:
    if row.signer_left_at:
        return "No longer holds the role; the signature stays."
    if state == "waiting":
        return waiting_words(row, now=now)
    return ""


def waiting_words(row: Seat, *, now: datetime) -> str:
    """Say who is waited for: holders of the role, and who stands in for them."""
    names = [each.full_name for each in queries.holders_of(row)]
    names += [
        f"{each.deputy.full_name} for {each.giver.full_name}"
        for each in queries.deputies_for(row, now=now)
    ]
    if not names:
        title = Role(row.role).noun
        return f"Nobody can sign as {title}; ask an administrator to give somebody the role{_not_asked(row)}"
    return f"Waiting for {' or '.join(names)}{_not_asked(row)}"


def _not_asked(row: Seat) -> str:
    """Say why a holder of the role is not asked, when that is not plain to see from the plan itself."""
    names = [each.full_name for each in queries.committers_of(row)]
    if not names:
        return ""
    return f" (not {' or '.join(names)}, who wrote the commit)"


def decided(row: Seat) -> dict[str, Any] | None:
    """Return the decision on a seat in words, None while it is open."""
    if not row.decision:
        return None
    word = "Signed" if row.decision == Decision.APPROVE else "Sent back"
    return {"word": word, "by": row.printed_name, "at": row.decided_at, "reason": row.reason}
