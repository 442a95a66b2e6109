import contextlib
import logging
import os
import socket
import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from celery import current_app
from django.conf import settings
from kombu.simple import Empty

from migrations_portal.audit import freezes
from migrations_portal.audit.models import Checkpoint
from migrations_portal.plans import queries, services
from migrations_portal.plans.models import PlanAssessment
from migrations_portal.tasks import bells, runs
from tests.chaos.proxy import Proxy, Weather
from tests.clock import NOON
from tests.factories.plans import AnyScript, draft, scheduled_run
from tests.runs_kit import ADD_COLUMN, SLEEP, claimed, now

BROKER = "CELERY_BROKER_WRITE_URL"
LONGEST_SECONDS = 5.0
"""Far more than one wait of `ringing.PATIENCE_SECONDS` takes on a busy machine, less than Celery's own patience (6 to 20 s)."""


@pytest.fixture
def rung(monkeypatch):
    """A real broker of this test's own (a database per worker), and what lies in a queue of it."""
    number = 8 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    url = urlsplit(settings.CELERY_BROKER_URL)._replace(path=f"/{number}").geturl()
    monkeypatch.setenv(BROKER, url)

    def messages(queue):
        found = []
        with (
            current_app.connection_for_write() as connection,
            contextlib.closing(connection.SimpleQueue(queue)) as box,
            contextlib.suppress(Empty),
        ):
            while True:
                message = box.get(block=False)
                message.ack()
                assert message.headers["expires"], "a bell that nobody hears lies in the queue"
                found.append((message.headers["task"], message.payload[1]))
        return found

    for queue in ("rehearsals", "notices", "timeline", "runs"):
        messages(queue)
    return messages


@pytest.fixture(params=["resets", "is silent"])
def broker_away(request, monkeypatch):
    """A broker that takes connections and then resets them, or stays silent."""
    bad = {"resets": "refuse", "is silent": "black_hole"}[request.param]
    with Proxy(("127.0.0.1", 9), weather=Weather(**{bad: True})) as proxy:
        monkeypatch.setenv(BROKER, f"redis://:secret@127.0.0.1:{proxy.port}/0")
        yield proxy


@pytest.fixture
def nobody_there(monkeypatch):
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))  # without `listen`: the kernel refuses
        monkeypatch.setenv(BROKER, f"redis://:secret@127.0.0.1:{door.getsockname()[1]}/0")
        yield


def put_a_file(cast, production):
    plan = draft(by=cast["ana"], target=production)
    upload = services.Upload(name="20251104-second.sql", content=b"SELECT 1;")
    return services.put_files(
        plan_id=plan.pk, by=cast["ana"], uploads=[upload], checker=AnyScript(), now=NOON
    )


def test_the_assessor_is_rung_once_the_files_are_committed(
    cast, production, rung, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        plan = put_a_file(cast, production)
        bells.assess_soon(plan)
        assert rung("rehearsals") == []

    waiting = PlanAssessment.objects.get(plan=plan, done_at__isnull=True)
    assert rung("rehearsals") == [("assessments.assess", {"assessment_id": waiting.pk})]


def test_nobody_is_rung_for_files_that_are_assessed_already(
    cast, production, rung, django_capture_on_commit_callbacks
):
    plan = draft(by=cast["ana"], target=production)
    assert queries.current_assessment(plan).done_at is not None

    with django_capture_on_commit_callbacks(execute=True):
        bells.assess_soon(plan)

    assert rung("rehearsals") == []


def test_outbox_and_runs_have_their_bells(db, rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        bells.notices_soon()
        bells.runs_soon()

    assert rung("notices") == [("notices.deliver", {})]
    assert rung("timeline") == [("runs.start_due", {}), ("runs.find_lost", {})]


def test_only_runs_that_could_start_now_are_rung_for(cast, production, rung):
    first = scheduled_run(cast=cast, target=production, example=ADD_COLUMN)
    other = scheduled_run(cast=cast, target=production, example=SLEEP, minutes=2)
    due_in(first, days=5)
    runs.start_due()
    assert rung("runs") == [("runs.execute", {"run_id": other.pk})]

    claimed(other)
    due_in(first, days=0)
    runs.start_due()  # its time has come, but its target is taken
    assert rung("runs") == []


def test_doorbells_of_a_run_that_waits_leave_nothing_in_the_checkpoints_store(cast, production):
    run = scheduled_run(cast=cast, target=production, example=ADD_COLUMN)
    due_in(run, days=5)
    for _ in range(3):
        runs.execute(run_id=run.pk)
    assert not Checkpoint.objects.exists()

    freezes.freeze(cause="check", sentence="The ledger does not hold.", now=now())
    due_in(run, days=0)
    for _ in range(3):  # due, but held by the ledger
        runs.execute(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, Checkpoint.objects.count()) == ("DUE", 1)


def due_in(run, *, days):
    run.due_at = now() + timedelta(days=days)
    run.save(update_fields=["due_at"])


def test_a_broker_that_is_away_is_tried_once_and_named_in_the_log(
    db, broker_away, django_capture_on_commit_callbacks, caplog
):
    started = time.monotonic()

    with caplog.at_level(logging.WARNING), django_capture_on_commit_callbacks(execute=True):
        bells.runs_soon()

    assert time.monotonic() - started < LONGEST_SECONDS
    assert broker_away.taken == 1
    assert said(caplog)


def test_where_no_broker_listens_the_log_says_so(
    db, nobody_there, django_capture_on_commit_callbacks, caplog
):
    with caplog.at_level(logging.WARNING), django_capture_on_commit_callbacks(execute=True):
        bells.runs_soon()

    assert said(caplog)


def said(caplog):
    """Whether the log says what waits for the sweep now, and keeps the broker's password."""
    sentence = (
        "The broker is away, so the sweep will do this instead: runs.start_due, runs.find_lost"
    )
    return sentence in caplog.text and "secret" not in caplog.text


def test_a_mistake_of_ours_is_not_taken_for_a_broker_that_is_away(
    db, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setenv(BROKER, "carrier-pigeon://127.0.0.1")

    with (
        pytest.raises(KeyError, match="No such transport"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        bells.notices_soon()
