"""Handing over the outbox: at least once."""

from celery import shared_task

from migrations_portal import wiring
from migrations_portal.notifications import delivery, services


@shared_task(name="notices.deliver")
def deliver(**_newer: object) -> None:
    """Claim what is due and hand it over."""
    hand_over = delivery.handing_over(mailer=wiring.mailer(), chat=wiring.chat())
    for notice in services.claim_due(now=wiring.clock()):
        services.deliver(notice, hand_over=hand_over, clock=wiring.clock)
