"""Doorbells: tell a worker that something waits, so that it need not wait for the next sweep.

A bell rings once the transaction has committed, and it may be lost: the rows are the queue (ADR 0001), and the sweeps find
what nobody rang for. So a broker that is away delays work and never breaks a request (X14).
"""

from functools import partial

from django.db import transaction

from migrations_portal.plans import queries
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.rehearsals.models import Rehearsal
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
from migrations_portal.tasks.ringing import Message, ring


def assess_soon(plan: MigrationPlan) -> None:
    """Ring for the assessment of the plan's files as they are now; nothing rings when it is done, or was not asked for."""
    waiting = queries.current_assessment(plan)
    if waiting is not None and waiting.done_at is None:
        _after_commit(Message(assessments.assess, {"assessment_id": waiting.pk}))


def catalogue_soon(*, target_id: int) -> None:
    """Ring for a new look into a target's catalogue."""
    _after_commit(Message(catalogue.read, {"target_id": target_id}))


def rehearse_soon(rehearsal: Rehearsal) -> None:
    """Ring for a rehearsal that was just asked for."""
    _after_commit(Message(rehearsals.rehearse, {"rehearsal_id": rehearsal.pk}))


def notices_soon() -> None:
    """Ring for the outbox."""
    _after_commit(Message(notices.deliver))


def seats_soon() -> None:
    """Ring for open seats: somebody got or lost a role, or was kept out."""
    _after_commit(Message(timeline.keep_seats))


def export_soon(export_id: int) -> None:
    """Ring for an export."""
    _after_commit(Message(compliance.make, {"export_id": export_id}))


def check_soon(check_id: int) -> None:
    """Ring for a check of the ledger."""
    _after_commit(Message(ledger.check, {"check_id": check_id}))


def chain_soon() -> None:
    """Ring for the timeline: what is signed may have made it the portal's turn (T-3)."""
    _after_commit(Message(timeline.sweep))


def runs_soon() -> None:
    """Ring for runs: those to schedule, those that are due, and restores that two people chose."""
    _after_commit(Message(runs.start_due), Message(runs.find_lost))


def _after_commit(*messages: Message) -> None:
    transaction.on_commit(partial(ring, messages))
