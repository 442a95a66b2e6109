"""Handing over the outbox: at least once."""

from functools import partial

from celery import shared_task

from migrations_portal import wiring
from migrations_portal.accounts import links
from migrations_portal.notifications import delivery, services

BATCHES = 20
"""At most so many claims of ten in one go; what is left waits for the next bell, three seconds later."""


@shared_task(name="notices.deliver")
def deliver(**_newer: object) -> None:
    """Claim what is due and hand it over, until nothing is."""
    hand_over = delivery.handing_over(
        mailer=wiring.mailer(), chat=wiring.chat(), more=partial(links.in_mail, now=wiring.clock())
    )
    for _ in range(BATCHES):
        batch = services.claim_due(now=wiring.clock())
        for notice in batch:
            services.deliver(notice, hand_over=hand_over, clock=wiring.clock)
        if not batch:
            return
