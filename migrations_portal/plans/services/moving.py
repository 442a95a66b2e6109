"""The status of a locked plan, changed with its ledger entry."""

from datetime import datetime

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import CLOSED, PLAN_STATES, PlanStatus


def move(plan: MigrationPlan, *, status: PlanStatus, entry: Draft, now: datetime) -> None:
    """Change the status of a locked plan, with its ledger entry. Raises `TransitionRefused`."""
    PLAN_STATES.check(source=PlanStatus(plan.status), target=status)
    plan.status = str(status)
    plan.closed_at = now if status in CLOSED else None
    plan.save(update_fields=["status", "closed_at"])
    audit.append(entry)


def reopen(plan: MigrationPlan, *, entry: Draft, now: datetime) -> None:
    """Make a locked plan a draft again. The caller has voided what was signed. Raises `TransitionRefused`."""
    plan.planned_for, plan.emergency_reason, plan.emergency_until = None, "", None
    plan.save(update_fields=["planned_for", "emergency_reason", "emergency_until"])
    move(plan, status=PlanStatus.DRAFT, entry=entry, now=now)


def mark_emergency(plan: MigrationPlan, *, reason: str, until: datetime) -> None:
    """Put a locked draft on the emergency path; the caller submits it in the same transaction."""
    plan.emergency_reason, plan.emergency_until = reason, until
    plan.save(update_fields=["emergency_reason", "emergency_until"])
