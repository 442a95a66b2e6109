"""Stopping a run and declaring an emergency ask again who it is, where second factors are required (A5)."""

from datetime import timedelta

import pytest

from migrations_portal.audit.models import Entry
from migrations_portal.execution.models import MigrationRun
from migrations_portal.plans.models import MigrationPlan
from tests.factories.plans import draft, scheduled_run
from tests.factories.proof import code, enrol
from tests.runs_kit import ADD_COLUMN, claimed, now

PASSWORD = "a long pass phrase"


@pytest.fixture(autouse=True)
def required(settings):
    settings.REQUIRE_SECOND_FACTOR = True


@pytest.fixture
def run(cast, production):
    found = scheduled_run(cast=cast, target=production, example=ADD_COLUMN)
    claimed(found)
    return found


def with_factor(person):
    person.set_password(PASSWORD)
    person.save()
    enrol(person)


def proof(person):
    return {"password": PASSWORD, "code": code(person)}


def ordered(run):
    return MigrationRun.objects.get(pk=run.pk).order


def test_a_run_is_stopped_by_whoever_proves_who_they_are_and_held_by_whoever_may(
    run, cast, browser
):
    dan, url = browser("dan"), f"/runs/{run.pk}/order/"
    stop = {"order": "ABORT", "reason": "The clinic called"}
    dan.post(url, stop)
    assert ordered(run) == ""  # no factor at all

    with_factor(cast["dan"])
    dan = browser("dan")
    page = dan.get(f"/runs/{run.pk}/").content.decode()
    assert 'id="order-code"' in page
    dan.post(url, stop)
    dan.post(url, stop | proof(cast["dan"]) | {"password": "wrong"})
    assert ordered(run) == ""
    dan.post(url, {"order": "PAUSE", "reason": ""})
    assert ordered(run) == "PAUSE"
    dan.post(url, stop | proof(cast["dan"]))

    assert ordered(run) == "ABORT"
    told = [str(each.canonical) for each in Entry.objects.filter(kind="RUN_DECISION")]
    assert ["password and" in each for each in told] == [False, True]


def test_an_emergency_is_declared_and_confirmed_by_people_who_prove_who_they_are(
    cast, production, browser
):
    plan = draft(by=cast["ana"], target=production, level="HIGH")
    until = now() + timedelta(hours=8)
    MigrationPlan.objects.filter(pk=plan.pk).update(scheduled_for=now() + timedelta(hours=2))
    ask = {
        "until": f"{until.astimezone(production.zone):%Y-%m-%dT%H:%M}",
        "reason": "Consent data is written wrongly",
    }
    url = f"/plans/{plan.pk}/emergency/"
    with_factor(cast["ana"])
    with_factor(cast["carla"])

    browser("ana").post(url, ask)
    assert MigrationPlan.objects.get(pk=plan.pk).status == "DRAFT"
    assert 'id="emergency-code"' in browser("ana").get(f"/plans/{plan.pk}/").content.decode()
    browser("ana").post(url, ask | proof(cast["ana"]))
    assert MigrationPlan.objects.get(pk=plan.pk).status == "SUBMITTED"

    said = {"reason": "I saw the wrong rows"}
    browser("carla").post(f"{url}confirm/", said)
    assert not Entry.objects.filter(kind="EMERGENCY_CONFIRMED").exists()
    browser("carla").post(f"{url}confirm/", said | proof(cast["carla"]))

    told = Entry.objects.filter(kind__in=["EMERGENCY_ASKED", "EMERGENCY_CONFIRMED"])
    assert ["password and" in str(each.canonical) for each in told] == [True, True]
