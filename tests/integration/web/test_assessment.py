"""The assessment on the plan's page: readable, asked for again, and cheap to show."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from migrations_portal.approvals import services as approvals
from migrations_portal.audit.models import Entry
from migrations_portal.plans import queries, services
from migrations_portal.plans.models import PlanAssessment
from migrations_portal.targets import services as targets
from migrations_portal.targets.models import TargetCatalogue
from tests.clock import DAY, NOON
from tests.factories.plans import AnyScript, draft, submitted

BUDGET = 15
"""Queries for one page, whatever it shows."""


def statement(number, level, **more):
    return {
        "file": "a.js",
        "line": number,
        "sql": f"ALTER TABLE students ADD c{number} text",
        "level": level,
        "locks": {"public.students": "AccessExclusiveLock"},
        "rewrites": [],
        "scans": [],
        "findings": [
            {
                "rule": "add-not-null-column",
                "level": level,
                "message": f"Message {number}.",
                "advice": "Do.",
                "safe_sql": "SELECT 1;",
            }
        ]
        if level != "LOW"
        else [],
        **more,
    }


RESULT = {
    "reason": "HIGH because of line 2 of a.js.",
    "statements": [statement(n, "HIGH" if n == 2 else "LOW") for n in range(1, 9)],
    "findings": [],
    "down": [statement(1, "HIGH")],
    "phi_reasons": {"public.x": "View active_students reads students, which is PHI."},
    "blast_radius": [{"table": "public.students", "sentences": ["read by 1 view (active_students)"]}],
    "rollback": {"proven": True, "sentence": "Tried on an empty copy."},
    "basis": {"schema_digest": "a" * 64, "server_version": 17, "tagged": [], "rows": {"public.students": 20_000}},
}  # fmt: skip


def assessed(plan, result=RESULT):
    PlanAssessment.objects.filter(plan=plan).update(result=result)
    TargetCatalogue.objects.update_or_create(
        target=plan.target,
        defaults={
            "read_at": NOON,
            "server_version": 17,
            "schema_digest": "a" * 64,
            "rows": {"public.students": 20_000},
        },
    )
    return plan


def page(client, plan):
    return client.get(f"/plans/{plan.pk}/").content.decode()


def test_the_worst_statement_comes_first_and_the_harmless_ones_are_folded(cast, production, browser):  # fmt: skip
    text = page(browser("dan"), assessed(draft(by=cast["ana"], target=production)))

    assert text.index("Message 2.") < text.index("7 harmless statements") < text.index("c1</span>")
    assert "Blocks reads and writes of students" in text
    assert "View active_students reads students, which is PHI." not in text  # not a PHI plan
    assert "read by 1 view (active_students)" in text
    assert 'data-copy="SELECT 1;"' in text
    assert 'href="/rules/add-not-null-column/"' in text
    assert "1 statement that undoes it" in text
    assert "out of date" not in text


def test_a_phi_plan_says_why(cast, production, browser):
    plan = assessed(draft(by=cast["ana"], target=production, phi=True))

    assert "View active_students reads students, which is PHI." in page(browser("dan"), plan)


def test_a_stale_assessment_says_why_and_is_asked_for_again(cast, production, browser):
    plan = assessed(submitted(by=cast["ana"], target=production))
    targets.tag(target_id=production.pk, text="users.ssn", by=cast["petra"], reason="x", now=NOON)
    dan = browser("dan")

    assert "users.ssn is tagged as PHI now." in page(dan, plan)
    assert f'action="/plans/{plan.pk}/assess/"' in page(dan, plan)
    dan.post(f"/plans/{plan.pk}/assess/")

    row = queries.current_assessment(plan)
    assert (row.attempt, row.done_at, row.asked_by) == (2, None, cast["dan"])
    assert "Dan Okafor asked for a new assessment" in Entry.objects.get(kind="ASSESSMENT_ASKED").canonical  # fmt: skip
    assert "Running the file" in page(dan, plan)
    told = dan.post(f"/plans/{plan.pk}/assess/", follow=True).content.decode()
    assert "being assessed already" in told


def test_nobody_asks_again_for_a_plan_that_is_over_or_not_theirs_to_see(cast, production, browser):
    plan = assessed(submitted(by=cast["ana"], target=production))
    approvals.withdraw(
        plan_id=plan.pk, by=cast["ana"], reason="x", now=NOON, day=DAY, public_url=""
    )

    told = browser("dan").post(f"/plans/{plan.pk}/assess/", follow=True).content.decode()

    assert "only a plan that may still run" in told
    assert browser("mallory").post(f"/plans/{plan.pk}/assess/").status_code == 404
    assert PlanAssessment.objects.count() == 1


def test_a_new_file_after_a_second_assessment_is_assessed_by_itself(cast, production):
    plan = draft(by=cast["ana"], target=production)
    upload = services.Upload(name="20260101000000-other.js", content=b"module.exports = {};\n")

    services.put_files(plan_id=plan.pk, by=cast["ana"], uploads=[upload], checker=AnyScript(), now=NOON)  # fmt: skip

    row = queries.current_assessment(plan)
    assert (row.attempt, row.done_at) == (1, None)


def counted(client, path):
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen), "\n".join(each["sql"][:160] for each in seen.captured_queries)


@pytest.mark.parametrize("name", ["dan", "ana", "cleo", "carla"])
def test_the_page_of_a_plan_asks_few_questions(cast, production, browser, name):
    plan = assessed(submitted(by=cast["ana"], target=production, phi=True))

    number, sql = counted(browser(name), f"/plans/{plan.pk}/")

    assert number <= BUDGET, sql


def test_the_list_of_fifty_plans_asks_few_questions(cast, production, browser):
    for number in range(50):
        level = ("LOW", "MEDIUM", "HIGH", "CRITICAL")[number % 4]
        submitted(by=cast["ana"], target=production, level=level)

    for name in ("dan", "ana"):
        asked, sql = counted(browser(name), "/plans/")
        assert asked <= BUDGET, f"{name}: {sql}"


@pytest.mark.parametrize(
    ("level", "phi", "said"),
    [
        ("HIGH", False, False),
        ("MEDIUM", False, False),
        ("CRITICAL", False, True),
        ("HIGH", True, True),
    ],
)
def test_what_was_found_riskier_after_it_was_signed_is_told(cast, production, browser, level, phi, said):  # fmt: skip  # noqa: PLR0917
    plan = assessed(submitted(by=cast["ana"], target=production, level="HIGH"))
    PlanAssessment.objects.filter(plan=plan).update(level=level, phi=phi)

    assert ("Riskier than what was signed" in page(browser("dan"), plan)) is said
