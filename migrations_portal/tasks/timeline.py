"""T-7 … T-0: dates are swept from rows; there are no ETA messages."""

from celery import shared_task
from django.conf import settings

from migrations_portal import wiring
from migrations_portal.approvals import services


@shared_task(name="timeline.sweep")
def sweep(**_newer: object) -> None:
    """Open the stages whose day has come; remind, escalate, postpone, expire."""
    services.sweep(now=wiring.clock(), day=wiring.day(), public_url=settings.PUBLIC_URL)


@shared_task(name="timeline.keep_seats")
def keep_seats(**_newer: object) -> None:
    """Look after open seats and given signatures when people get, lose or hand on roles."""
    services.keep_seats(now=wiring.clock(), day=wiring.day(), public_url=settings.PUBLIC_URL)


@shared_task(name="timeline.send_digests")
def send_digests(**_newer: object) -> None:
    """Send the daily mail of what waits."""
    services.send_digests(now=wiring.clock(), public_url=settings.PUBLIC_URL)
