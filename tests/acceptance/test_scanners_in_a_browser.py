"""Mail scanners open links in a real browser that runs scripts (A1): nothing changes, and the person signs normally afterwards."""

import os

import pytest
from django.core.cache import cache
from django.test import Client

from migrations_portal.approvals.models import Deadline, Invitation, Seat
from migrations_portal.audit.models import Entry
from migrations_portal.notifications.models import Notice
from tests.acceptance.test_chain_screens import beside_playwright  # noqa: F401  # a fixture
from tests.factories.plans import submitted
from tests.unit.web.conftest import chromium  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HITS = int(os.environ.get("WCO_SCANNER_BROWSER_HITS", "40"))
"""By Chromium, half of them with the person's own session; ten thousand by HTTP are in tests/integration/approvals."""


def everything():
    return (
        list(Seat.objects.order_by("pk").values()),
        list(Invitation.objects.order_by("pk").values()),
        list(Deadline.objects.order_by("pk").values()),
        Entry.objects.count(),
        Notice.objects.count(),
    )


def test_a_browser_that_opens_the_link_again_and_again_changes_nothing(
    chromium,  # noqa: F811
    live_server,
    cast,
    production,
):
    submitted(by=cast["ana"], target=production, level="LOW")
    Invitation.objects.update(expires_at="2040-01-01T00:00Z")
    told = Notice.objects.get(template="sign_off_requested").context["url"]
    link = told.replace("http://127.0.0.1:8000", live_server.url)
    client = Client()
    client.force_login(cast["dan"], backend="django.contrib.auth.backends.ModelBackend")
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    scanner, dan = chromium.new_context(), chromium.new_context()
    dan.add_cookies([{**cookie, "url": live_server.url}])
    pages = [scanner.new_page(), dan.new_page()]
    before = everything()

    for number in range(HITS):
        pages[number % 2].goto(link, wait_until="load")
    assert everything() == before

    cache.clear()  # the minute is over
    page = pages[1]
    page.goto(link)
    page.get_by_label("Your reason").fill("Read and understood")
    page.locator("button[name=decision][value=APPROVE]").click()
    page.get_by_role("heading", name="Thank you").wait_for()
    seat = Seat.objects.get(stage="REVIEW", role="DBA")
    assert (seat.decision, seat.decided_by) == ("APPROVE", cast["dan"])
