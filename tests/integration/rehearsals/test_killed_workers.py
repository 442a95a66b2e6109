"""A worker killed in any phase leaves nothing after the sweep, and the rehearsal begins again."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

from migrations_portal import wiring
from migrations_portal.backups.models import Backup, RestoredCopy
from migrations_portal.rehearsals import services
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.runbooks import rehearsal
from tests.customer import ADMIN
from tests.integration.rehearsals.files import sql
from tests.runs_kit import unfinished_uploads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[3]
SLOW = tuple(
    "await together(async (transaction) => {"
    f" await run('ALTER TABLE students {change}', {{transaction}});"
    " await run('SELECT pg_sleep(3)', {transaction}); });"
    for change in ("ADD COLUMN nickname text", "DROP COLUMN nickname")
)


def now():
    return datetime.now(UTC)


def worker(row):
    """Start a worker on the tests' database."""
    url = urlsplit(os.environ["WCO_DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    environment = {**os.environ, "WCO_DATABASE_URL": urlunsplit(url._replace(path=f"/{name}"))}
    command = [sys.executable, "-m", "tests.integration.rehearsals.worker", str(row.pk)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)


def kill_in(row, process, phase):
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        row.refresh_from_db()
        if row.phase.startswith(phase):
            break
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        time.sleep(0.01)
    assert row.phase.startswith(phase), row.phase
    process.send_signal(signal.SIGKILL)
    process.communicate()


def a_minute_passes():
    long_ago = now() - timedelta(minutes=5)
    Rehearsal.objects.filter(status="RUNNING").update(lease_until=long_ago, claimed_at=long_ago)
    RestoredCopy.objects.filter(dropped_at__isnull=True).update(held_until=long_ago)
    Backup.objects.filter(status="TAKING").update(held_until=long_ago)


def left_on_the_servers():
    with psycopg.connect(ADMIN) as session:
        names = [
            name
            for (name,) in session.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE 'wco\\_rehearsal\\_%'"
            )
        ]
        sessions = [
            name
            for (name,) in session.execute(
                "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'wcops-rehearsal%'"
            )
        ]
    return names, sessions, unfinished_uploads("rehearsal/")


def nothing_is_left():
    deadline = time.monotonic() + 15
    while any(left_on_the_servers()) and time.monotonic() < deadline:
        time.sleep(0.2)  # a session notices within half a second that its client is dead
    assert left_on_the_servers() == ([], [], [])


@pytest.mark.parametrize("phase", ["Taking a backup", "Restoring", "Up:", "Down:"])
def test_nothing_is_left_and_the_rehearsal_begins_again(plan_of, cast, phase):
    row = services.ask(plan=plan_of(SLOW), revision=None, by=cast["ana"], now=now())
    kill_in(row, worker(row), phase)

    a_minute_passes()
    rehearsal.sweep(tools=wiring.tools(), clock=now)

    nothing_is_left()
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("QUEUED", 1)
    assert not RestoredCopy.objects.filter(dropped_at__isnull=True).exists()
    if phase == "Down:":
        rehearsal.execute(rehearsal_id=row.pk, worker="next", tools=wiring.tools(), clock=now)
        row.refresh_from_db()
        assert (row.status, row.attempts) == ("DONE", 2)
        nothing_is_left()


def test_a_rehearsal_whose_workers_all_die_fails_with_a_sentence(plan_of, cast):
    row = services.ask(
        plan=plan_of((sql("SELECT 1"), sql("SELECT 1"))), revision=None, by=cast["ana"], now=now()
    )
    for _ in range(3):
        assert services.claim(rehearsal_id=row.pk, worker="dies") is not None
        a_minute_passes()
        rehearsal.sweep(tools=wiring.tools(), clock=now)

    row.refresh_from_db()
    assert row.status == "FAILED"
    assert "died 3 times" in row.problem
