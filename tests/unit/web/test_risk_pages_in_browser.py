"""The assessment and a rule's page as people see them, from what the engine really says; `make screenshots` keeps the pictures."""

import os
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path

import pytest
from django.template.loader import render_to_string

from migrations_portal import risk
from migrations_portal.plans.models import PlanAssessment
from migrations_portal.risk.catalogue import TableSize, catalogue_of
from migrations_portal.runbooks import explaining
from migrations_portal.runbooks.catalogue import TargetRead
from migrations_portal.targets.models import MeasuredRate
from migrations_portal.targets.rules import Tagged
from migrations_portal.web.presenters import assessment, rules
from tests.unit.web.samples import plans
from tests.unit.web.samples import risk as samples
from tests.unit.web.samples.common import T_ZERO, everywhere
from tests.unit.web.samples.server import serving

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("WCO_SCREENSHOTS")
SIZES = {1280: 900, 390: 844}
SCHEMA_SQL = resources.files("migrations_portal.risk").joinpath("data/example_schema.sql").read_text()  # fmt: skip
UP = """ALTER TABLE students ADD COLUMN consent_at timestamptz;
CREATE TABLE consents (id integer PRIMARY KEY, given_at timestamptz);
ALTER TABLE students ALTER COLUMN age TYPE bigint;
CREATE INDEX medications_due ON medications (due_at);
COMMENT ON COLUMN students.consent_at IS 'When the parents agreed';
"""
DOWN = """DROP INDEX medications_due;
ALTER TABLE students ALTER COLUMN age TYPE integer;
DROP TABLE consents;
ALTER TABLE students DROP COLUMN consent_at;
"""


def measured(work, usual):
    return MeasuredRate(
        work=work,
        usual=usual,
        slow=usual / 3,
        fast=usual * 2,
        measured_on="staging",
        measured_at=datetime(2025, 10, 20, tzinfo=UTC),
    )


@cache
def judged():
    big = TableSize(rows=4_200_000, heap=1_500_000_000, indexes=400_000_000)
    small = TableSize(rows=310_000, heap=41_000_000, indexes=12_000_000)
    schema = risk.schema_from_dump(SCHEMA_SQL)
    sizes = dict.fromkeys(("public.medications", "public.visits"), small)
    catalogue = catalogue_of(schema, sizes={**sizes, "public.students": big})
    tagged = (Tagged("public.students"), Tagged("public.health_records"))
    found = TargetRead(SCHEMA_SQL, schema, catalogue, 17, tagged)
    return explaining.judged(
        [risk.ScriptFile("20251103-consent.sql", UP, one_transaction=True)],
        [risk.ScriptFile("20251103-consent.sql", DOWN, one_transaction=True)],
        found=found,
        rates=[measured("rewrite", 82e6), measured("scan", 610e6), measured("index", 900_000)],
    )


def plan_page():
    said = {**judged(), "rollback": {"proven": True, "sentence": "Tried on an empty copy: after undoing, the schema is exactly as before."}}  # fmt: skip
    row = PlanAssessment(level=said["level"], phi=said["phi"], tables=said["tables"], result=said, done_at=T_ZERO)  # fmt: skip
    told = assessment.shown(row)
    told |= {"zone": "America/New_York", "stale": [], "again_url": "", "phi_url": "#"}
    context = plans.DETAIL | {"assessment": told, "checks": [], "changes": None, "notes": []}
    context["plan"] = plans.PLAN | {"level": said["level"]}
    return render_to_string("plans/detail.html", everywhere() | context)


def answer(path):
    if path == "/plan":
        return plan_page()
    shown = {
        "/rule": ("rules/detail.html", rules.detail("set-not-null")),
        "/wide-rule": ("rules/detail.html", rules.detail("attach-partition")),
        "/rules": ("rules/list.html", samples.RULES),
        "/phi": ("targets/phi.html", samples.PHI),
    }
    if path not in shown:
        return None
    template, context = shown[path]
    section = "PHI" if path == "/phi" else "Rules"
    return render_to_string(template, everywhere(section=section) | context)


def keep(page, name, width, element=None):
    if SHOTS:
        # As high as the page, so that the head that stays at the top covers nothing.
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": height})
        path = Path(SHOTS) / f"{name}-{width}.png"
        (element or page).screenshot(path=path, **({} if element else {"full_page": True}))


@pytest.mark.parametrize("width", SIZES)
def test_an_assessment_is_read_from_the_worst_to_the_harmless(chromium, width):
    with serving(answer) as address:
        page = chromium.new_page(viewport={"width": width, "height": SIZES[width]})
        page.goto(f"{address}/plan")
        card = page.locator("section[aria-labelledby=assessment]")
        text = card.inner_text()

        assert "Rewrites students: 4.2 million rows" in text
        assert "Reads and writes of students wait about 24 s" in text
        assert "may exceed the 30 s" in text
        assert "medications points at students, which is PHI." in text
        assert "read by 1 view (active_students)" in text
        assert text.index("ALTER COLUMN age TYPE bigint") < text.index("harmless statement")
        assert not card.get_by_text("COMMENT ON COLUMN").is_visible()
        card.get_by_text("harmless statement").click()
        assert card.get_by_text("When the parents agreed").is_visible()
        card.get_by_text("harmless statement").click()
        keep(page, "assessment", width, card)
        page.close()


@pytest.mark.parametrize("width", SIZES)
def test_a_rule_page_shows_danger_and_safety(chromium, width):
    with serving(answer) as address:
        page = chromium.new_page(viewport={"width": width, "height": SIZES[width]})
        page.goto(f"{address}/rule")

        assert page.get_by_role("heading", name="The dangerous form").is_visible()
        assert page.get_by_text("PostgreSQL 13 to 18").is_visible()
        assert page.get_by_role("button", name="Copy the safe form").is_visible()
        keep(page, "rule", width)
        page.close()


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("name", ["wide-rule", "rules", "phi"])
def test_nothing_is_wider_than_the_screen(chromium, name, width):
    with serving(answer) as address:
        page = chromium.new_page(viewport={"width": width, "height": SIZES[width]})
        page.goto(f"{address}/{name}")

        assert page.get_by_role("heading", level=1).is_visible()
        assert page.evaluate(
            "[...document.querySelectorAll('main pre, main code, main td')]"
            ".every((each) => each.getBoundingClientRect().right <= innerWidth)"
        )
        crushed = page.evaluate(
            "[...document.querySelectorAll('main .plain > li > *')]"
            ".filter((each) => each.getBoundingClientRect().width < 80).map((each) => each.innerText)"
        )
        assert crushed == []
        keep(page, name, width)
        page.close()


def test_the_safe_form_is_copied_by_a_button(chromium):
    with serving(answer) as address:
        context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto(f"{address}/rule")
        page.get_by_role("button", name="Copy the safe form").click()

        page.get_by_role("button", name="Copied").wait_for()
        assert "VALIDATE CONSTRAINT" in page.evaluate("navigator.clipboard.readText()")
        context.close()
