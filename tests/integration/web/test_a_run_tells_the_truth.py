"""A run's page at 2 a.m.: paused, on its way back, or without a word from its worker, it says what is so and who acts next."""

import re
from datetime import timedelta

import pytest

from migrations_portal.audit.models import Entry
from migrations_portal.execution.models import MigrationRun, RunStep
from migrations_portal.web.presenters import runs
from tests.factories.plans import scheduled_run
from tests.runs_kit import ADD_COLUMN, claimed, now

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(cast, production):
    row = scheduled_run(cast=cast, target=production, example=ADD_COLUMN)
    claimed(row)
    return row


def in_step(run, key, title, *, position=1):
    RunStep.objects.create(run=run, position=position, key=key, title=title, started_at=now())


def give(browser, run, what):
    answer = browser.post(f"/runs/{run.pk}/order/", {"order": what, "reason": ""}, follow=True)
    return answer.content.decode()


def orders_in_the_ledger():
    rows = Entry.objects.filter(kind="RUN_DECISION").order_by("seq")
    return [
        word for row in rows for word in ("paused", "resumed", "stopped") if word in row.canonical
    ]


def shown(run, *, silent=0):
    row = MigrationRun.objects.get(pk=run.pk)
    at = row.lease_until - timedelta(seconds=30) + timedelta(seconds=silent)
    return runs.page(row, person=row.plan.author, now=at)


def test_a_pause_and_going_on_are_each_in_the_ledger_once(run, browser):
    assert "not paused" in give(browser("dan"), run, "RESUME")
    give(browser("dan"), run, "PAUSE")
    assert "Dan Okafor has paused this run already" in give(browser("tess"), run, "PAUSE")
    give(browser("tess"), run, "RESUME")
    give(browser("dan"), run, "RESUME")

    assert orders_in_the_ledger() == ["paused", "resumed"]


def test_a_paused_run_says_where_it_holds_and_who_paused_it(run, browser):
    in_step(run, "migrate", "Migrate")
    page = give(browser("dan"), run, "PAUSE")

    assert "Pause asked by Dan Okafor in step 5 of 8: migrate" in page
    assert "goes on to the end of that transaction first" in page
    assert "The run holds before its next step, or between two transactions of a file" not in page

    MigrationRun.objects.filter(pk=run.pk).update(held_at=now())
    page = browser("dan").get(f"/runs/{run.pk}/").content.decode()
    assert "Paused by Dan Okafor in step 5 of 8: migrate" in page
    assert "Nothing of the run is at work on the target" in page


def test_a_pause_that_the_way_back_does_not_hear_is_not_shown_as_one(run, browser):
    in_step(run, "migrate", "Migrate")
    give(browser("dan"), run, "PAUSE")
    in_step(run, "rollback-undo", "Undo by name", position=2)

    page = shown(run)

    assert page["run"]["sentence"] == "Undo by name"
    assert not page["run"]["paused"]
    assert "Paused" not in page["run"]["tab_title"]
    assert "not paused" in give(browser("dan"), run, "RESUME")
    assert orders_in_the_ledger() == ["paused"]


def test_a_silent_worker_is_no_live_run_and_the_page_says_who_acts_next(run, browser):
    in_step(run, "migrate", "Migrate")
    assert shown(run, silent=4)["silence"] == []

    assert any("takes the run over from 40 s" in each for each in shown(run, silent=20)["silence"])
    assert any("No worker is there" in each for each in shown(run, silent=200)["silence"])

    row = MigrationRun.objects.get(pk=run.pk)
    MigrationRun.objects.filter(pk=run.pk).update(
        lease_until=row.lease_until - timedelta(seconds=20)
    )
    page = browser("dan").get(f"/runs/{run.pk}/").content.decode()
    assert "No worker is heard" in page
    assert "you need not do anything" in page
    assert "cancelled within two seconds" not in page
    assert ">Live</span>" not in page
    said = browser("dan").get(f"/api/v1/runs/{run.pk}/").json()["silence"]
    assert any("takes the run over from 40 s" in each for each in said)
    assert "The worker is silent, and obeys if it comes back" in give(browser("dan"), run, "PAUSE")


def test_a_choice_that_no_worker_has_begun_says_so(run):
    for status in ("NEEDS_DECISION", "RECOVERING"):
        MigrationRun.objects.filter(pk=run.pk).update(status=status, claimed_by="")

    assert "no worker has begun" in shown(run, silent=20)["silence"][0]


def test_a_run_that_needs_a_decision_says_so_in_one_heading(run, browser):
    MigrationRun.objects.filter(pk=run.pk).update(status="NEEDS_DECISION", outcome="UNKNOWN")

    page = browser("dan").get(f"/runs/{run.pk}/").content.decode()

    assert re.findall(r"<h[12][^>]*>The target needs a decision", page) == [
        "<h1>The target needs a decision"
    ]
    assert "What is known</h2>" in page


def test_a_refused_wish_says_once_that_nothing_was_done(run, browser):
    answer = browser("dan").post(f"/plans/{run.plan_id}/emergency/", {"until": "soon"})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert f"<h1>Nothing was done to {run.plan.number}" in page
    assert "Nothing was changed" not in page
