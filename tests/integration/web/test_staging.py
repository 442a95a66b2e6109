"""What people see and do about the stage before production."""

import re

import pytest

from migrations_portal.approvals.models import Seat
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.plans import queries
from migrations_portal.plans.smoke import SmokeCheck
from migrations_portal.targets.models import Target
from tests.clock import NOON
from tests.factories.plans import COMPLETE, draft, submitted

pytestmark = pytest.mark.django_db
URL = "https://staging.wc.example/health"


@pytest.fixture
def staged(group, production):
    partner = Target.objects.create(
        name="white_cross_staging", group=group, environment="STAGING", host="127.0.0.1",
        database="staging", credential="staging", project="school-health",
        smoke_addresses=["https://staging.wc.example/"],
    )  # fmt: skip
    production.staging_target = partner
    production.save()
    return production


def text(page):
    return re.sub(r"\s+", " ", page.content.decode())


def test_without_a_partner_the_page_says_nothing_of_it(browser, cast, production):
    plan = submitted(by=cast["ana"], target=production)

    assert "Staging first" not in text(browser("ana").get(f"/plans/{plan.pk}/"))


def test_the_plan_and_the_signers_page_say_what_is_waited_for(browser, cast, staged):
    plan = submitted(by=cast["ana"], target=staged)

    said = text(browser("ana").get(f"/plans/{plan.pk}/"))
    assert "Staging first" in said
    assert "as soon as the technical review (T-7) is signed" in said
    assert "Time to recover" in said
    seat = Seat.objects.filter(revision__plan=plan, role="DBA", stage="REVIEW").get()
    signing = text(browser("dan").get(f"/sign-off/{seat.pk}/"))
    assert "On staging" in signing
    assert "Time to recover" in signing
    assert not plan.checklist.get(key="tested-in-staging").done_at
    refused = browser("ana").post(f"/plans/{plan.pk}/checklist/tested-in-staging/tick/", {"note": "x"}, follow=True)  # fmt: skip
    assert refused.status_code != 500
    assert not plan.checklist.get(key="tested-in-staging").done_at


def test_a_run_that_failed_there_is_asked_for_again_by_a_button(browser, cast, staged):
    plan = submitted(by=cast["ana"], target=staged)
    revision = queries.newest_revision(plan)
    run = MigrationRun.objects.create(
        plan=plan, revision=revision, target=staged.staging_target, staging=True, due_at=NOON,
        created_at=NOON,
    )  # fmt: skip
    MigrationRun.objects.filter(pk=run.pk).update(
        status="RUNNING", claimed_at=NOON, fence=1, lease_until=NOON, claimed_by="tests"
    )
    execution.finish(
        run_id=run.pk, fence=1, status=execution.RunStatus.FAILED,
        outcome=execution.Outcome.NOTHING_CHANGED, problem="No table there.", advice="Mend it.",
        now=NOON, public_url="http://127.0.0.1:8000",
    )  # fmt: skip
    plan.refresh_from_db()
    assert plan.status == "SUBMITTED"
    ana = browser("ana")
    said = text(ana.get(f"/plans/{plan.pk}/"))
    assert "No table there." in said
    assert "Run on staging again" in said
    assert "Run on staging again" not in text(browser("sam").get(f"/plans/{plan.pk}/"))
    assert browser("sam").post(f"/plans/{plan.pk}/stage/").status_code in {302, 403}
    assert not MigrationRun.objects.filter(plan=plan, status="DUE").exists()

    answer = ana.post(f"/plans/{plan.pk}/stage/", follow=True)

    assert "begins within seconds" in text(answer)
    assert MigrationRun.objects.get(plan=plan, status="DUE").staging


def test_smoke_checks_are_written_in_the_form(browser, cast, staged):
    plan = draft(by=cast["ana"], target=staged)
    ana = browser("ana")
    assert "Smoke checks on staging" in text(ana.get(f"/plans/{plan.pk}/edit/"))

    def sent(url):
        return {
            "action": "save", "version": str(plan.version), "title": plan.title, **vars(COMPLETE),
            "smoke-TOTAL_FORMS": "1", "smoke-INITIAL_FORMS": "0", "smoke-0-name": "It is up",
            "smoke-0-url": url, "smoke-0-status": "200", "smoke-0-text": "", "smoke-0-seconds": "5",
        }  # fmt: skip

    refused = ana.post(f"/plans/{plan.pk}/edit/", sent("https://evil.example/"))
    assert "not on the list of the staging target" in text(refused)
    assert not plan.smoke_checks.exists()

    ana.post(f"/plans/{plan.pk}/edit/", sent(URL))

    assert queries.smoke_checks(plan) == (SmokeCheck("It is up", URL, seconds=5),)
    assert URL in text(ana.get(f"/plans/{plan.pk}/"))
