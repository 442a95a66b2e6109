"""T-7 … T-0: dates are swept from rows; there are no ETA messages."""

from celery import shared_task
from django.conf import settings

from migrations_portal import wiring
from migrations_portal.approvals import services


@shared_task(name="timeline.sweep")
def sweep(**_newer: object) -> None:
    """Open the stages whose day has come."""
    services.sweep(now=wiring.clock(), day=wiring.day(), public_url=settings.PUBLIC_URL)
