"""What the portal knows of the targets, kept fresh: their catalogues, and how fast their servers are."""

import logging

from celery import shared_task

from migrations_portal import wiring
from migrations_portal.execution import queries as runs
from migrations_portal.kernel.errors import ProductError
from migrations_portal.plans import queries as plans
from migrations_portal.runbooks import calibration, catalogue
from migrations_portal.targets import queries

logger = logging.getLogger(__name__)


@shared_task(name="catalogue.read")
def read(*, target_id: int, **_newer: object) -> None:
    """Read one target's catalogue now."""
    catalogue.refresh(target_id=target_id, tools=wiring.tools(), clock=wiring.clock)


@shared_task(name="catalogue.measure")
def measure(*, target_id: int, **_newer: object) -> None:
    """Measure one target's server now."""
    calibration.measure(target_id=target_id, tools=wiring.tools(), clock=wiring.clock)


@shared_task(name="catalogue.sweep")
def sweep(**_newer: object) -> None:
    """Read what has not been read for a while, and measure what was never measured; never beside a run."""
    now, busy = wiring.clock(), runs.busy_targets()
    for target_id in queries.catalogues_due(now=now):
        if target_id not in busy:
            _tried(read, target_id=target_id)
    if busy or plans.assessments_waiting(now=now):
        return  # a calibration takes seconds, and people wait for the others
    for target_id in queries.rates_due(now=now)[:1]:
        _tried(measure, target_id=target_id)


def _tried(task: object, *, target_id: int) -> None:
    try:
        task(target_id=target_id)  # type: ignore[operator]  # a task is called like the function that it is
    except ProductError as trouble:
        logger.warning("target %s: %s", target_id, trouble.sentence)
