"""Whoever wants something of a plan or a run and does not get it leaves one entry in the ledger, and hears it (A7, L13)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from migrations_portal.approvals import services
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import body_of
from tests.factories.chain import Story
from tests.factories.plans import draft, scheduled_run, submitted
from tests.factories.proof import enrol
from tests.runs_kit import ADD_COLUMN, claimed


def refused() -> list[dict]:
    rows = Entry.objects.filter(kind="WISH_REFUSED").order_by("seq")
    return [body_of(row.canonical) for row in rows]


@pytest.fixture
def told(cast, production):
    return Story(cast, submitted(by=cast["ana"], target=production))


def later(days: int = 9) -> str:
    return f"{timezone.now() + timedelta(days=days):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(
    ("path", "form", "wanted"),
    [
        ("withdraw", {}, "withdraw"),
        ("cancel", {}, "cancel"),
        ("postpone", {"to": later()}, "postpone"),
        ("revise", {}, "open"),
        ("emergency/confirm", {}, "confirm the emergency of"),
        ("emergency/review", {}, "write the review of"),
    ],
)
def test_whoever_comes_too_late_reads_why_and_where_the_plan_stands(
    told, browser, path, form, wanted
):
    told.do(services.withdraw, "ana", reason="Found a better way")
    ana, post = browser("ana"), f"/plans/{told.plan.pk}/{path}/"

    late = ana.post(post, {"reason": "Never mind", **form})

    page, number = late.content.decode(), told.plan.number
    assert late.status_code == 409
    assert f"Nothing was done to {number}" in page
    assert f'href="/plans/{told.plan.pk}/"' in page
    (entry,) = refused()
    assert (entry["who"]["email"], entry["plan"], entry["result"]) == (
        told.cast["ana"].email,
        told.plan.pk,
        "refused",
    )
    assert entry["what"].startswith(f"Ana Lopez wanted to {wanted} {number}")
    assert entry["facts"]["code"]
    assert "Never mind" not in str(entry)
    assert told.status == "WITHDRAWN"


def test_who_may_not_is_refused_with_another_status_and_written_down_too(told, browser):
    answer = browser("sam").post(f"/plans/{told.plan.pk}/withdraw/", {"reason": "No"})

    assert answer.status_code == 409  # it belongs to Ana
    answer = browser("tess").post(f"/plans/{told.plan.pk}/clone/", {})
    assert answer.status_code == 302
    assert [each["facts"]["wish"] for each in refused()] == ["plan-withdraw", "plan-clone"]


def test_what_was_typed_into_a_draft_or_a_comment_is_not_repeated(cast, production, browser):
    plan = draft(by=cast["ana"], target=production)
    ana = browser("ana")
    ana.post(f"/plans/{plan.pk}/comments/", {"text": "  "})
    ana.post(f"/plans/{plan.pk}/checklist/no-such-item/", {"note": "secret words"})

    assert [each["facts"]["wish"] for each in refused()] == ["plan-comment", "plan-tick"]
    assert "secret words" not in str(refused())


def test_a_submission_that_lacks_something_is_written_down(cast, production, browser):
    plan = draft(by=cast["ana"], target=production)
    form = browser("ana").get(f"/plans/{plan.pk}/edit/").context["form"]
    sent = {key: value for key, value in form.initial.items() if value is not None}
    sent |= {"justification": "no ticket", "action": "submit", "scheduled_for": later()}
    browser("ana").post(f"/plans/{plan.pk}/edit/", sent)

    assert [each["facts"] for each in refused()] == [
        {"code": "plan-incomplete", "wish": "plan-submit"}
    ]


def test_an_order_and_a_choice_that_a_run_does_not_take_are_written_down(cast, production, browser):
    run = scheduled_run(cast=cast, target=production, example=ADD_COLUMN)
    dan = browser("dan")
    dan.post(f"/runs/{run.pk}/order/", {"order": "PAUSE", "reason": ""})
    claimed(run)
    browser("petra").post(f"/runs/{run.pk}/order/", {"order": "ABORT", "reason": "x"})
    dan.post(f"/runs/{run.pk}/decide/", {"choice": "KEEP", "reason": "x"})

    assert [(each["facts"]["wish"], each["facts"]["code"]) for each in refused()] == [
        ("run-order", "not-ordered"),
        ("run-order", "not-allowed"),
        ("run-decide", "not-decidable"),
    ]
    assert all(f"run {run.pk} of {run.plan.number}" in each["what"] for each in refused())


def test_a_wrong_password_before_stopping_a_run_is_written_down_without_it(
    cast, production, browser, settings
):
    settings.REQUIRE_SECOND_FACTOR = True
    run = scheduled_run(cast=cast, target=production, example=ADD_COLUMN)
    claimed(run)
    enrol(cast["dan"])
    given = {"order": "ABORT", "reason": "x", "password": "hunter-two", "code": "123456"}
    browser("dan").post(f"/runs/{run.pk}/order/", given)

    (entry,) = refused()
    assert entry["facts"]["code"] == "password-wrong"
    assert "hunter-two" not in str(entry)
    assert "123456" not in str(entry)


def test_a_wrong_password_away_from_any_plan_is_written_down_too(cast, browser):
    enrol(cast["dan"])
    browser("dan").post("/account/factor/remove/", {"password": "hunter-two", "code": "123456"})

    (entry,) = refused()
    assert (entry["plan"], entry["facts"]["code"]) == (None, "password-wrong")
    assert "hunter-two" not in str(entry)


def test_looking_at_what_is_not_there_leaves_nothing(told, browser):
    assert browser("mallory").get(f"/plans/{told.plan.pk}/").status_code == 404
    assert browser("mallory").post(f"/plans/{told.plan.pk}/withdraw/", {}).status_code == 404
    assert refused() == []
