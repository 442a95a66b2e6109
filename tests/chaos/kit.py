"""Runs that are made to fail, and the checker of what they left: the target keeps every effect in a table without constraints."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import psycopg
from django.db import connection

from migrations_portal import wiring
from migrations_portal.execution import deciding
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import WORKING, Choice
from migrations_portal.kernel import failpoints
from migrations_portal.runbooks.sessions import RUNNER_LOCK
from migrations_portal.tasks import runs
from tests.chaos.worker import portal_environment
from tests.customer import ADMIN, URL, Customer
from tests.factories.plans import scheduled_run
from tests.runs_kit import now, until

ROOT = Path(__file__).resolve().parents[2]
EFFECTS = """
SET ROLE wco_migrator;
CREATE TABLE effects (step text, pid int DEFAULT pg_backend_pid(), at timestamptz DEFAULT clock_timestamp());
CREATE SEQUENCE ups MINVALUE 0;
CREATE FUNCTION effect(step text) RETURNS text LANGUAGE sql
 AS 'INSERT INTO public.effects (step) VALUES (step) RETURNING step';
GRANT ALL ON effects, ups TO PUBLIC
"""
UP = "INSERT INTO effects (step) VALUES ('up');\n"
WAYS = (
    UP,
    "SELECT effect('up');\n",
    "VALUES (effect('up'));\n",
    "PREPARE effect AS SELECT effect('up');\nEXECUTE effect;\n",
    "SELECT setval('ups', (SELECT last_value FROM ups) + 1);\n",
)
"""How a file can have an effect. The last one outlives the rollback of its transaction. Each case of the matrix takes one."""
UPS = "SELECT (SELECT count(*) FROM effects WHERE step = 'up') + (SELECT last_value FROM ups)"
DOWN = "-- down\nINSERT INTO effects (step) VALUES ('down');\nALTER TABLE students DROP nickname;\n"
FAULTS = ("kill", "exception", "stall", "cut")


@dataclass(frozen=True)
class Scenario:
    """A plain SQL file and the check of its plan, which lead a run down one road."""

    text: str
    expected: int = 1
    name: str = "20260101000000-effects.sql"
    question: str = "Does the target answer?"
    query: str = "SELECT 1"

    @property
    def content(self) -> bytes:
        return self.text.encode()


def good(up: str) -> Scenario:
    return Scenario(up + "ALTER TABLE students ADD nickname text;\n" + DOWN)


GOOD = good(UP)
SECOND = Scenario(
    "ALTER TABLE students ADD pronouns text;\n-- down\nALTER TABLE students DROP pronouns;\n",
    name="20260101000001-second.sql",
    question="And the next?",
)
"""What may follow any of them on the same target."""


def scenario_of(place: str, fault: str) -> Scenario:
    """Return the file that leads to the place; the way of its effect is drawn by both names, the same each time."""
    up = WAYS[crc32(f"{place} {fault}".encode()) % len(WAYS)]
    match place.partition(".")[0]:
        case "rollback":
            return replace(good(up), expected=2)
        case "restore":
            return Scenario("-- no transaction\n" + up + "ALTER TABLE nowhere ADD x int;\n")
        case _:
            return good(up)


def prepare(school: Customer) -> None:
    with psycopg.connect(school.dsn(), autocommit=True) as session:
        session.execute(EFFECTS)


def suffer(school: Customer, cast: dict, *, place: str, fault: str) -> MigrationRun:
    """Carry out a run that meets the fault at the place, then let the rest of the world do its part."""
    run = scheduled_run(cast=cast, target=school.target, example=scenario_of(place, fault))
    if place.startswith("takeover."):
        _killed(run, "migrate.after-child")
        expire()
        _strike(runs.find_lost, run=run, place=place, fault=fault, task="find_lost")
    elif place.startswith("restore."):
        runs.execute(run_id=run.pk)
        for who in ("dan", "tess"):
            deciding.decide(
                run_id=run.pk,
                choice=Choice.RESTORE,
                by=cast[who],
                reason="Half done",
                now=now(),
                public_url=URL,
            )
        _strike(
            lambda: runs.restore(run_id=run.pk), run=run, place=place, fault=fault, task="restore"
        )
    else:
        _strike(
            lambda: runs.execute(run_id=run.pk), run=run, place=place, fault=fault, task="execute"
        )
    settle(run)
    run.refresh_from_db()
    return run


def _strike(
    work: Callable[[], object], *, run: MigrationRun, place: str, fault: str, task: str
) -> None:
    if fault == "kill" and task != "find_lost":
        _killed(run, place, *(["restore"] if task == "restore" else []))
        return
    released = threading.Event()
    reached = threading.Event()

    def act() -> None:
        reached.set()
        if fault == "cut":
            _cut(run)
        elif fault == "stall":
            released.wait(60)
        else:
            raise RuntimeError(f"made to fail at {place}")

    failpoints.arm(place, act)
    thread = threading.Thread(target=_body, args=(work,))
    thread.start()
    if fault == "stall":
        until(lambda: reached.is_set() or not thread.is_alive(), seconds=90)
        expire()
        _quietly(runs.find_lost)
        released.set()
    thread.join(120)
    assert not thread.is_alive()
    failpoints.disarm()
    connection.close()


def _body(work: Callable[[], object]) -> None:
    try:
        _quietly(work)
    finally:
        connection.close()


def _quietly(work: Callable[[], object]) -> None:
    """A fault that leaves a task is Celery's to log; here it is what was asked for."""
    try:
        work()
    except Exception as failure:  # noqa: BLE001
        print(f"the task ended with {failure!r}")  # noqa: T201


def _killed(run: MigrationRun, place: str, *more: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.chaos.victim", str(run.pk), place, *more],
        cwd=ROOT,
        env=portal_environment(),
        capture_output=True,
        check=False,
        timeout=150,
    )
    assert ended.returncode in {-9, 0}, ended.stderr.decode()[-2000:]


def _cut(run: MigrationRun) -> None:
    """Cut every connection of the portal to its database, and of the run to its target and its copies."""
    with psycopg.connect(ADMIN, autocommit=True) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE (application_name LIKE 'wcops-%%' AND datname LIKE ANY(%s))"
            " OR (application_name = 'wco-portal' AND datname = %s)",
            [_names(run), connection.settings_dict["NAME"]],
        )


def _names(run: MigrationRun) -> list[str]:
    """Return patterns of the run's databases: the target, what lies beside it, its drills. Other tests share the server."""
    return [f"{run.target.database}%", f"wco_drill_{run.pk}_%_{wiring.mark()}"]


def expire() -> None:
    """End every lease, as time would."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE execution_run SET lease_until = now() - interval '1 minute' WHERE lease_until IS NOT NULL"
        )


def over(run: MigrationRun) -> bool:
    """Say whether the run has ended, or waits for people."""
    return MigrationRun.objects.get(pk=run.pk).status not in {"DUE", "RUNNING"}


def settle(run: MigrationRun) -> None:
    """Doorbells ring again, doubled; leases end; the reconciler looks: until the run is over or waits for people."""
    for _ in range(6):
        _quietly(lambda: runs.execute(run_id=run.pk))
        status = MigrationRun.objects.values_list("status", flat=True).get(pk=run.pk)
        if status not in {"DUE", *map(str, WORKING)}:
            break
        expire()
        _quietly(runs.find_lost)
    _quietly(lambda: runs.execute(run_id=run.pk))
    _quietly(lambda: runs.restore(run_id=run.pk))


def violations(school: Customer, run: MigrationRun, *, before: tuple) -> list[str]:
    """Hold what the page says against what the target holds."""
    ups = school.value(UPS)
    downs = school.value("SELECT count(*) FROM effects WHERE step = 'down'")
    after = (school.history(), _sql_history(school), school.schema())
    same = after == before
    wrong = [f"{ups} effects of up()"] if ups > 1 else []
    said = (run.status, run.outcome)
    if said == ("FAILED", "NOTHING_CHANGED") and (ups or not same):
        wrong.append("called unchanged, but changed")
    if run.status == "SUCCEEDED" and (ups, downs) != (1, 0):
        wrong.append(f"called a success with {ups} ups and {downs} downs")
    if run.status == "ROLLED_BACK" and ((ups, downs) != (1, 1) or not same):
        wrong.append(f"called rolled back with {ups} ups, {downs} downs, same: {same}")
    if run.status == "RESTORED" and (ups or not same):
        wrong.append("called restored, but not as before")
    if run.status in {"DUE", *map(str, WORKING)} or not run.finished_at:
        wrong.append(f"still {run.status}")
    return wrong + _left_behind(school, run)


SESSIONS_LEFT = """
SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'wcops-{}-%' AND datname LIKE ANY(ARRAY{})
"""
LOCKS_LEFT = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {}"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
GONE_SECONDS = 15.0
"""X7 says two; a server that starves on a busy machine needs longer to notice that a client has gone."""


def _left_behind(school: Customer, run: MigrationRun) -> list[str]:
    """Return what the run still holds on its target: a session ends a moment after its client, so it is waited for."""
    deadline = time.monotonic() + GONE_SECONDS
    while left := _held(school, run):
        if time.monotonic() > deadline:
            return left
        time.sleep(0.05)
    return []


def _held(school: Customer, run: MigrationRun) -> list[str]:
    sessions = school.value(SESSIONS_LEFT.format(run.pk, _names(run)))
    locks = school.value(LOCKS_LEFT.format(RUNNER_LOCK))
    return [f"{sessions} sessions left"] * bool(sessions) + ["the lock is held"] * bool(locks)


def state(school: Customer) -> tuple:
    return school.history(), _sql_history(school), school.schema()


def _sql_history(school: Customer) -> object:
    there = school.value("SELECT to_regclass('wco_schema_history') IS NOT NULL")
    return (
        (school.value("SELECT array_agg(name ORDER BY 1) FROM wco_schema_history") or [])
        if there
        else []
    )
