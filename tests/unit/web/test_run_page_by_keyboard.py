"""A run's page with the keyboard alone: it is stopped while it moves, and decided about. In Chromium, on a phone's width."""

from urllib.parse import parse_qs

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Locator, Page, expect

from tests.unit.web.samples.common import everywhere
from tests.unit.web.samples.execution import NEEDS_DECISION, RUNNING
from tests.unit.web.samples.live_run import LiveRun
from tests.unit.web.samples.server import serving

pytestmark = pytest.mark.browser


@pytest.fixture
def phone(chromium):
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    yield page
    page.close()


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until `wanted` has the focus, and see that the focus shows."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("e => e === document.activeElement"):
            assert wanted.evaluate("e => getComputedStyle(e).outlineStyle !== 'none'")
            return
    raise AssertionError("Tab does not lead there")


def sent_by_enter(page: Page, url: str) -> dict[str, list[str]]:
    """Press Enter and return the fields of the form that goes out."""
    page.route(url, lambda route: route.fulfill(status=200, body="taken"))
    with page.expect_request(url) as sent:
        page.keyboard.press("Enter")
    return parse_qs(sent.value.post_data or "")


def test_a_run_is_stopped_while_its_page_moves_under_the_hands(phone):
    run = LiveRun(orders=RUNNING["orders"] | {"post_url": "/orders"})
    with serving(run.answer) as address:
        phone.goto(f"{address}/run")
        reason = phone.get_by_label("Why, for the record")
        tab_to(phone, reason)
        phone.keyboard.type("Nurses wait")

        run.move_on(sentence="Step 6 of 8: status after", status="RUNNING")
        expect(phone.locator("#run-status")).to_have_text("Step 6 of 8: status after")
        expect(reason).to_be_focused()
        phone.keyboard.type(" since noon")
        tab_to(phone, phone.get_by_role("button", name="Stop the run"))
        sent = sent_by_enter(phone, "**/orders")

    assert (sent["order"], sent["reason"]) == (["ABORT"], ["Nurses wait since noon"])


def test_a_decision_is_made(phone):
    context = NEEDS_DECISION | {"decision": NEEDS_DECISION["decision"] | {"post_url": "/decision"}}
    page = render_to_string("execution/run.html", everywhere(section="Runs") | context)
    with serving(lambda path: page if path == "/run" else None) as address:
        phone.goto(f"{address}/run")
        tab_to(phone, phone.get_by_role("link", name="Decide…"))
        phone.keyboard.press("Enter")
        choices = phone.get_by_role("radio")
        tab_to(phone, choices.first)
        phone.keyboard.press("ArrowDown")
        chosen = choices.nth(1).get_attribute("value")
        tab_to(phone, phone.get_by_label("Why, for the record"))
        phone.keyboard.type("Half of it is there")
        tab_to(phone, phone.get_by_role("button", name="Choose, and ask a second person"))
        sent = sent_by_enter(phone, "**/decision")

    assert (sent["choice"], sent["reason"]) == ([chosen], ["Half of it is there"])
