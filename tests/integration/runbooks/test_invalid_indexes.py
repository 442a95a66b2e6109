"""An index built beside the traffic meets an older transaction: waited for, tried again without a trace, or said exactly."""

import contextlib

import psycopg
import pytest

from migrations_portal.runbooks import leftovers, tools
from tests.factories.plans import scheduled_run
from tests.runs_kit import Written, claimed, execute, on_a_thread, story, until

pytestmark = pytest.mark.django_db(transaction=True)

INDEX = Written(
    up="await run('CREATE INDEX CONCURRENTLY late ON students (id, id)');",
    down="await run('DROP INDEX CONCURRENTLY late');",
)
LATE = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('late')"
DROPPING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DROP INDEX CONCURRENTLY%' AND state = 'active'"
BUILDING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY late%' AND wait_event_type = 'Lock'"


@contextlib.contextmanager
def older_transaction(school):
    with psycopg.connect(school.dsn()) as session:
        session.execute("LOCK TABLE students IN ROW EXCLUSIVE MODE")
        yield session


def test_what_a_failed_attempt_left_is_dropped_and_the_file_tried_again(school, cast, monkeypatch):
    monkeypatch.setattr(tools, "PATIENT_LOCK_TIMEOUT_MS", 400)
    run = scheduled_run(cast=cast, target=school.target, example=INDEX)
    fence = claimed(run)

    with older_transaction(school) as older, on_a_thread(lambda: execute(run, fence=fence)):
        until(lambda: school.value(DROPPING) == 1, seconds=200)
        older.commit()

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert "is dropped" in story(run)
    assert school.value(LATE) is True


def test_an_index_that_cannot_be_dropped_is_named_with_what_to_do(school, cast, monkeypatch):
    monkeypatch.setattr(tools, "PATIENT_LOCK_TIMEOUT_MS", 400)
    monkeypatch.setattr(leftovers, "PATIENT_LOCK_TIMEOUT_MS", 400)
    run = scheduled_run(cast=cast, target=school.target, example=INDEX)

    with older_transaction(school):
        execute(run, fence=claimed(run))

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("NEEDS_DECISION", "PARTIAL"), story(run)
    assert "Left invalid: public.late on public.students" in run.problem
    assert "DROP INDEX CONCURRENTLY public.late;" in run.problem
    assert school.value(LATE) is False


def test_whoever_waits_behind_the_index_ends_it_and_the_target_is_as_before(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=INDEX)
    fence = claimed(run)

    with older_transaction(school) as older, on_a_thread(lambda: execute(run, fence=fence)):
        until(lambda: school.value(BUILDING) == 1, seconds=200)
        with psycopg.connect(school.dsn()) as other:
            other.execute("SET lock_timeout = '60s'")
            other.execute("LOCK TABLE students IN SHARE UPDATE EXCLUSIVE MODE")
        older.commit()

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert "The stall guard cancelled our statement" in story(run)
    assert school.value(LATE) is None
