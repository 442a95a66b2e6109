"""A run is paused, stopped, or loses its lease: what it has started ends at once, and the page can say what is true."""

import time
from datetime import timedelta

import psycopg
import pytest
from django.db.models.functions import Now

from migrations_portal import wiring
from migrations_portal.audit.models import Entry
from migrations_portal.execution import deciding, takeovers
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import NotOrdered, Order
from migrations_portal.notifications.models import Notice
from migrations_portal.people import access
from migrations_portal.plans.models import PlanAssessment
from migrations_portal.runbooks import takeover
from migrations_portal.web.presenters import runs
from tests.customer import ADMIN
from tests.factories.plans import scheduled_run
from tests.runs_kit import (
    ADD_COLUMN,
    SLEEP,
    Written,
    claimed,
    execute,
    now,
    on_a_thread,
    story,
    until,
)

pytestmark = pytest.mark.django_db(transaction=True)

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'wcops-{}-{}%'"
COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
SLEEPING = (
    "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
)


def order(run, by, what, reason="It hurts"):
    deciding.order(run_id=run.pk, what=what, by=by, reason=reason, now=now())


def test_a_lost_lease_ends_the_child_and_its_sessions_and_writes_nothing_more(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=SLEEP)
    fence = claimed(run)
    with on_a_thread(lambda: execute(run, fence=fence)) as worker:
        until(lambda: school.value(SLEEPING) == 1)
        MigrationRun.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(minutes=1))
        mine = takeovers.take_over(run_id=run.pk, fence=fence)
        lines, samples = run.lines.count(), run.samples.count()

        until(lambda: school.value(SLEEPING) == 0, seconds=8)  # at the next heartbeat
        worker.join(timeout=20)

    assert school.value(SESSIONS.format(run.pk, fence)) == 0
    assert (run.lines.count(), run.samples.count()) == (lines, samples)
    run.refresh_from_db()
    assert (run.status, run.fence) == ("RUNNING", mine)


def test_a_takeover_ends_the_old_holder_first_and_holds_the_targets_lock(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=SLEEP)
    fence = claimed(run)
    with on_a_thread(lambda: execute(run, fence=fence)):
        until(lambda: school.value(SLEEPING) == 1)
        MigrationRun.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(minutes=1))
        mine = takeovers.take_over(run_id=run.pk, fence=fence)

        takeover_of(run, mine)

        assert school.value(SLEEPING) == 0
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("NEEDS_DECISION", "UNKNOWN"), story(run)
    assert "Recorded in the history: none of ours" in run.problem


def takeover_of(run, fence):
    takeover.execute(
        run_id=run.pk, fence=fence, tools=wiring.tools(), clock=now, public_url="http://127.0.0.1"
    )


def test_a_target_that_has_met_a_newer_fence_is_not_touched(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    fence = claimed(run)
    comment_on(school.target.database, f"Ours. [White Cross Ops: run fence {fence + 5}]")

    execute(run, fence=fence)

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert "older copy" in run.problem


def test_a_run_leaves_its_fence_behind_the_customers_comment(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    comment_on(school.target.database, "Ours. [White Cross Ops: run fence 0]")

    fence = claimed(run)
    execute(run, fence=fence)

    assert school.value(COMMENT) == f"Ours. [White Cross Ops: run fence {fence}]"
    run.refresh_from_db()
    assert run.status == "SUCCEEDED", story(run)
    assert "fence" not in story(run)


def comment_on(database, text):
    with psycopg.connect(ADMIN, autocommit=True) as session:
        session.execute(f"COMMENT ON DATABASE {database} IS '{text}'")


def test_stopping_in_the_migration_acts_within_two_seconds_and_names_who_and_why(school, cast):
    history, schema = school.history(), school.schema()
    run = scheduled_run(cast=cast, target=school.target, example=SLEEP)
    fence = claimed(run)
    with on_a_thread(lambda: execute(run, fence=fence)):
        until(lambda: school.value(SLEEPING) == 1)

        with pytest.raises(access.NotAllowed):
            order(run, cast["ana"], Order.ABORT)
        with pytest.raises(NotOrdered, match="why"):
            order(run, cast["dan"], Order.ABORT, reason=" ")
        order(run, cast["dan"], Order.ABORT)
        took = until(lambda: school.value(SLEEPING) == 0)

    assert took < 2
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert "Dan Okafor stopped the run." in run.problem
    assert "It hurts" not in run.problem + str(list(Notice.objects.values_list("context")))  # A11
    page = runs.page(run, person=cast["dan"], now=now())
    assert "Dan Okafor gave this reason: “It hurts”" in page["outcome"]["sentences"]
    assert (school.history(), school.schema()) == (history, schema)
    assert Entry.objects.filter(canonical__contains="Dan Okafor stopped run").exists()


def test_stopping_in_the_backup_ends_the_dump_within_two_seconds(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    fence = claimed(run)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'wcops-%'"
    with (
        psycopg.connect(ADMIN, dbname=school.target.database) as blocker,
        on_a_thread(lambda: execute(run, fence=fence)),
    ):
        blocker.execute('LOCK TABLE "students" IN ACCESS EXCLUSIVE MODE')
        until(lambda: school.value(waiting) == 1)
        began = time.monotonic()
        order(run, cast["tess"], Order.ABORT)
        until(lambda: MigrationRun.objects.get(pk=run.pk).status != "RUNNING")
        took = time.monotonic() - began

    assert took < 4  # two for the stop, the rest for writing the ending on a busy machine
    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert "Tess Lindqvist stopped the run" in run.problem
    assert not run.steps.filter(key="migrate").exists()


def test_stopping_in_the_watch_rolls_back_by_name(school, cast):
    school.target.watch_seconds = 60
    school.target.save()
    history, schema = school.history(), school.schema()
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    fence = claimed(run)
    with on_a_thread(lambda: execute(run, fence=fence)):
        until(lambda: run.steps.filter(key="watch").exists(), seconds=60)
        order(run, cast["dan"], Order.ABORT)
        until(lambda: run.steps.filter(key="rollback-undo").exists(), seconds=30)
        MigrationRun.objects.filter(pk=run.pk).update(order="")
        with pytest.raises(NotOrdered, match="way back"):
            order(run, cast["dan"], Order.ABORT)

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("ROLLED_BACK", "UNDONE"), story(run)
    assert (school.history(), school.schema()) == (history, schema)


def test_a_paused_run_holds_before_its_next_step_and_goes_on(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    fence = claimed(run)
    order(run, cast["dan"], Order.PAUSE, reason="The clinic is open")
    with on_a_thread(lambda: execute(run, fence=fence)):
        until(lambda: MigrationRun.objects.get(pk=run.pk).held_at)
        assert run.lines.filter(text__contains="Dan Okafor paused the run.").exists()
        steps = run.steps.count()
        time.sleep(1)
        assert run.steps.count() == steps
        order(run, cast["dan"], None, reason="Closed now")

    run.refresh_from_db()
    assert run.held_at is None
    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)


def test_a_pause_inside_a_statement_is_not_shown_as_holding_and_a_stop_ends_it(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=SLEEP)
    fence = claimed(run)
    with on_a_thread(lambda: execute(run, fence=fence)):
        until(lambda: school.value(SLEEPING) == 1)
        order(run, cast["dan"], Order.PAUSE)
        until(lambda: run.lines.filter(text__contains="paused the run. What is inside").exists())
        run.refresh_from_db()
        page = runs.page(run, person=cast["dan"], now=now())
        asleep = school.value(SLEEPING)
        order(run, cast["dan"], Order.ABORT)
        took = until(lambda: school.value(SLEEPING) == 0)

    assert (asleep, run.held_at, page["orders"]["held"]) == (1, None, False)
    assert page["run"]["sentence"].startswith("Pause asked by Dan Okafor in step 5")
    assert took < 2


UNANNOUNCED = Written(
    up='await run(\'DELETE FROM "appointments" WHERE ctid IN (SELECT ctid FROM "appointments" LIMIT 3)\');'
)


def test_rows_that_a_file_deletes_without_the_plan_showing_it_are_loss(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=UNANNOUNCED)

    execute(run, fence=claimed(run))

    run.refresh_from_db()
    assert run.status == "NEEDS_DECISION", story(run)
    assert "took out 3 rows, which the approved assessment does not show" in run.problem


def test_rows_that_the_approved_plan_deletes_are_announced(school, cast):
    before = school.value('SELECT count(*) FROM "appointments"')
    run = scheduled_run(cast=cast, target=school.target, example=UNANNOUNCED)
    assessment = PlanAssessment.objects.get(plan=run.plan)
    assessment.result = {
        **assessment.result,
        "statements": [{"sql": 'DELETE FROM "appointments" WHERE ctid IN (SELECT 1)'}],
    }
    assessment.save()

    execute(run, fence=claimed(run))

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert school.value('SELECT count(*) FROM "appointments"') == before - 3
