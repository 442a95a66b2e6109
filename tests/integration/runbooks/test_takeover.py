"""What is said of a run whose worker died."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from migrations_portal import wiring
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.recorder import Recorder
from migrations_portal.execution.rules import STANDARD_STEPS, LeaseLost
from migrations_portal.runbooks import takeover
from tests.customer import URL
from tests.factories.plans import scheduled_run

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


@pytest.mark.parametrize(
    ("during", "ending"),
    [("backup", ("FAILED", "NOTHING_CHANGED")), ("migrate", ("NEEDS_DECISION", "UNKNOWN"))],
)
def test_a_lost_run_is_taken_over_once_and_never_tried_again(school, cast, during, ending):
    run = scheduled_run(cast=cast, target=school.target, example=CONSENT_TRACKING)
    old = died(run, during=during)
    history = school.history()

    assert [each.pk for each in execution.lost_runs()] == [run.pk]
    fence = execution.take_over(run_id=run.pk, fence=old.fence)
    assert execution.take_over(run_id=run.pk, fence=old.fence) is None
    takeover.execute(run_id=run.pk, fence=fence, tools=wiring.tools(), clock=now, public_url=URL)

    run = MigrationRun.objects.get(pk=run.pk)
    assert (run.status, run.outcome) == ending
    assert school.history() == history
    assert run.steps.get().status == "LOST"
    with pytest.raises(LeaseLost):
        old.log("the dead speak")
    assert execution.lost_runs() == []
