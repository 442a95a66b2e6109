"""The ledger's own duties: checkpoints, checks, and holding runs when it does not hold."""

import logging

from celery import shared_task
from django.conf import settings

from migrations_portal import wiring
from migrations_portal.audit import checkpoints, checks
from migrations_portal.audit.ports import CheckpointStoreUnavailable, SigningFailed
from migrations_portal.compliance import guard

logger = logging.getLogger(__name__)


@shared_task(name="ledger.checkpoint")
def checkpoint(**_newer: object) -> None:
    """Compare with the store, sign when five minutes or a thousand entries have passed, keep what waits."""
    now, store = wiring.clock(), wiring.checkpoint_store()
    try:
        guard.compare_with_store(store=store, now=now, public_url=settings.PUBLIC_URL)
        if checkpoints.is_due(now=now):
            checkpoints.make(signer=wiring.ledger_signer(), reason="clock", now=now)
    except (CheckpointStoreUnavailable, SigningFailed) as trouble:
        logger.warning("the ledger's checkpoint: %s", trouble.sentence)
    checkpoints.store_waiting(store=store, now=wiring.clock())
    guard.warn_of_silence(now=wiring.clock(), public_url=settings.PUBLIC_URL)


@shared_task(name="ledger.check")
def check(*, check_id: int, **_newer: object) -> None:
    """Carry out one check of the chain; a doorbell for one that somebody has, or that is done, ends here."""
    claimed = checks.claim(check_id=check_id, now=wiring.clock())
    if claimed is not None:
        guard.carry_out(
            claimed,
            store=wiring.checkpoint_store(),
            clock=wiring.clock,
            public_url=settings.PUBLIC_URL,
        )


@shared_task(name="ledger.checks_waiting")
def checks_waiting(**_newer: object) -> None:
    """Carry out checks whose doorbell was lost."""
    for check_id in checks.waiting(now=wiring.clock()):
        check(check_id=check_id)


@shared_task(name="ledger.check_since")
def check_since(**_newer: object) -> None:
    """Check what came since the last check that held (each hour)."""
    row = checks.ask(by="portal", whole=False, now=wiring.clock())
    check(check_id=row.pk)


@shared_task(name="ledger.check_whole")
def check_whole(**_newer: object) -> None:
    """Check everything (each night)."""
    row = checks.ask(by="portal", whole=True, now=wiring.clock())
    check(check_id=row.pk)
