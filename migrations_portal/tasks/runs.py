"""The alarm clock of runs. Losing or doubling any of these messages changes nothing but latency (X1)."""

import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

from celery import shared_task
from django.conf import settings
from django.db import connection

from migrations_portal import wiring
from migrations_portal.compliance import guard
from migrations_portal.execution import deciding, queries, services, takeovers
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import Choice
from migrations_portal.runbooks import catastrophe, recovery, standard, takeover
from migrations_portal.runbooks.tools import Tools
from migrations_portal.tasks.ringing import Message, ring

logger = logging.getLogger(__name__)

TAKEOVERS_AT_ONCE = 8
"""Each has a few sessions open; more lost runs than these wait for the first to be told of."""


def worker_name() -> str:
    """Return who claims: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task(name="runs.start_due")
def start_due(**_newer: object) -> None:
    """Schedule what is approved and ring for what is due."""
    services.schedule_approved(now=wiring.clock())
    ring([Message(execute, {"run_id": run_id}) for run_id in queries.due()])


@shared_task(name="runs.execute", acks_late=False, max_retries=0)
def execute(*, run_id: int, **_newer: object) -> None:
    """Claim the run and execute it; a doorbell for a run that is not due, or claimed already, ends here without a trace."""
    if not queries.is_due(run_id=run_id):
        return
    tools = wiring.tools()  # before the claim: without its tools a worker takes nothing
    if waits(run_id):
        return
    fence = services.claim(
        run_id=run_id,
        worker=worker_name(),
        now=wiring.clock(),
        public_url=settings.PUBLIC_URL,
        day=wiring.day(),
    )
    if fence is not None:
        _carry_out(standard, run_id=run_id, fence=fence, tools=tools)


def _carry_out(runbook: ModuleType, *, run_id: int, fence: int, tools: Tools) -> None:
    """Let a runbook work on a run that is ours, and sign the ledger after it."""
    runbook.execute(
        run_id=run_id,
        fence=fence,
        tools=tools,
        clock=wiring.clock_of_a_run,
        public_url=settings.PUBLIC_URL,
    )
    _checkpoint(run_id, when="after")


def waits(run_id: int) -> list[str]:
    """Sign the ledger before a run on production; return why the ledger holds the run (it stays due, and is rung for again)."""
    _checkpoint(run_id, when="before")
    reasons = guard.reasons_to_wait(run_id=run_id, now=wiring.clock())
    for reason in reasons:
        logger.warning("run %s waits: %s", run_id, reason)
    return list(reasons)


def _checkpoint(run_id: int, *, when: str) -> None:
    if guard.is_production(run_id=run_id):
        guard.checkpoint_now(
            signer=wiring.ledger_signer,
            store=wiring.checkpoint_store(),
            reason=f"{when} run {run_id}",
            now=wiring.clock(),
        )


@shared_task(name="runs.restore", acks_late=False, max_retries=0)
def restore(*, run_id: int, **_newer: object) -> None:
    """Carry out what two people chose: a restore, a rollback by name, or a record of work done by hand."""
    tools = wiring.tools()
    fence = deciding.claim_recovery(run_id=run_id, worker=worker_name())
    if fence is None:
        return
    chosen = MigrationRun.objects.values_list("carrying_out", flat=True).get(pk=run_id)
    runbook = catastrophe if chosen == Choice.RESTORE else recovery
    _carry_out(runbook, run_id=run_id, fence=fence, tools=tools)


@shared_task(name="runs.find_lost")
def find_lost(**_newer: object) -> None:
    """Take over runs whose worker died, all at once, and ring again for recoveries that nobody has begun.

    A target that does not answer takes a takeover most of a minute, and the lost runs of one dead host are many (X13).
    """
    lost = takeovers.lost_runs()
    if lost:
        with ThreadPoolExecutor(max_workers=min(len(lost), TAKEOVERS_AT_ONCE)) as pool:
            list(pool.map(_try_take_over, lost))
    ring([Message(restore, {"run_id": run_id}) for run_id in deciding.recoveries_waiting()])


def _try_take_over(run: MigrationRun) -> None:
    """Take one run over, on a thread and a connection of its own."""
    try:
        _take_over(run.pk, fence=run.fence or 0)
    except Exception:  # one run that cannot be read must not keep the others from being found
        logger.exception("run %s: the takeover failed and is tried again", run.pk)
    finally:
        connection.close()


def _take_over(run_id: int, *, fence: int) -> None:
    tools = wiring.tools()
    mine = takeovers.take_over(run_id=run_id, fence=fence)
    if mine is not None:
        _carry_out(takeover, run_id=run_id, fence=mine, tools=tools)
