"""Every page in every state, in Chromium: no sideways scroll, nothing that axe or the content policy objects to."""

import re
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import css_inline
import pytest
from django.template.loader import render_to_string
from playwright.sync_api import expect

from migrations_portal.web.views.parts import gallery
from tests.unit.web.samples import execution
from tests.unit.web.samples.common import everywhere
from tests.unit.web.samples.live_run import LiveRun
from tests.unit.web.samples.mails import MAILS
from tests.unit.web.samples.pages import PAGES
from tests.unit.web.samples.server import serving

pytestmark = pytest.mark.browser

AXE = (Path(__file__).resolve().parents[2] / "vendor" / "axe-core" / "axe.min.js").read_text()
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SIDEWAYS = """(width) => document.documentElement.scrollWidth <= width ? [] :
  [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1)
    .slice(0, 3).map(e => e.outerHTML.slice(0, 120))"""
AXE_RUN = """(rules) => axe.run(document, {runOnly: rules, resultTypes: ["violations"], selectors: false}).then(
  r => r.violations.map(v => v.id + ": " + v.nodes.slice(0, 2).map(n => n.html.slice(0, 120)).join(" | ")))"""
"""Only what is wrong is written up, and by its HTML: axe makes no selectors for the thousands of elements that are right."""


@cache
def _html(path: str) -> str | None:
    name = path.strip("/")
    if name == "parts":
        return render_to_string("parts/index.html", {**everywhere(), "parts": gallery()})
    if name.startswith("mail-"):
        context = MAILS[name.removeprefix("mail-")] | {"subject": "A subject"}
        return css_inline.inline(
            render_to_string(f"mail/{name.removeprefix('mail-')}/body.html", context)
        )
    if name not in PAGES:
        return None
    template, context = PAGES[name]
    return render_to_string(template, context)


NAMES = ["parts", *PAGES, *(f"mail-{name}" for name in MAILS)]
SHARES = 4
DESK, PHONE, NARROWEST = ({"width": width, "height": 844} for width in (1280, 390, 320))
"""320 px is where WCAG's 1.4.10 asks for reflow."""


def _wrong(page, rules: list[str]) -> Iterator[str]:
    """Yield what is wrong on the page that is open: on a desk and on a phone, in daylight and in the dark.

    Of all that axe looks at, the colour scheme can change contrast alone.
    """
    page.evaluate(AXE)
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        yield from page.evaluate(SIDEWAYS, size["width"])
        yield from page.evaluate(AXE_RUN, {"type": "tag", "values": rules})
    page.set_viewport_size(NARROWEST)
    yield from page.evaluate(SIDEWAYS, NARROWEST["width"])
    page.emulate_media(color_scheme="dark")
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        yield from page.evaluate(AXE_RUN, {"type": "rule", "values": ["color-contrast"]})
    page.emulate_media(color_scheme="light")


@pytest.mark.slow(25)
@pytest.mark.parametrize("share", range(SHARES))
def test_every_page_fits_and_can_be_used_by_everybody(chromium, share):
    wrong = {}
    with serving(_html, alone=True) as address:
        context = chromium.new_context(viewport=DESK, color_scheme="light", reduced_motion="reduce")
        page = context.new_page()
        said: list[str] = []
        page.on(
            "console", lambda m: said.append(m.text) if m.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: said.append(str(error)))
        for name in NAMES[share::SHARES]:
            page.goto(f"{address}/{name}")
            rules = WCAG if name.startswith("mail-") else [*WCAG, "best-practice"]
            if found := [*_wrong(page, rules), *said]:
                wrong[name] = found
            said.clear()
        context.close()

    assert wrong == {}


def test_on_a_phone_the_navigation_opens_and_closes_without_script(chromium):
    with serving(_html) as address:
        context = chromium.new_context(
            viewport={"width": 390, "height": 844}, java_script_enabled=False
        )
        page = context.new_page()
        page.goto(f"{address}/plans")
        link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Runs")
        assert not link.is_visible()

        page.get_by_role("button", name="Menu").click()

        assert link.is_visible()
        assert page.get_by_role("button", name="Sign out").is_visible()
        page.keyboard.press("Escape")
        assert not link.is_visible()
        context.close()


def test_a_signature_is_reached_with_the_keyboard_alone(chromium):
    with serving(_html) as address:
        page = chromium.new_page(viewport={"width": 390, "height": 844})
        page.goto(f"{address}/sign-off")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        dock = page.get_by_role("link", name="Decide…")
        for _ in range(40):
            if dock.evaluate("e => e === document.activeElement"):
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("Read both files")

        assert page.get_by_label("Your reason").input_value() == "Read both files"
        assert not page.locator(".dock").is_visible()
        page.close()


def test_the_run_page_follows_the_run_and_says_when_it_cannot(chromium):
    run = LiveRun()
    with serving(run.answer) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 844})
        page.goto(f"{address}/run")
        page.get_by_label("Follow").uncheck()
        page.locator("#step-4 summary").click()

        run.move_on(sentence="Step 6 of 8: status after", status="RUNNING")
        expect(page).to_have_title(re.compile("^Step 6 of 8"))
        assert page.locator("#run-status").text_content() == "Step 6 of 8: status after"
        assert not page.get_by_label("Follow").is_checked()
        assert page.locator("#step-4").get_attribute("open") is not None

        page.evaluate("window.kept = true")
        page.route("**/events", lambda route: route.abort())
        chip = page.locator("#run-link")
        expect(chip).to_have_text(
            re.compile("^Reconnecting, last word [4-9] s ago$"), timeout=9_000
        )
        assert chip.get_attribute("data-tone") == "warn"

        page.unroute("**/events")
        expect(chip).to_have_text("Live")

        run.move_on(sentence="Done in 2 min 14 s", status="SUCCEEDED")
        expect(page).to_have_title(re.compile("^Done"))
        assert page.locator("#run-live[data-live]").count() == 0
        assert page.evaluate("window.kept") is True
        page.close()


def test_whoever_waits_for_a_run_can_stop_it_as_soon_as_it_begins(chromium):
    run = LiveRun(orders=execution.RUNNING["orders"])
    run.wait()
    with serving(run.answer) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 844})
        page.goto(f"{address}/run")
        stop = page.get_by_role("button", name="Stop the run")
        page.locator("#postpone summary").click()
        page.locator("#postpone textarea").fill("The wrong night")
        assert not stop.count()

        run.move_on(sentence="Step 1 of 8: health check", status="RUNNING")

        expect(stop).to_be_visible()
        assert page.get_by_label("Why, for the record").input_value() == "The wrong night"
        assert not page.locator("#postpone").count()
        run.move_on(sentence="Done in 2 min 14 s", status="SUCCEEDED")
        expect(stop).to_have_count(0)
        page.close()


class SilentAtFirst(LiveRun):
    """A run whose first stream of events is taken and never gets a word."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.released = threading.Event()

    def answer(self, path: str) -> str | None:
        if path == "/events":
            self.asked += 1
            if self.asked == 1:
                self.released.wait()
        return super().answer(path)


def test_the_run_page_leaves_a_silent_connection_for_a_new_one(chromium):
    run = SilentAtFirst()
    with serving(run.answer) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 844})
        page.clock.install()
        page.goto(f"{address}/run")
        run.move_on(sentence="Step 6 of 8: status after", status="RUNNING")
        page.clock.fast_forward(9_000)
        expect(page.locator("#run-link")).to_have_text(re.compile("^Reconnecting"))
        assert run.asked == 1

        page.clock.fast_forward(7_000)

        expect(page).to_have_title(re.compile("^Step 6 of 8"))
        expect(page.locator("#run-link")).to_have_text("Live")
        page.close()
        run.released.set()


def test_the_run_page_leads_to_the_sign_in_when_the_session_has_ended(chromium):
    run = LiveRun()
    moved: dict[str, str] = {}
    with serving(run.answer, moved) as address:
        page = chromium.new_page()
        page.goto(f"{address}/run")
        expect(page).to_have_title(re.compile("^Step 5 of 8"))

        moved |= {"/events": "/sign-in", "/run": "/sign-in"}

        expect(page).to_have_title("Sign in")
        page.close()


def test_what_was_typed_when_the_session_had_ended_is_there_again_after_the_sign_in(chromium):
    with serving(_html, {"POST /plan": "/login"}, alone=True) as address:
        page = chromium.new_page()
        page.goto(f"{address}/plan")
        page.get_by_label("Your comment").fill("It locks the table for 3 s 🐘")
        page.get_by_role("button", name="Comment").click()
        expect(page).to_have_title(re.compile("^Sign in"))

        page.goto(f"{address}/plan")

        assert page.get_by_label("Your comment").input_value() == "It locks the table for 3 s 🐘"
        assert page.get_by_text("What you typed is here again. It has not been sent.").count() == 1
        page.goto(f"{address}/plan")
        assert page.get_by_label("Your comment").input_value() == ""
        page.close()


def test_what_has_arrived_does_not_come_back(chromium):
    with serving(_html, {"POST /plan": "/plans"}, alone=True) as address:
        page = chromium.new_page()
        page.goto(f"{address}/plan")
        page.get_by_label("Your comment").fill("Once is enough")
        page.get_by_role("button", name="Comment").click()
        expect(page).to_have_title(re.compile("^Plans"))

        page.goto(f"{address}/plan")

        assert page.get_by_label("Your comment").input_value() == ""
        page.close()
