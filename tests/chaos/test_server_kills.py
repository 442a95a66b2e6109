"""`kill -9` of the servers themselves in the middle of a run, with all their children; then they are started again."""

import os
import time
from urllib.parse import urlsplit

import pytest
from django.db import connection

from tests.chaos.kit import SECOND, over, prepare, settle, state, violations
from tests.chaos.mortal import mortal, mortal_portal, mortal_target, valkey
from tests.chaos.network import GOOD, SLEEPING, impatient
from tests.chaos.worker import alive, bell, ring, worker
from tests.factories.plans import scheduled_run
from tests.runs_kit import claimed, execute, on_a_thread, story, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "away",
    [0.0, pytest.param(12.0, marks=pytest.mark.chaos)],
    ids=["back at once", "away for 12 s"],
)
def test_kill_9_of_the_targets_server(school, cast, monkeypatch, away):
    impatient(monkeypatch)
    with mortal_target(school) as server:
        prepare(school)
        before = state(school)
        run = scheduled_run(cast=cast, target=school.target, example=GOOD)
        fence = claimed(run)
        with on_a_thread(lambda: execute(run, fence=fence)) as thread:
            until(lambda: school.value(SLEEPING) == 1 or not thread.is_alive(), seconds=80)
            server.kill()
            killed = time.monotonic()
            thread.join(away)
            server.come_back()
            school.admin = server.server.dsn()
            thread.join(80)
            seconds = time.monotonic() - killed
        settle(run)
        run.refresh_from_db()
        said = f"{run.status} {run.outcome} after {seconds:.1f} s: {run.problem}"
        print(f"KILL target's server, {away:.0f} s: {said}")  # noqa: T201
        assert violations(school, run, before=before) == [], story(run)
        assert school.value("SELECT count(*) FROM effects") == 0

    assert run.status in {"NEEDS_DECISION", "FAILED"}
    assert seconds < 60


@pytest.fixture
def moved(transactional_db):
    """The portal's database on a server of its own; asked for before anybody is in it."""
    with mortal_portal() as server:
        yield server


@pytest.mark.chaos
@pytest.mark.parametrize("away", [1.0, 40.0])
def test_kill_9_of_the_portals_server(moved, school, cast, tmp_path, away):
    prepare(school)
    before = state(school)
    run = scheduled_run(cast=cast, target=school.target, example=GOOD)
    with bell() as app, worker(tmp_path, queues="runs,timeline", beat=True) as at:
        ring(app, run.pk)
        until(lambda: school.value(SLEEPING) == 1, seconds=90)
        below = _tools_of(at)
        connection.close()
        moved.kill()
        killed = time.monotonic()
        time.sleep(away)
        gone = not alive(below)
        moved.come_back()
        until(lambda: over(run), seconds=120)
        seconds = time.monotonic() - killed
        until(lambda: not alive(below), seconds=2)

    settle(run)
    run.refresh_from_db()
    print(  # noqa: T201
        f"KILL portal's server, away {away:.0f} s: {run.status} {run.outcome} after {seconds:.1f} s,"
        f" tools gone when it came back: {gone}: {run.problem}"
    )
    assert violations(school, run, before=before) == [], story(run)
    assert run.status in {"SUCCEEDED", "NEEDS_DECISION"}


def _tools_of(at) -> set[int]:
    """Return what the pool's processes have started: the tools of a run."""
    return at.descendants() - set(at.children())


@pytest.mark.chaos
def test_kill_9_of_the_broker(school, cast, tmp_path, monkeypatch):
    prepare(school)
    before = state(school)
    with mortal(valkey()) as broker:
        url = urlsplit(os.environ["WCO_REDIS_URL"])
        behind = url.netloc.rpartition(":")[0] + f":{broker.proxy.port}"
        monkeypatch.setenv("WCO_REDIS_URL", url._replace(netloc=behind).geturl())
        run = scheduled_run(cast=cast, target=school.target, example=GOOD)
        with bell() as app, worker(tmp_path, queues="runs,timeline", beat=True):
            ring(app, run.pk)
            until(lambda: school.value(SLEEPING) == 1, seconds=90)
            broker.kill()
            until(lambda: over(run), seconds=60)
            next_one = scheduled_run(cast=cast, target=school.target, example=SECOND, minutes=2)
            broker.come_back()
            back = time.monotonic()
            until(lambda: over(next_one), seconds=90)
            seconds = time.monotonic() - back

    run.refresh_from_db()
    next_one.refresh_from_db()
    waited = (next_one.claimed_at - next_one.due_at).total_seconds()
    print(  # noqa: T201
        f"KILL broker: {run.status} {run.outcome}; the next run {next_one.status},"
        f" over {seconds:.1f} s after the broker's return, claimed {waited:.1f} s after it was due"
    )
    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert (next_one.status, next_one.outcome) == ("SUCCEEDED", "APPLIED"), story(next_one)
    assert violations(school, run, before=before) == []
