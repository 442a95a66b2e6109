"""What two people decide about a run: the page shows what each has chosen, and offers what the service will take."""

from datetime import UTC, datetime, timedelta

import pytest

from migrations_portal.audit.models import Entry
from migrations_portal.execution import deciding
from migrations_portal.execution.models import MigrationRun, RunDecision
from migrations_portal.execution.rules import CHOICE_STANDS, Choice, Order, SecondPersonNeeded
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan, PlanAssessment
from migrations_portal.targets.models import Target, TargetGroup
from migrations_portal.web.presenters import run_orders
from tests.factories.plans import submitted

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


@pytest.fixture
def plan(cast, production):
    return submitted(by=cast["ana"], target=production)


def ended(plan, *, status, **more):
    about = {
        "plan": plan, "revision": plan.revisions.get(), "target": plan.target, "due_at": NOW, "created_at": NOW,
        "claimed_at": NOW, "lease_until": NOW, "fence": 1, "finished_at": NOW - timedelta(minutes=1),
        "history_after": list(plan.files.values_list("name", flat=True)),
    }  # fmt: skip
    return MigrationRun.objects.create(status=status, **about | more)


@pytest.fixture
def unknown(plan):
    return ended(plan, status="NEEDS_DECISION", outcome="UNKNOWN")


@pytest.fixture
def succeeded(plan):
    return ended(plan, status="SUCCEEDED", outcome="APPLIED")


def choose(run, person, choice, *, now=NOW):
    return deciding.decide(
        run_id=run.pk,
        choice=choice,
        by=person,
        reason="Looked at it",
        now=now,
        public_url="http://x",
    )


def shown(run, person, *, now=NOW):
    run = MigrationRun.objects.get(pk=run.pk)
    return run_orders.decision(run, person=person, now=now)


def offered(decision):
    return [each["value"] for each in decision["options"]]


def test_choices_that_differ_are_all_on_the_page(browser, cast, unknown):
    choose(unknown, cast["dan"], Choice.KEEP)
    choose(unknown, cast["tess"], Choice.ROLL_BACK)

    said = shown(unknown, cast["carla"])
    assert [(each["by"], each["label"]) for each in said["made"]] == [
        (cast["dan"].full_name, Choice.KEEP.title),
        (cast["tess"].full_name, Choice.ROLL_BACK.title),
    ]
    assert said["differ"]
    page = browser("carla").get(f"/runs/{unknown.pk}/").content.decode()
    assert f"<b>{cast['dan'].full_name}</b> chose “{Choice.KEEP.title}”" in page
    assert f"<b>{cast['tess'].full_name}</b> chose “{Choice.ROLL_BACK.title}”" in page
    assert "They differ" in page
    assert f"As {cast['dan'].full_name} chose" in page


def test_whoever_has_chosen_may_choose_otherwise_on_the_page(browser, cast, unknown):
    page = f"/runs/{unknown.pk}/"
    browser("dan").post(f"{page}decide/", {"choice": "KEEP", "reason": "It looks right"})
    said = shown(unknown, cast["dan"])
    assert said["open"]
    assert "KEEP" not in offered(said)
    assert 'value="ROLL_BACK"' in browser("dan").get(page).content.decode()

    browser("dan").post(f"{page}decide/", {"choice": "ROLL_BACK", "reason": "It does not"})

    assert [row.choice for row in RunDecision.objects.filter(run=unknown)] == ["ROLL_BACK"]
    sentence = Entry.objects.filter(kind="RUN_DECISION").order_by("pk").last().canonical
    assert "and no longer “keep the target as it is”" in sentence
    assert choose(unknown, cast["tess"], Choice.KEEP) is False  # his first choice has fallen


def test_the_same_choice_twice_is_one_person(cast, unknown):
    choose(unknown, cast["dan"], Choice.KEEP)

    with pytest.raises(SecondPersonNeeded):
        choose(unknown, cast["dan"], Choice.KEEP)


def test_a_wish_to_undo_a_success_lapses_after_a_day(cast, succeeded):
    choose(succeeded, cast["dan"], Choice.ROLL_BACK)
    before, after = NOW + CHOICE_STANDS - timedelta(seconds=1), NOW + CHOICE_STANDS
    assert len(shown(succeeded, cast["tess"], now=before)["made"]) == 1
    assert shown(succeeded, cast["tess"], now=after)["made"] == []

    assert choose(succeeded, cast["tess"], Choice.ROLL_BACK, now=after) is False
    assert choose(succeeded, cast["dan"], Choice.ROLL_BACK, now=after) is True


def test_what_a_run_needs_is_waited_for_without_an_end(cast, unknown):
    choose(unknown, cast["dan"], Choice.ROLL_BACK)

    assert choose(unknown, cast["tess"], Choice.ROLL_BACK, now=NOW + 3 * CHOICE_STANDS) is True


@pytest.mark.parametrize("part", ["last_editor", "executor"])
def test_whoever_has_a_part_in_the_plan_does_not_decide_about_its_run(cast, unknown, part):
    MigrationPlan.objects.filter(pk=unknown.plan_id).update(**{part: cast["dan"]})

    assert "You wrote this plan" in shown(unknown, cast["ana"])["why_not"]
    said = shown(unknown, cast["dan"])
    assert not said["open"]
    assert "two other people" in said["why_not"]
    with pytest.raises(access.NotAllowed, match="two other people"):
        choose(unknown, cast["dan"], Choice.KEEP)


@pytest.fixture
def elsewhere(plan):
    """A run on a staging partner that belongs to another group."""
    other = TargetGroup.objects.create(name="Another group")
    partner = Target.objects.create(
        name="partner", group=other, environment="STAGING", host="127.0.0.1", database="staging",
        credential="staging", project="school-health",
    )  # fmt: skip
    return ended(plan, status="NEEDS_DECISION", outcome="UNKNOWN", target=partner, staging=True)


def test_who_decides_on_a_partner_of_another_group_is_one_answer(cast, elsewhere):
    access.grant(person=cast["eve"], role=Role.DBA, group=elsewhere.target.group)

    assert shown(elsewhere, cast["eve"])["open"]
    assert choose(elsewhere, cast["eve"], Choice.KEEP) is False
    assert not shown(elsewhere, cast["dan"])["open"]
    with pytest.raises(access.NotAllowed, match="roles for the target"):
        choose(elsewhere, cast["dan"], Choice.KEEP)


def test_who_pauses_a_run_on_a_partner_of_another_group_is_one_answer(cast, elsewhere):
    access.grant(person=cast["eve"], role=Role.DBA, group=elsewhere.target.group)
    MigrationRun.objects.filter(pk=elsewhere.pk).delete()
    running = ended(elsewhere.plan, status="RUNNING", target=elsewhere.target, staging=True)
    pause = {"run_id": running.pk, "what": Order.PAUSE, "reason": "", "now": NOW}

    assert not run_orders.may_order(running, person=cast["dan"])
    with pytest.raises(access.NotAllowed):
        deciding.order(by=cast["dan"], **pause)
    assert run_orders.may_order(running, person=cast["eve"])
    deciding.order(by=cast["eve"], **pause)


def test_rolling_back_by_name_names_the_data_that_it_does_not_bring_back(cast, succeeded):
    def consequence():
        (option,) = [
            each
            for each in shown(succeeded, cast["dan"])["options"]
            if each["value"] == Choice.ROLL_BACK
        ]
        return option["consequence"]

    assert "only in the backup" not in consequence()
    for row in PlanAssessment.objects.filter(plan=succeeded.plan):
        said = {"file": "a.sql", "line": 3, "sql": "DELETE FROM visits", "reversibility": "RED"}
        row.result |= {"statements": [said]}
        row.save()
    assert consequence().endswith("Gone, and only in the backup: a.sql, line 3.")


def test_until_a_worker_begins_the_page_says_what_was_decided_and_not_the_last_step(
    browser, cast, unknown
):
    unknown.steps.create(
        position=5, key="migrate", title="Migrate", status="FAILED", started_at=NOW, finished_at=NOW
    )
    later = NOW + timedelta(minutes=5)
    choose(unknown, cast["dan"], Choice.RESTORE, now=later)
    choose(unknown, cast["tess"], Choice.RESTORE, now=later)
    MigrationRun.objects.filter(pk=unknown.pk).update(
        lease_until=datetime.now(UTC) + timedelta(minutes=5)
    )

    said = browser("dan").get(f"/runs/{unknown.pk}/").content.decode()

    assert "<h1>Restore the backup taken before this run: waiting for a worker</h1>" in said
    assert "Step 5 of 8" not in said
