"""A person calls off a run that is due and has not begun."""

import pytest

from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import body_of
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution.models import MigrationRun
from migrations_portal.tasks import runs
from tests.factories.plans import scheduled_run
from tests.runs_kit import claimed


@pytest.fixture
def run(cast, production):
    return scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)


def test_the_page_of_a_due_run_offers_it_and_says_afterwards_what_is_true(run, browser):
    dan = browser("dan")
    address, post = f"/runs/{run.pk}/", f"/plans/{run.plan_id}/cancel/"
    assert f'action="{post}"' in dan.get(address).content.decode()

    told = dan.post(post, {"reason": "The school is closed today"}, follow=True)
    runs.execute(run_id=run.pk)
    runs.start_due()

    assert f"{run.plan.number} is cancelled; its run does not start." in told.content.decode()
    run.refresh_from_db()
    assert (run.status, run.claimed_at) == ("CANCELLED", None)
    page = dan.get(address).content.decode()
    assert "This run was called off and never started" in page
    assert f"{run.plan.number} was cancelled before this run began" in page
    assert f'action="{post}"' not in page
    kinds = ("PLAN_CANCELLED", "RUN_FINISHED")
    rows = Entry.objects.filter(kind__in=kinds).order_by("seq")
    by_dan, by_portal = (body_of(row.canonical) for row in rows)
    assert by_dan["who"]["name"] == "Dan Okafor", by_dan
    assert by_dan["why"] == "The school is closed today"
    assert by_portal["what"] == f"Run {run.pk} of {run.plan.number} was called off before it began."
    assert by_portal["result"] == "cancelled"


def test_it_is_offered_to_nobody_who_may_not_and_not_once_it_runs(run, browser):
    post = f"/plans/{run.plan_id}/cancel/"
    assert f'action="{post}"' not in browser("petra").get(f"/runs/{run.pk}/").content.decode()

    claimed(run)

    assert f'action="{post}"' not in browser("dan").get(f"/runs/{run.pk}/").content.decode()
    refused = browser("dan").post(post, {"reason": "Too late"}, follow=True).content.decode()
    assert "This plan is running; it cannot become cancelled." in refused
    assert MigrationRun.objects.get(pk=run.pk).status == "RUNNING"
