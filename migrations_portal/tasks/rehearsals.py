"""Rehearsals, and putting in order what dead workers left. The rows are the queue; a message is a doorbell (ADR 0001)."""

from celery import shared_task
from django.db import transaction

from migrations_portal import wiring
from migrations_portal.kernel.errors import Refused
from migrations_portal.rehearsals import queries, services
from migrations_portal.runbooks import rehearsal
from migrations_portal.tasks.ringing import Message, ring
from migrations_portal.tasks.runs import worker_name


@shared_task(name="rehearsals.rehearse", acks_late=False, max_retries=0)
def rehearse(*, rehearsal_id: int, **_newer: object) -> None:
    """Claim one rehearsal and carry it out; a doorbell for one that is taken ends here."""
    rehearsal.execute(
        rehearsal_id=rehearsal_id,
        worker=worker_name(),
        tools=wiring.tools(),
        clock=wiring.clock,
    )


@shared_task(name="rehearsals.sweep")
def sweep(**_newer: object) -> None:
    """Clear up after dead workers, ask for what went stale, and ring for what waits."""
    rehearsal.sweep(tools=wiring.tools(), clock=wiring.clock)
    for revision in queries.to_rehearse_again(now=wiring.clock()):
        try:
            with transaction.atomic():
                services.ask(plan=revision.plan, revision=revision, by=None, now=wiring.clock())
        except Refused:  # somebody asked in this very moment
            continue
    ring([Message(rehearse, {"rehearsal_id": each}) for each in queries.waiting()])


@shared_task(name="rehearsals.watch_history")
def watch_history(**_newer: object) -> None:
    """Look whether something came into the targets' histories since."""
    rehearsal.watch_history(tools=wiring.tools())
