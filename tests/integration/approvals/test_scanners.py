"""A mail link opened ten thousand times by machines changes nothing, and the person signs normally afterwards (A1).

`WCO_SCANNER_HITS` says how often; ten thousand by default, by HTTP, with and without a session.
"""

import os
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from migrations_portal.approvals.models import Deadline, Invitation, Seat
from migrations_portal.audit.models import Entry
from migrations_portal.notifications.models import Notice
from migrations_portal.web import shown
from tests.factories.plans import submitted

HITS = int(os.environ.get("WCO_SCANNER_HITS", "10000"))
AGENTS = ("", "curl/8", "Mozilla/5.0 HeadlessChrome/130", "Barracuda", "Microsoft Office Protocol")


def everything():
    """Return what a scanner could have changed."""
    return (
        list(Seat.objects.order_by("pk").values()),
        list(Invitation.objects.order_by("pk").values()),
        list(Deadline.objects.order_by("pk").values()),
        Entry.objects.count(),
        Notice.objects.count(),
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_scanners_change_nothing_and_dan_signs_afterwards(cast, production):
    submitted(by=cast["ana"], target=production, level="LOW")
    Invitation.objects.update(expires_at="2040-01-01T00:00Z")
    notice = Notice.objects.get(template="sign_off_requested")
    link = notice.context["url"].removeprefix("http://127.0.0.1:8000")
    dan = Client()
    dan.force_login(cast["dan"], backend="django.contrib.auth.backends.ModelBackend")
    scanner = Client()
    before = everything()

    for number in range(HITS):
        client = dan if number % 50 == 0 else scanner
        method = ("get", "head", "options")[number % 3]
        answer = getattr(client, method)(link, HTTP_USER_AGENT=AGENTS[number % len(AGENTS)])
        assert answer.status_code in {200, 302, 405, 429}
    assert everything() == before

    cache.clear()  # the minute is over
    page = dan.get(link, follow=True)
    assert page.status_code == 200
    seat = Seat.objects.select_related("revision").get(stage="REVIEW", role="DBA")
    then = timezone.now() - timedelta(seconds=10)
    signed = dan.post(
        f"/sign-off/{seat.pk}/",
        {
            "reason": "Read and understood",
            "digest": seat.revision.digest,
            "decision": "APPROVE",
            "shown": shown.written(seat_id=seat.pk, person_id=cast["dan"].pk, at=then),
        },
    )
    assert signed.status_code == 302
    seat.refresh_from_db()
    assert seat.decision == "APPROVE"
