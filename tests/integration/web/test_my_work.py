"""The number in the bar and the list on My work are one count."""

from datetime import timedelta

import pytest
from django.utils import timezone

from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.rules import Decision
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import Outcome, RunStatus
from migrations_portal.incidents.rules import Trigger
from migrations_portal.incidents.services import open_for_run
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.web.presenters import my_work
from tests.factories.chain import Story
from tests.factories.plans import draft, scheduled_run, submitted, time_left
from tests.runs_kit import claimed


def both(person):
    """Return what the page lists, and what every other page counts."""
    now = timezone.now()
    return len(my_work.page(person=person, now=now)["duties"]), my_work.waiting(
        person=person, now=now
    )


def test_open_checklist_items_and_drafts_of_ana_are_counted(cast, production):
    draft(by=cast["ana"], target=production)
    in_review = submitted(by=cast["ana"], target=production, level="LOW")
    in_review.checklist.filter(key="emergency-contacts-confirmed").update(
        done_at=None, done_by=None, note=""
    )

    listed, counted = both(cast["ana"])

    assert (listed, counted) == (2, 2)


def test_a_plan_sent_back_counts_until_it_is_taken_up(cast, production):
    told = Story(cast, submitted(by=cast["ana"], target=production, level="LOW"))
    time_left()
    told.now = timezone.now()
    told.sign("REVIEW", "DBA", decision=Decision.REJECT)
    assert both(cast["ana"]) == (1, 1)

    MigrationPlan.objects.create(
        title="Again", target=production, author=cast["ana"], last_editor=cast["ana"],
        status="DRAFT", cloned_from=told.plan, created_at=told.now,
    )  # fmt: skip

    assert both(cast["ana"]) == (1, 1)  # the new draft, no longer the old plan


@pytest.mark.parametrize("name", ["dan", "sam", "petra", "mallory"])
def test_everybody_sees_one_number(cast, production, name):
    for level in ("LOW", "HIGH"):
        submitted(by=cast["ana"], target=production, level=level)

    listed, counted = both(cast[name])

    assert listed == counted


def test_a_held_target_comes_before_every_incident_but_a_critical_one(cast, production):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    claimed(run)
    MigrationRun.objects.filter(pk=run.pk).update(status="NEEDS_DECISION")
    for trigger in (Trigger.EMERGENCY_CHANGE, Trigger.OUTCOME_UNKNOWN, Trigger.RUN_FAILED):
        open_for_run(
            run=run, trigger=trigger, title=f"{trigger}", now=timezone.now(), public_url="http://p"
        )

    duties = my_work.page(person=cast["dan"], now=timezone.now())["duties"]

    assert [each["what"].split(" INC")[0] for each in duties] == [
        "Take the P0 incident",
        "Decide what happens after the run",
        "Take the P1 incident",
        "Take the P3 incident",
    ]
    assert duties[0]["detail"] == "OUTCOME_UNKNOWN"


def test_the_privacy_item_leads_to_its_form(cast, production, browser):
    plan = submitted(by=cast["ana"], target=production, phi=True, privacy=False)

    page = browser("petra").get(f"/plans/{plan.pk}/checklist/").content.decode()

    assert f'href="/plans/{plan.pk}/dpia/"' in page


def finish_as(run, status):
    """End a run that is due with this status, by the steps that lead there."""
    fence = claimed(run)

    def finish(status, outcome):
        execution.finish(
            run_id=run.pk, fence=fence, status=RunStatus(status), outcome=outcome, problem="It did not work.",
            advice="", now=timezone.now(), public_url="http://p",
        )  # fmt: skip

    if status == "RESTORED":
        finish("NEEDS_DECISION", Outcome.PARTIAL)
        MigrationRun.objects.filter(pk=run.pk).update(status="RESTORING")
    finish(
        status,
        {"FAILED": Outcome.NOTHING_CHANGED, "ROLLED_BACK": Outcome.UNDONE}.get(
            status, Outcome.RESTORED
        ),
    )


@pytest.mark.parametrize("status", ["FAILED", "ROLLED_BACK", "RESTORED"])
def test_what_a_run_left_undone_is_made_again_in_a_new_plan(cast, production, browser, status):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    finish_as(run, status)
    ana, page = browser("ana"), f"/plans/{run.plan_id}/"

    assert both(cast["ana"]) == (1, 1)
    duty = my_work.page(person=cast["ana"], now=timezone.now())["duties"][0]
    assert (duty["url"], "new plan made from this one" in duty["detail"]) == (page, True)
    assert "Make a new plan from this" in ana.get(page).content.decode()

    ana.post(f"{page}clone/")
    assert both(cast["ana"]) == (1, 1)  # the new draft alone
    assert (
        my_work.page(person=cast["ana"], now=timezone.now())["duties"][0]["what"]
        == "Finish the draft"
    )


def test_a_decision_waits_for_those_alone_who_may_make_it(cast, production):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    claimed(run)
    MigrationRun.objects.filter(pk=run.pk).update(status="NEEDS_DECISION")
    assert both(cast["carla"]) == (1, 1)

    MigrationPlan.objects.filter(pk=run.plan_id).update(last_editor=cast["carla"])

    assert both(cast["carla"]) == (0, 0)


def test_an_emergency_waits_for_whoever_may_be_the_second_person(cast, production, browser):
    access.grant(person=cast["mallory"], role=Role.INCIDENT_RESPONDER, group=production.group)
    told = Story(cast, draft(by=cast["ana"], target=production, level="LOW"), now=timezone.now())
    MigrationPlan.objects.filter(pk=told.plan.pk).update(
        scheduled_for=told.now + timedelta(hours=1),
        git_commit="0" * 40,
        commit_authors=["eve@whitecross.example"],
    )
    told.do(
        approvals.submit_emergency, "ana", until=told.now + timedelta(hours=2), reason="It is down"
    )

    assert both(cast["mallory"]) == both(cast["carla"]) == (1, 1)
    assert both(cast["dan"]) == both(cast["eve"]) == (0, 0)
    page = browser("carla").get("/").content.decode()
    assert "Confirm the emergency" in page

    told.do(approvals.confirm_emergency, "carla", reason="True")
    assert both(cast["mallory"]) == (0, 0)


def test_an_auditors_time_that_ends_soon_waits_for_them_and_for_who_may_give_more(
    cast, production, browser
):
    now, group = timezone.now(), production.group
    access.grant(
        person=cast["mallory"], role=Role.AUDITOR, group=group, until=now + timedelta(days=6)
    )
    assert both(cast["mallory"]) == both(cast["cleo"]) == (1, 1)
    assert both(cast["dan"]) == (0, 0)
    assert "Give Mallory Crane more time" in browser("cleo").get("/").content.decode()
    assert "Export what you need" in browser("mallory").get("/").content.decode()

    access.grant(
        person=cast["mallory"], role=Role.AUDITOR, group=group, until=now + timedelta(days=8)
    )
    assert both(cast["mallory"]) == both(cast["cleo"]) == (0, 0)


def test_an_administrator_finds_the_auditors_and_dan_does_not(cast, production, browser):
    assert browser("dan").get("/compliance/auditors/").status_code == 403
    access.grant(person=cast["mallory"], role=Role.ADMINISTRATOR, group=production.group)
    assert browser("mallory").get("/compliance/auditors/").status_code == 200
