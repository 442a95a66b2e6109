from datetime import timedelta

import pytest

from migrations_portal.demo.customer.examples import CONSENT_TRACKING, MEDICATION_REVIEW
from migrations_portal.execution import services as execution
from migrations_portal.execution.recorder import Recorder
from migrations_portal.execution.rules import STANDARD_STEPS
from migrations_portal.monitoring.models import RunSample
from tests.clock import NOON
from tests.factories.plans import scheduled_run


@pytest.fixture
def run(cast, production):
    return scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)


@pytest.fixture
def recorder(run):
    fence = execution.claim(
        run_id=run.pk, worker="tests", now=run.due_at, public_url="http://127.0.0.1:8000"
    )
    assert fence is not None
    return Recorder(run_id=run.pk, fence=fence, clock=lambda: NOON)


def test_a_run_that_waits_says_when_it_is_due_and_in_whose_name(program, run, cast):
    told = program("ana").get(f"/runs/{run.pk}/")

    assert (told["status"], told["outcome"], told["over"]) == ("DUE", "", False)
    assert told["in_the_name_of"] == cast["dan"].email
    assert told["plan"] == {
        "id": run.plan_id,
        "number": f"WC-{run.plan_id}",
        "title": CONSENT_TRACKING.question,
    }
    assert told["steps"] == []
    assert told["page"] == f"http://127.0.0.1:8000/runs/{run.pk}/"


def test_a_program_follows_the_log_and_misses_no_line(program, run, recorder):
    ana, url = program("ana"), f"/runs/{run.pk}/lines/"
    with recorder.step(STANDARD_STEPS[0]) as step:
        step.say("first")
        one = ana.get(url)
        step.say("second\nthird")
        two = ana.get(f"{url}?after={one['last']}")

    assert [line["text"] for line in one["lines"]] == ["— Health check before", "first"]
    assert [line["text"] for line in two["lines"]] == ["second", "third"]
    assert [line["seq"] for line in one["lines"] + two["lines"]] == [1, 2, 3, 4]
    nothing = ana.get(f"{url}?after={two['last']}")
    assert nothing == {"lines": [], "last": 4, "over": False}
    assert ana.get(f"/runs/{run.pk}/")["last_line"] == 4


def test_a_step_is_told_open_and_then_closed(program, run, recorder):
    ana, url = program("ana"), f"/runs/{run.pk}/"
    with recorder.step(STANDARD_STEPS[1]) as step:
        (open_,) = ana.get(url)["steps"]
        step.exit_code = 0
        step.facts["bytes"] = 7

    (closed,) = ana.get(url)["steps"]
    assert (open_["status"], open_["seconds"], open_["exit_code"]) == ("RUNNING", None, None)
    assert (closed["status"], closed["seconds"], closed["exit_code"]) == ("OK", 0.0, 0)
    assert closed["facts"] == {"bytes": 7}


def test_samples_are_read_on_from_the_last_one(program, run, recorder):
    ana, url = program("ana"), f"/runs/{run.pk}/"
    for second in range(70):
        RunSample.objects.create(
            run=run,
            at=NOON + timedelta(seconds=second),
            connections=second,
            long_queries=0,
            ungranted_locks=1,
            blocked_sessions=0,
            longest_blocked_ms=12,
        )

    shown = ana.get(url)["samples"]
    everything = ana.get(f"{url}samples/")
    later = ana.get(f"{url}samples/?after={everything['samples'][67]['id']}")

    assert [each["connections"] for each in shown] == list(range(10, 70))
    assert [each["connections"] for each in everything["samples"]] == list(range(70))
    assert [each["connections"] for each in later["samples"]] == [68, 69]
    assert later["last"] == everything["last"]


def test_runs_are_listed_by_plan_and_status(program, run):
    ana = program("ana")

    assert [each["id"] for each in ana.get("/runs/")["runs"]] == [run.pk]
    assert [each["id"] for each in ana.get(f"/runs/?plan={run.plan_id}&status=DUE")["runs"]] == [
        run.pk
    ]
    assert ana.get(f"/runs/?plan={run.plan_id + 1}")["runs"] == []
    assert ana.get("/runs/?status=FAILED")["runs"] == []
    assert ana.get(f"/plans/{run.plan_id}/")["runs"][0]["status"] == "DUE"


def test_for_mallory_there_is_no_run(program, run):
    mallory = program("mallory")

    for rest in ("", "lines/", "samples/"):
        assert mallory.get(f"/runs/{run.pk}/{rest}", status=404)["type"] == "urn:wco:run-not-found"
    assert mallory.get("/runs/")["runs"] == []


@pytest.mark.django_db(transaction=True)
def test_a_run_that_stopped_half_way_is_told_as_it_is(program, school, run_example):
    before = school.history()

    run = run_example(MEDICATION_REVIEW)
    told = program("ana").get(f"/runs/{run.pk}/")

    assert (told["status"], told["outcome"], told["over"]) == ("NEEDS_DECISION", "PARTIAL", True)
    assert told["problem"]
    assert sorted(told["history_after"]) == before
    assert any(line.startswith("+") for line in told["schema_difference"])
    assert told["steps"][4]["status"] == "FAILED"
    assert told["backups"][0]["restored_at"]
    assert told["backups"][0]["location"].startswith("s3://")
    assert told["samples"]
    assert told["incidents"][0]["severity"] in {"P0", "P1"}
    lines = program("ana").get(f"/runs/{run.pk}/lines/")
    assert lines["last"] == told["last_line"]
    rest = program("ana").get(f"/runs/{run.pk}/lines/?after={lines['last']}")
    assert rest == {"lines": [], "last": lines["last"], "over": True}
