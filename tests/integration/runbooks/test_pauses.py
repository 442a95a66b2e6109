"""A run that was paused asks anew whether it may go on: window, hold on the target and age of the backup (X7, X18, X20)."""

from datetime import timedelta

import psycopg
import pytest

from migrations_portal.backups.models import Backup
from migrations_portal.execution import deciding, services
from migrations_portal.execution.models import RunStep
from migrations_portal.execution.recorder import Recorder
from migrations_portal.execution.rules import Order
from migrations_portal.kernel import failpoints
from migrations_portal.windows.models import Period
from tests.customer import ADMIN
from tests.factories.plans import scheduled_run
from tests.runs_kit import ADD_COLUMN, Written, claimed, execute, now, on_a_thread, story, until

pytestmark = pytest.mark.django_db(transaction=True)

HOLDERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'wcops-%-holder'"
BUSY = Written(
    up="await run('DO $$ BEGIN RAISE lock_not_available; END $$');",
    down=ADD_COLUMN.down,
)
"""A file that never gets its lock, so that the run steps aside and tries again."""


def windows_end(run, cast):
    Period.objects.filter(target=run.target).update(ended_at=now(), ended_by=cast["dan"])


def backup_ages(run, _cast):
    Backup.objects.filter(run=run).update(restored_at=now() - timedelta(minutes=61))


def hold_is_lost(_run, _cast):
    with psycopg.connect(ADMIN, autocommit=True) as session:
        session.execute(HOLDERS)


def it_is_stopped(run, cast):
    order(run, Order.ABORT, by=cast["dan"])


def nothing_happens(_run, _cast):
    pass


SAID = {
    windows_end: ("POSTPONED", "No window for low risk"),
    backup_ages: ("POSTPONED", "The backup was proven 61 minutes ago"),
    hold_is_lost: ("FAILED", ""),
}
"""What happens meanwhile → how the run ends, and what it says."""


def order(run, what, *, by):
    deciding.order(run_id=run.pk, what=what, by=by, reason="The clinic is open", now=now())


def before_the_first_file(pause, monkeypatch):
    """Have the pause take hold where the run asks for orders for the first time after step 4."""
    obey, waiting = Recorder.obey, [pause]

    def pause_and_obey(recorder):
        done = RunStep.objects.filter(run_id=recorder.run_id, key="status-before", status="OK")
        if waiting and done.exists():
            waiting.pop()()
        obey(recorder)

    monkeypatch.setattr(Recorder, "obey", pause_and_obey)


def between_two_attempts(pause, _monkeypatch):
    failpoints.arm("migrate.after-truth", pause)


after_the_first_file = between_two_attempts
"""What was tried is read from the target in that moment, whether it is tried again or has come to its end."""


def column(name, *, number):
    return Written(
        name=f"2026010100000{number}-{name}.js",
        up=f"""await run('ALTER TABLE "students" ADD COLUMN "{name}" text');""",
        down=f"""await run('ALTER TABLE "students" DROP COLUMN "{name}"');""",
    )


def executed_with_a_pause(run, cast, monkeypatch, *, place, meanwhile):
    """Execute the run; it is paused at `place`, and goes on once `meanwhile` has happened."""
    fence = claimed(run)
    held = run.lines.filter(text__contains="paused the run. What is inside")

    def pause():
        order(run, Order.PAUSE, by=cast["dan"])
        until(held.exists, seconds=90)

    place(pause, monkeypatch)
    with on_a_thread(lambda: execute(run, fence=fence)):
        until(held.exists, seconds=120)
        meanwhile(run, cast)
        if meanwhile is not it_is_stopped:
            order(run, None, by=cast["dan"])
    run.refresh_from_db()


@pytest.mark.parametrize("meanwhile", SAID)
@pytest.mark.parametrize("place", [before_the_first_file, between_two_attempts])
def test_a_run_whose_ground_is_gone_after_a_pause_changes_nothing(
    school, cast, monkeypatch, place, meanwhile
):
    history, schema = school.history(), school.schema()
    example = BUSY if place is between_two_attempts else ADD_COLUMN
    run = scheduled_run(cast=cast, target=school.target, example=example)

    executed_with_a_pause(run, cast, monkeypatch, place=place, meanwhile=meanwhile)

    status, said = SAID[meanwhile]
    assert (run.status, run.outcome) == (status, "NOTHING_CHANGED"), story(run)
    assert said in run.problem
    assert (school.history(), school.schema()) == (history, schema)


ENDS = {
    windows_end: ("ROLLED_BACK", "UNDONE", []),
    it_is_stopped: ("ROLLED_BACK", "UNDONE", []),
    hold_is_lost: ("NEEDS_DECISION", "UNKNOWN", ["column_one"]),
    nothing_happens: ("SUCCEEDED", "APPLIED", ["column_one", "column_two"]),
}
"""What happens while a run holds still between its two files → how it ends, and which of their columns are there."""


@pytest.mark.parametrize("meanwhile", ENDS)
def test_between_two_files_of_one_plan(school, cast, monkeypatch, meanwhile):
    first, second = column("column_one", number=1), column("column_two", number=2)
    before = school.history()
    run = scheduled_run(cast=cast, target=school.target, example=first, then=[second])

    executed_with_a_pause(run, cast, monkeypatch, place=after_the_first_file, meanwhile=meanwhile)

    status, outcome, there = ENDS[meanwhile]
    assert (run.status, run.outcome) == (status, outcome), story(run)
    assert [each for each in ("column_one", "column_two") if each in school.schema()] == there
    assert len(school.history()) == len(before) + len(there)


def test_a_run_postponed_for_its_backup_gets_another_with_a_new_one(school, cast, monkeypatch):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    executed_with_a_pause(
        run, cast, monkeypatch, place=before_the_first_file, meanwhile=backup_ages
    )

    (again,) = services.schedule_approved(now=now())
    run = type(run).objects.get(pk=again)
    execute(run, fence=claimed(run))

    run.refresh_from_db()
    assert run.status == "SUCCEEDED", story(run)
    assert run.backups.filter(purpose="pre-migration").count() == 1
