"""A host whose clock is ten minutes wrong: nothing opens early, nothing that is over is accepted (A8)."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from migrations_portal import wiring
from migrations_portal.approvals.models import ChainStage, Deadline
from migrations_portal.approvals.policy import Duty
from migrations_portal.execution.queries import database_now
from migrations_portal.kernel.clock import DatabaseClock
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.tasks import timeline
from migrations_portal.web import shown
from tests.factories.chain import Story
from tests.factories.plans import submitted

SKEW = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def database_clock(monkeypatch):
    steady = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)  # noqa: E731  # time_machine does not move it
    monkeypatch.setattr(wiring, "CLOCK", DatabaseClock(ask=database_now, steady=steady))


@pytest.fixture(params=[SKEW, -SKEW], ids=["ahead", "behind"])
def host(request):
    """Set the host's clock wrong."""
    with time_machine.travel(datetime.now(UTC) + request.param, tick=True):
        yield request.param


@pytest.fixture
def told(cast, production):
    """A plan whose T-0 is four days from now, by the database."""
    told = Story(cast, submitted(by=cast["ana"], target=production, level="LOW"))
    t0 = database_now() + timedelta(days=4)
    MigrationPlan.objects.filter(pk=told.plan.pk).update(scheduled_for=t0, planned_for=t0)
    Deadline.objects.update(at=t0)
    return told


def sign(told, browser, **changed):
    seat = told.seat("REVIEW", "DBA")
    then = database_now() - timedelta(seconds=10)
    sent = {
        "shown": shown.written(seat_id=seat.pk, person_id=told.cast["dan"].pk, at=then),
        "reason": "Read it",
        "digest": seat.revision.digest,
        "decision": "APPROVE",
    }
    return browser("dan").post(f"/sign-off/{seat.pk}/", sent | changed)


def sign_by(told, *, in_minutes: float) -> None:
    at = database_now() + timedelta(minutes=in_minutes)
    rows = Deadline.objects.filter(revision__plan=told.plan, duty=str(Duty.SIGN_BY))
    assert rows.update(at=at) == 1


def test_the_host_is_wrong_and_the_portal_is_not(host, db):
    assert abs(datetime.now(UTC) - database_now() - host) < timedelta(minutes=1)
    assert abs(wiring.clock() - database_now()) < timedelta(seconds=5)


def test_a_signature_in_time_carries_the_databases_time(host, told, browser):
    sign_by(told, in_minutes=5)

    assert sign(told, browser).status_code == 302
    at = told.seat("REVIEW", "DBA").decided_at
    assert abs(at - database_now()) < timedelta(minutes=1)


def test_what_is_over_by_the_database_is_not_signed(host, told, browser):
    sign_by(told, in_minutes=-5)

    late = sign(told, browser)
    assert late.status_code == 409
    assert "is over" in late.content.decode()
    assert not told.seat("REVIEW", "DBA").decision


@pytest.mark.parametrize(("in_minutes", "opens"), [(5, False), (-5, True)])
def test_a_stage_opens_by_the_databases_day(host, told, in_minutes, opens):
    told.now = database_now()
    told.sign_stage("REVIEW")
    told.sign_stage("SECURITY")
    notify = ChainStage.objects.get(revision__plan=told.plan, stage="NOTIFY")
    ChainStage.objects.filter(pk=notify.pk).update(
        opens_at=database_now() + timedelta(minutes=in_minutes)
    )

    timeline.sweep()

    notify.refresh_from_db()
    assert (notify.opened_at is not None) is opens
