"""Doorbells: tell a worker that something waits, so that it need not wait for the next sweep.

A bell rings once the transaction has committed, and it may be lost: the rows are the queue (ADR 0001), and the sweeps find
what nobody rang for. So a broker that is away delays work and never breaks a request (X14).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from celery import Task, current_app
from django.db import transaction
from kombu import Connection
from kombu.exceptions import OperationalError

from migrations_portal.plans import queries
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.tasks import assessments, catalogue, compliance, ledger, notices, runs

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.4
"""How long connecting, and then each answer, may take. Measured with a broker that is away: 0.01 s when it refuses, 0.4 s
when it accepts and stays silent. Celery's own defaults took 6 and 10 s, which is why a bell has a connection of its own."""

_IMPATIENT = {
    "socket_connect_timeout": PATIENCE_SECONDS,
    "socket_timeout": PATIENCE_SECONDS,
    "connect_retries_timeout": PATIENCE_SECONDS,
    "max_retries": 0,
}


def assess_soon(plan: MigrationPlan) -> None:
    """Ring for the assessment of the plan's files as they are now; nothing rings when it is done, or was not asked for."""
    waiting = queries.current_assessment(plan)
    if waiting is not None and waiting.done_at is None:
        _after_commit(Message(assessments.assess, {"assessment_id": waiting.pk}))


def catalogue_soon(*, target_id: int) -> None:
    """Ring for a new look into a target's catalogue."""
    _after_commit(Message(catalogue.read, {"target_id": target_id}))


def notices_soon() -> None:
    """Ring for the outbox."""
    _after_commit(Message(notices.deliver))


def export_soon(export_id: int) -> None:
    """Ring for an export."""
    _after_commit(Message(compliance.make, {"export_id": export_id}))


def check_soon(check_id: int) -> None:
    """Ring for a check of the ledger."""
    _after_commit(Message(ledger.check, {"check_id": check_id}))


def runs_soon() -> None:
    """Ring for runs: those to schedule, those that are due, and restores that two people chose."""
    _after_commit(Message(runs.start_due), Message(runs.find_lost))


@dataclass(frozen=True)
class Message:
    """What a bell says: which task, and about which row."""

    task: Task[Any, Any]
    ids: Mapping[str, int] = field(default_factory=dict)


def _after_commit(*messages: Message) -> None:
    transaction.on_commit(partial(_ring, messages))


def _ring(messages: Sequence[Message]) -> None:
    """Send the messages over one connection, or say in the log that the broker is away or refuses; any other fault is raised."""
    connection = current_app.connection_for_write(transport_options=_IMPATIENT)
    try:
        with connection:
            for each in messages:
                each.task.apply_async(kwargs=dict(each.ids), connection=connection, retry=False)  # type: ignore[call-arg]
    except _faults_of_the_broker(connection) as away:
        names = ", ".join(each.task.name for each in messages)
        logger.warning(
            "The broker is away, so the sweep will do this instead: %s (%s)", names, away
        )


def _faults_of_the_broker(connection: Connection) -> tuple[type[BaseException], ...]:
    kinds: tuple[type[BaseException], ...] = (
        OperationalError,
        *connection.connection_errors,
        *connection.channel_errors,
    )
    # kombu counts KeyError among the faults of a connection; here it would hide a mistake of ours.
    return tuple(kind for kind in kinds if not issubclass(kind, LookupError))
