"""Celery tasks: short, ids only, one call each. The database is the queue; a message is a doorbell (ADR 0001)."""

from migrations_portal.tasks import (
    assessments,
    catalogue,
    compliance,
    ledger,
    notices,
    rehearsals,
    runs,
    timeline,
)

__all__ = [
    "assessments",
    "catalogue",
    "compliance",
    "ledger",
    "notices",
    "rehearsals",
    "runs",
    "timeline",
]
