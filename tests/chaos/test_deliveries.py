"""A thousand messages, most of them wrong, to a real worker: every run runs once, and none is lost (X1)."""

import json
import random
import uuid

import pytest
import redis
from celery import Celery

from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import WORKING
from tests.chaos.kit import UP, Scenario, prepare
from tests.chaos.worker import bell, broker_url, ring, worker
from tests.factories.plans import scheduled_run
from tests.runs_kit import story, until

pytestmark = pytest.mark.django_db(transaction=True)


def _scenario(number: int) -> Scenario:
    mark = f"INSERT INTO effects (step) VALUES ('up {number}');\n"  # noqa: S608
    return Scenario(
        mark + "-- down\n" + UP,
        name=f"202601010000{number:02}-effects.sql",
        question=f"Run {number}?",
    )


def _forged(broker: redis.Redis, kind: int, run_id: int) -> None:
    """Put a message past Celery straight into the queue, as somebody with the broker's password could."""
    body = {
        0: "not even JSON",
        1: json.dumps([[], {"run_id": f"{run_id}; DROP TABLE effects"}, {}]),
        2: json.dumps([[run_id], {}, {}]),
        3: json.dumps([[], {"run_id": run_id, "target": "other", "fence": 99, "force": True}, {}]),
    }[kind]
    task = ["runs.execute", "runs.execute", "runs.find_lost", "runs.execute"][kind]
    properties = {
        "correlation_id": str(uuid.uuid4()),
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "runs"},
        "body_encoding": "utf-8",
        "delivery_tag": str(uuid.uuid4()),
    }
    headers = {
        "lang": "py",
        "task": task,
        "id": str(uuid.uuid4()),
        "root_id": None,
        "parent_id": None,
    }
    message = {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": properties,
    }
    broker.lpush("runs", json.dumps(message))


def _send(app: Celery, broker: redis.Redis, *, run_id: int, count: int, kind: int) -> None:
    match kind:
        case 0:
            ring(app, 10_000 + count)
        case 1:
            ring(app, run_id, task="runs.restore")
        case 2:
            _forged(broker, count % 4, run_id)
        case 3 if count % 7 == 0:
            broker.delete("runs")  # everything that waits is lost
        case _:
            ring(app, run_id)


def _busy() -> bool:
    return MigrationRun.objects.filter(status__in=list(map(str, WORKING))).exists()


def _sweep(app: Celery, broker: redis.Redis) -> None:
    """Do what the sweep does each three seconds, until no run is due."""
    while due := list(MigrationRun.objects.filter(status="DUE")):
        for run in due:
            ring(app, run.pk)
        until(lambda: _busy() or broker.llen("runs") == 0, seconds=60)
        until(lambda: not _busy(), seconds=120)
    until(lambda: not _busy(), seconds=120)


def _deliver(school, cast, tmp_path, *, messages: int, number_of_runs: int) -> None:
    prepare(school)
    made = [
        scheduled_run(
            cast=cast, target=school.target, example=_scenario(number), minutes=2 * number
        )
        for number in range(number_of_runs)
    ]
    draw = random.Random(1)
    with (
        bell() as app,
        redis.Redis.from_url(broker_url()) as broker,
        worker(tmp_path, processes=3),
    ):
        for count in range(messages):
            run_id = draw.choice(made).pk  # late, early, doubled, and in any order
            _send(app, broker, run_id=run_id, count=count, kind=draw.randrange(10))
        _sweep(app, broker)

    for number, run in enumerate(made):
        run.refresh_from_db()
        assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
        assert school.value(f"SELECT count(*) FROM effects WHERE step = 'up {number}'") == 1  # noqa: S608
    assert school.value("SELECT count(*) FROM effects") == number_of_runs
    fences = [run.fence for run in made]
    assert len(set(fences)) == number_of_runs


def test_forty_deliveries_of_two_runs(school, cast, tmp_path):
    _deliver(school, cast, tmp_path, messages=40, number_of_runs=2)


@pytest.mark.chaos
@pytest.mark.timeout(1_800)
def test_a_thousand_deliveries_of_eight_runs(school, cast, tmp_path):
    _deliver(school, cast, tmp_path, messages=1_000, number_of_runs=8)
