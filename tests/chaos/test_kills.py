"""Workers, pool processes, sandboxes and brokers are killed in the middle of a run; deploys ask them to end."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import redis

from migrations_portal import wiring
from migrations_portal.backups.models import Backup, RestoredCopy
from migrations_portal.execution.models import MigrationRun
from migrations_portal.runbooks import rehearsal
from migrations_portal.tasks import runs
from tests.chaos.kit import GOOD, expire, prepare, settle, state, violations
from tests.chaos.worker import Worker, alive, bell, broker_url, ring, worker
from tests.customer import ADMIN
from tests.factories.plans import scheduled_run
from tests.runs_kit import Written, now, story, unfinished_uploads, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]

SLOW = Written(
    up="""await q.sequelize.transaction(async (t) => {
      await run("INSERT INTO effects (step) VALUES ('up')", {transaction: t});
      await run("SELECT pg_sleep(8)", {transaction: t});
    });""",
)
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(8)%' AND state = 'active'"


def sandbox_of(at: Worker) -> int:
    """Return the process in the sandbox: node itself."""
    for pid in at.descendants():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if words[0] == b"/opt/node":
            return pid
    raise AssertionError("no node runs")


@pytest.mark.parametrize("victim", ["worker", "pool child"])
def test_kill_9_leaves_no_descendant_no_session_and_no_second_up(school, cast, tmp_path, victim):
    prepare(school)
    before = state(school)
    run = scheduled_run(cast=cast, target=school.target, example=SLOW)
    with bell() as app, worker(tmp_path) as at:
        ring(app, run.pk)
        until(lambda: school.value(SLEEPING) == 1, seconds=90)
        busy = next(
            pid for pid in at.children() if Path(f"/proc/{pid}/task/{pid}/children").read_text()
        )
        below = at.descendants() if victim == "worker" else _below(busy)

        os.kill(at.pid if victim == "worker" else busy, signal.SIGKILL)

        killed_at = time.monotonic()
        until(lambda: not alive(below), seconds=2)
        until(lambda: school.value(SLEEPING) == 0, seconds=2)
        print(f"KILL {victim}: nothing alive after {time.monotonic() - killed_at:.2f} s")  # noqa: T201
        run.refresh_from_db()
        assert run.status == "RUNNING"  # the page says how long the worker has been silent
        ring(app, run.pk)  # redelivered
        expire()
        runs.find_lost()
        settle(run)

    run.refresh_from_db()
    assert run.status == "NEEDS_DECISION", story(run)
    assert violations(school, run, before=before) == []
    assert school.value("SELECT count(*) FROM effects") == 0


@pytest.mark.parametrize("step", ["backup", "verify-backup"])
def test_a_worker_killed_in_the_runs_own_backup_leaves_nothing_behind(school, cast, tmp_path, step):
    prepare(school)
    before = state(school)
    run = scheduled_run(cast=cast, target=school.target, example=GOOD)
    with bell() as app, worker(tmp_path) as at:
        ring(app, run.pk)
        until(lambda: run.steps.filter(key=step, status="RUNNING").exists(), seconds=90)
        time.sleep(0.2)
        os.kill(at.pid, signal.SIGKILL)
        below = at.descendants()
        until(lambda: not alive(below), seconds=2)
        expire()
        runs.find_lost()
        settle(run)

    long_ago = now() - timedelta(minutes=5)
    RestoredCopy.objects.filter(dropped_at__isnull=True).update(held_until=long_ago)
    Backup.objects.filter(status="TAKING").update(held_until=long_ago)
    rehearsal.sweep(tools=wiring.tools(), clock=now)

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert violations(school, run, before=before) == []
    assert not RestoredCopy.objects.filter(dropped_at__isnull=True).exists()
    assert not Backup.objects.filter(status="TAKING").exists()
    until(lambda: _left(run) == ([], [], []), seconds=15)


def _left(run: MigrationRun) -> tuple[list[str], list[str], list[str]]:
    """Return the databases and sessions of the run on the servers, and its uploads that were begun and not ended."""
    with psycopg.connect(ADMIN) as session:
        made = list(
            RestoredCopy.objects.filter(made_by=f"run {run.pk}").values_list("database", flat=True)
        )
        there = "SELECT datname FROM pg_database WHERE datname = ANY(%s)"
        names = session.execute(there, [made]).fetchall()
        at_work = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE %s"
        sessions = session.execute(at_work, [f"wcops-{run.pk}-%"]).fetchall()
    return (
        [name for (name,) in names],
        [name for (name,) in sessions],
        [key for key in unfinished_uploads("pre-migration/") if f"-run-{run.pk}-" in key],
    )


def _below(pid: int) -> set[int]:
    return Worker(process=type("P", (), {"pid": pid})(), log=Path()).descendants()


def test_kill_9_of_the_sandbox_is_a_failed_file_with_nothing_changed(school, cast, tmp_path):
    prepare(school)
    before = state(school)
    run = scheduled_run(cast=cast, target=school.target, example=SLOW)
    with bell() as app, worker(tmp_path) as at:
        ring(app, run.pk)
        until(lambda: school.value(SLEEPING) == 1, seconds=90)
        os.kill(sandbox_of(at), signal.SIGKILL)
        until(lambda: MigrationRun.objects.get(pk=run.pk).status != "RUNNING", seconds=60)

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert violations(school, run, before=before) == []


def test_a_broker_that_loses_everything_in_mid_run_changes_nothing(school, cast, tmp_path):
    prepare(school)
    before = state(school)
    run = scheduled_run(cast=cast, target=school.target, example=SLOW)
    with bell() as app, worker(tmp_path):
        ring(app, run.pk)
        until(lambda: school.value(SLEEPING) == 1, seconds=90)
        with redis.Redis.from_url(broker_url()) as broker:
            broker.flushdb()
            broker.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        until(lambda: MigrationRun.objects.get(pk=run.pk).status != "RUNNING", seconds=90)

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert violations(school, run, before=before) == []


def test_a_deploy_lets_the_run_finish_and_claims_nothing_new(school, cast, tmp_path):
    prepare(school)
    before = state(school)
    run = scheduled_run(cast=cast, target=school.target, example=SLOW)
    with bell() as app, worker(tmp_path) as at:
        ring(app, run.pk)
        until(lambda: school.value(SLEEPING) == 1, seconds=90)

        at.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        late = scheduled_run(cast=cast, target=school.target, example=GOOD)
        ring(app, late.pk)
        assert at.process.wait(timeout=90) == 0

    run.refresh_from_db()
    late.refresh_from_db()
    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert late.status == "DUE"
    assert violations(school, run, before=before) == []
