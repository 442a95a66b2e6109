"""What is said of a run whose worker died."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection

from migrations_portal import wiring
from migrations_portal.audit.models import Entry
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution import deciding, takeovers
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.recorder import Recorder
from migrations_portal.execution.rules import (
    STANDARD_STEPS,
    LeaseLost,
    NotOrdered,
    Order,
    Outcome,
    RunStatus,
)
from migrations_portal.runbooks import takeover
from migrations_portal.runbooks.sessions import RUNNER_LOCK
from migrations_portal.targets.models import Target
from migrations_portal.tasks import runs
from migrations_portal.web.presenters import runs as presenter
from tests.customer import URL
from tests.factories.plans import scheduled_run
from tests.factories.windows import open_around_the_clock

pytestmark = pytest.mark.django_db(transaction=True)
KEPT: list[object] = []


def now():
    return datetime.now(UTC)


def died(run, *, during):
    """Claim the run, enter one step, and let the lease run out as if the worker had been killed."""
    fence = execution.claim(run_id=run.pk, worker="dead", now=now(), public_url=URL)
    recorder = Recorder(run_id=run.pk, fence=fence, clock=now)
    step = recorder.step(next(each for each in STANDARD_STEPS if each.key == during))
    step.__enter__()
    KEPT.append(
        step
    )  # a generator that is collected would close the step, as a killed worker cannot
    with connection.cursor() as cursor:
        cursor.execute("UPDATE execution_run SET lease_until = now() - interval '1 minute'")
    return recorder


def test_lost_runs_are_taken_over_beside_each_other(cast, production, monkeypatch):
    clinic = Target.objects.get(pk=production.pk)
    clinic.pk, clinic.name = None, "clinic"
    clinic.save()
    open_around_the_clock(clinic)
    for minutes, target in enumerate((production, clinic)):
        died(
            scheduled_run(cast=cast, target=target, example=CONSENT_TRACKING, minutes=2 * minutes),
            during="migrate",
        )
    together, met = threading.Barrier(2, timeout=60), []

    def meet(*, run_id, **_):
        together.wait()  # one after the other they would never meet
        met.append(run_id)

    monkeypatch.setattr(takeover, "execute", meet)
    runs.find_lost()

    assert sorted(met) == sorted(MigrationRun.objects.values_list("pk", flat=True))
    assert not takeovers.lost_runs()


@pytest.mark.parametrize(
    ("during", "ending"),
    [("backup", ("FAILED", "NOTHING_CHANGED")), ("migrate", ("NEEDS_DECISION", "UNKNOWN"))],
)
def test_a_lost_run_is_taken_over_once_and_never_tried_again(school, cast, during, ending):
    run = scheduled_run(cast=cast, target=school.target, example=CONSENT_TRACKING)
    old = died(run, during=during)
    history = school.history()

    assert [each.pk for each in takeovers.lost_runs()] == [run.pk]
    fence = takeovers.take_over(run_id=run.pk, fence=old.fence)
    assert takeovers.take_over(run_id=run.pk, fence=old.fence) is None
    takeover.execute(run_id=run.pk, fence=fence, tools=wiring.tools(), clock=now, public_url=URL)

    run = MigrationRun.objects.get(pk=run.pk)
    assert (run.status, run.outcome) == ending
    assert school.history() == history
    assert run.steps.get().status == "LOST"
    with pytest.raises(LeaseLost):
        old.log("the dead speak")
    assert takeovers.lost_runs() == []


@pytest.mark.parametrize("during", ["backup", "migrate"])
def test_what_a_dead_worker_holds_is_ended_and_another_portals_session_of_the_same_name_is_not(
    school, cast, during
):
    run = scheduled_run(cast=cast, target=school.target, example=CONSENT_TRACKING)
    old = died(run, during=during)
    name = f"wcops-{run.pk}-{old.fence}-holder"
    fence = takeovers.take_over(run_id=run.pk, fence=old.fence)

    at = wiring.tools().endpoint(school.target)
    login = f"host={at.host} port={at.port} user={at.user} password={at.password}"
    with (
        psycopg.connect(login, dbname=at.database, application_name=name) as ours,
        psycopg.connect(login, dbname="postgres", application_name=name) as theirs,
    ):
        ours.execute("SELECT pg_advisory_lock(%s)", [RUNNER_LOCK])
        takeover.execute(
            run_id=run.pk, fence=fence, tools=wiring.tools(), clock=now, public_url=URL
        )

        with pytest.raises(psycopg.OperationalError, match="terminating connection"):
            ours.execute("SELECT 1")
        assert theirs.execute("SELECT 1").fetchone() == (1,)
        assert school.value(f"SELECT pg_try_advisory_lock({RUNNER_LOCK})") is True


def test_a_target_that_is_away_does_not_keep_a_run_from_ending_that_never_began(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=CONSENT_TRACKING)
    old = died(run, during="backup")
    fence = takeovers.take_over(run_id=run.pk, fence=old.fence)
    school.target.port = 1
    school.target.save()

    takeover.execute(run_id=run.pk, fence=fence, tools=wiring.tools(), clock=now, public_url=URL)

    run = MigrationRun.objects.get(pk=run.pk)
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED")
    assert run.lines.filter(level="warn", text__contains="could not be ended").exists()


def ordered(run, what, *, by, reason="The clinic is full"):
    deciding.order(run_id=run.pk, what=what, by=by, reason=reason, now=now())


@pytest.mark.parametrize(
    ("what", "during", "said"),
    [
        (Order.ABORT, "migrate", "Dan Okafor had stopped the run; whether its worker obeyed"),
        (
            Order.PAUSE,
            "migrate",
            "Dan Okafor had paused the run before its worker died. The worker",
        ),
        (Order.ABORT, "backup", "Dan Okafor had stopped the run; whether its worker obeyed"),
    ],
)
def test_an_order_ends_with_its_worker_and_everybody_is_told_so(school, cast, what, during, said):
    run = scheduled_run(cast=cast, target=school.target, example=CONSENT_TRACKING)
    old = died(run, during=during)
    ordered(run, what, by=cast["dan"])
    fence = takeovers.take_over(run_id=run.pk, fence=old.fence)

    run = MigrationRun.objects.get(pk=run.pk)
    page = presenter.page(run, person=cast["dan"], now=now())
    assert (run.order, run.order_by, run.order_reason) == ("", None, "")
    assert (page["orders"], page["run"]["paused"]) == (None, False)
    assert page["run"]["sentence"].startswith("Its worker died")
    with pytest.raises(NotOrdered, match="The worker of this run died"):
        ordered(run, Order.ABORT, by=cast["dan"])
    entry = Entry.objects.filter(kind="RUN_DECISION").latest("seq")
    assert said[:30] in entry.canonical
    assert "The order ended with that worker" in entry.canonical

    takeover.execute(run_id=run.pk, fence=fence, tools=wiring.tools(), clock=now, public_url=URL)
    run.refresh_from_db()
    assert run.problem.startswith(said)
    assert "clinic" not in run.problem  # A11
    shown = presenter.page(run, person=cast["dan"], now=now())["outcome"]["sentences"]
    assert not any("gave this reason" in each for each in shown)


def test_a_run_that_its_holder_ended_late_is_not_taken_over(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=CONSENT_TRACKING)
    old = died(run, during="backup")
    execution.finish(
        run_id=run.pk,
        fence=old.fence,
        status=RunStatus.FAILED,
        outcome=Outcome.NOTHING_CHANGED,
        problem="The backup failed.",
        advice="Mend it.",
        now=now(),
        public_url=URL,
    )

    assert takeovers.take_over(run_id=run.pk, fence=old.fence) is None
    assert MigrationRun.objects.get(pk=run.pk).fence == old.fence
