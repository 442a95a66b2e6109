"""My work, the calendar and the checklist as a browser shows them: usable by keyboard, no axe finding, pictures on request."""

import os
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from migrations_portal.approvals import services as approvals
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.windows.models import Period
from migrations_portal.windows.rules import PeriodKind
from tests.clock import DAY
from tests.factories.plans import draft
from tests.factories.windows import period
from tests.unit.web.conftest import chromium  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AXE = Path(__file__).resolve().parents[1] / "vendor" / "axe-core" / "axe.min.js"
SIZES = {"1280": (1280, 900), "390": (390, 844)}
URL = "http://127.0.0.1:8000"


@pytest.fixture(scope="module", autouse=True)
def beside_playwright():
    """Playwright keeps an event loop in this thread, and Django would refuse to work beside it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    yield
    patch.undo()


@pytest.fixture
def month(cast, production):
    """A target with windows of each kind, a freeze, and plans that wait, clash and stand outside."""
    now = timezone.now()
    first = now.astimezone(production.zone).date() - timedelta(days=30)
    monday = first - timedelta(days=first.weekday())
    Period.objects.filter(target=production).delete()
    period(
        production,
        PeriodKind.BUSINESS_HOURS,
        day=monday,
        at=time(9),
        minutes=480,
        rule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        name="Office hours",
    )
    period(
        production,
        PeriodKind.OFF_PEAK,
        day=monday,
        at=time(22),
        minutes=480,
        rule="FREQ=DAILY",
        name="Nights",
    )
    period(
        production,
        PeriodKind.MAINTENANCE,
        day=monday + timedelta(days=5),
        at=time(20),
        minutes=240,
        rule="FREQ=WEEKLY;BYDAY=SA",
        name="Saturday evening",
    )
    soon = now.astimezone(production.zone).date() + timedelta(days=16)
    period(production, PeriodKind.FREEZE, day=soon, minutes=3 * 1440, name="Term start")
    _plans(cast, production, now=now)
    return production


def _plans(cast, target, *, now):
    saturday = now.astimezone(target.zone).date() + timedelta(days=8)
    saturday += timedelta(days=(5 - saturday.weekday()) % 7)
    for title, hour, level in (
        ("Add consent tracking to patients", 20, "HIGH"),
        ("Remove the legacy contact columns", 21, "HIGH"),
        ("Index orders by student", 21, "LOW"),
    ):
        at = datetime.combine(saturday, time(hour), tzinfo=target.zone)
        _submit(
            draft(by=cast["ana"], target=target, level=level, phi=level == "HIGH"),
            title,
            at,
            cast,
            now,
        )


def _submit(plan, title, at, cast, now):
    MigrationPlan.objects.filter(pk=plan.pk).update(title=title, scheduled_for=at)
    approvals.submit(plan_id=plan.pk, by=cast["ana"], now=now, day=DAY, public_url=URL)
    plans.tick(
        plan_id=plan.pk, key="tested-in-development", by=cast["ana"], note="CI run 4711", now=now
    )


@pytest.fixture
def visit(chromium, live_server, cast):  # noqa: F811
    """Open a page as one of the cast."""

    def open_page(who, path, size="1280"):
        client = Client()
        client.force_login(cast[who], backend="django.contrib.auth.backends.ModelBackend")
        width, height = SIZES[size]
        context = chromium.new_context(viewport={"width": width, "height": height})
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
        context.add_cookies([{**cookie, "url": live_server.url}])
        page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    return open_page


def look(page, name, size):
    folder = os.environ.get("WCO_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}-{size}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "it scrolls sideways"
    )
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run({runOnly:['wcag2a','wcag2aa','wcag21aa','wcag22aa']}).then(r => r.violations.map("
        "v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target).join(' ')))"
    )
    assert found == []


PAGES = {
    "calendar-month": ("/calendar/{target}/?view=month&on={day}", "dan"),
    "calendar-week": ("/calendar/{target}/?view=week&on={day}", "dan"),
    "windows": ("/calendar/{target}/windows/", "dan"),
    "my-work": ("/", "dan"),
    "checklist": ("/plans/{plan}/checklist/", "ana"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_the_pages_of_the_chain_look_right(visit, month, name, size):
    path, who = PAGES[name]
    plan = MigrationPlan.objects.earliest("pk")
    day = plan.scheduled_for.astimezone(month.zone).date()

    page = visit(who, path.format(target=month.pk, day=day, plan=plan.pk), size)

    look(page, name, size)


def test_the_calendar_is_walked_by_keys(visit, month):
    page = visit("dan", f"/calendar/{month.pk}/?view=month&on=2026-11-10")
    page.locator("[data-day][href$='2026-11-10']").focus()

    before = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    after = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("PageDown")
    page.wait_for_url("**on=2026-12-01")

    assert date.fromisoformat(after[-10:]) - date.fromisoformat(before[-10:]) == timedelta(days=8)
    assert page.get_by_role("heading", name="December 2026").is_visible()

    page.locator("[data-day]").first.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_url("**on=2026-11-01")
