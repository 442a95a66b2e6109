"""Exports and the calendar of compliance."""

import logging

from celery import shared_task
from django.conf import settings

from migrations_portal import wiring
from migrations_portal.compliance import exports, services
from migrations_portal.compliance.rules import ExportForm, month_before
from migrations_portal.targets.models import TargetGroup

logger = logging.getLogger(__name__)

MONTHLY = (ExportForm.PDF, ExportForm.CSV)


@shared_task(name="exports.make")
def make(*, export_id: int, **_newer: object) -> None:
    """Make one export; a doorbell for one that somebody has, or that is done, ends here."""
    claimed = exports.claim(export_id=export_id, now=wiring.clock())
    if claimed is not None:
        exports.make(
            claimed,
            tools=wiring.export_tools(),
            clock=wiring.clock,
            public_url=settings.PUBLIC_URL,
        )


@shared_task(name="exports.make_waiting")
def make_waiting(**_newer: object) -> None:
    """Make exports whose doorbell was lost; one that fails does not keep the others waiting."""
    for export_id in exports.waiting(now=wiring.clock()):
        try:
            make(export_id=export_id)
        except Exception:  # the next turn tries it again, three times in all
            logger.exception("export %s", export_id)


@shared_task(name="exports.monthly")
def monthly(**_newer: object) -> None:
    """Put last month's reports in line, once a group and month (each day, so that a day without workers loses none)."""
    now = wiring.clock()
    since, until = month_before(now)
    for group in TargetGroup.objects.all():
        for form in MONTHLY:
            exports.ask_for_month(group=group, form=form, since=since, until=until, now=now)


@shared_task(name="compliance.open_reviews")
def open_reviews(**_newer: object) -> None:
    """Open the duty to review the query log of runs on PHI."""
    services.open_reviews(now=wiring.clock())


@shared_task(name="compliance.check_retention")
def check_retention(**_newer: object) -> None:
    """Ask the vault about every backup (each day)."""
    services.check_retention(vault=wiring.vault(), now=wiring.clock())
