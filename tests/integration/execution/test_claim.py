"""Who may work on a run: one worker, one run on a target, a fence that only rises, a lease that a silent holder loses (X1 to X5, X13)."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from migrations_portal.audit.models import Entry
from migrations_portal.execution import queries, takeovers
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun, RunLine
from migrations_portal.execution.recorder import Recorder
from migrations_portal.execution.rules import HEARTBEAT, LEASE, TAKEOVER_AFTER, LeaseLost
from tests.customer import URL
from tests.factories.plans import nearly_approved, scheduled_run
from tests.runs_kit import Written, claimed, now, until

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = 20
SEEN_SECONDS = 60
"""X5, X13: from a crash to a state that people can see."""


@pytest.fixture
def due(cast, production):
    """Make runs that are due on one target, each of a plan of its own."""
    made = []

    def make() -> MigrationRun:
        number = len(made)
        file = Written(up="", name=f"202601010000{number:02}-a.js", question=f"Run {number}?")
        made.append(scheduled_run(cast=cast, target=production, example=file, minutes=2 * number))
        return made[-1]

    return make


def claim(run):
    return execution.claim(run_id=run.pk, worker="tests", now=now(), public_url=URL)


def ended_ago(run, **ago):
    """Let the lease have ended so long ago, by the database's clock."""
    MigrationRun.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(**ago))


def end(run):
    MigrationRun.objects.filter(pk=run.pk).update(status="FAILED", finished_at=now())


def started():
    """How many starts the ledger knows of."""
    return Entry.objects.filter(kind="RUN_STARTED").count()


def at_once(work):
    """Let a crowd of threads, each with a connection of its own, do the same; return what they got."""
    ready, got = threading.Barrier(CROWD), []

    def one():
        try:
            ready.wait(60)
            got.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(CROWD)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    assert len(got) == CROWD
    return got


def test_what_is_due_at_once_is_due_for_a_portal_whose_clock_is_ahead_too(cast, production):
    """A clock that was told slowly is ahead of the database's: its doorbell must not be lost for that."""
    file = Written(up="", name="20260101000000-a.js")
    plan, sign_last = nearly_approved(cast=cast, target=production, example=file)
    plan.refresh_from_db()
    until(lambda: now() > plan.scheduled_for)
    sign_last()

    made = execution.schedule_approved(now=now() + timedelta(seconds=0.9))

    assert len(made) == 1
    assert queries.due() == made
    assert claim(MigrationRun.objects.get(pk=made[0])) == 1


def test_of_twenty_doorbells_at_once_one_gets_the_run(due):
    run = due()

    fences = at_once(lambda: claim(run))

    assert sorted(filter(None, fences)) == [1]
    run.refresh_from_db()
    assert (run.status, run.fence, started()) == ("RUNNING", 1, 1)


def test_of_twenty_who_take_a_lost_run_over_one_gets_it(due):
    run = due()
    fence = claimed(run)
    ended_ago(run, minutes=1)

    fences = at_once(lambda: takeovers.take_over(run_id=run.pk, fence=fence))

    assert sorted(filter(None, fences)) == [fence + 1]


def test_a_second_run_waits_while_the_first_is_on_the_target_and_its_fence_is_higher(due):
    first, second = due(), due()

    assert claim(first) == 1
    assert claim(second) is None
    second.refresh_from_db()
    assert (second.status, second.fence) == ("DUE", None)

    end(first)
    assert claim(second) == 2


@pytest.mark.parametrize("fence", [1, 2])
def test_postgresql_itself_refuses_a_second_run_on_a_target(due, fence):
    first, second = due(), due()
    claimed(first)

    with pytest.raises(IntegrityError, match=r"one_per_target|fence_once"), transaction.atomic():
        MigrationRun.objects.filter(pk=second.pk).update(
            status="RUNNING", claimed_at=Now(), claimed_by="x", lease_until=Now(), fence=fence
        )


def test_postgresql_itself_refuses_a_second_run_of_a_revision_and_a_fence_that_was_used(due):
    first, second = due(), due()
    claimed(first)
    end(first)

    with pytest.raises(IntegrityError, match="one_per_revision"), transaction.atomic():
        MigrationRun.objects.filter(pk=second.pk).update(revision_id=first.revision_id)
    with pytest.raises(IntegrityError, match="fence_once"), transaction.atomic():
        MigrationRun.objects.filter(pk=second.pk).update(
            status="RUNNING", claimed_at=Now(), claimed_by="x", lease_until=Now(), fence=1
        )
    with pytest.raises(IntegrityError, match="claim_whole"), transaction.atomic():
        MigrationRun.objects.filter(pk=second.pk).update(status="RUNNING", fence=9)


def test_a_holder_whose_run_was_taken_over_writes_nothing_more(due):
    run = due()
    old = Recorder(run_id=run.pk, fence=claimed(run), clock=now)
    ended_ago(run, minutes=1)
    new = takeovers.take_over(run_id=run.pk, fence=old.fence)
    before = MigrationRun.objects.filter(pk=run.pk).values().get()

    for write in (
        lambda: old.log("the dead speak"),
        lambda: old.note(problem="the dead speak"),
        old.renew,
        old.check,
    ):
        with pytest.raises(LeaseLost):
            write()

    assert MigrationRun.objects.filter(pk=run.pk).values().get() == before
    assert before["fence"] == new
    assert not RunLine.objects.filter(run=run).exists()


def test_a_claim_that_never_renewed_is_lost_after_its_lease_and_the_grace_and_not_before(due):
    run = due()
    claimed(run)

    assert takeovers.lost_runs() == []
    ended_ago(run, seconds=TAKEOVER_AFTER.total_seconds() - 2)
    assert takeovers.lost_runs() == []
    assert takeovers.take_over(run_id=run.pk, fence=1) is None
    ended_ago(run, seconds=TAKEOVER_AFTER.total_seconds() + 2)
    assert takeovers.lost_runs() == [run]


def test_the_clocks_add_up_to_what_is_promised():
    beat = {name: entry["schedule"] for name, entry in settings.CELERY_BEAT_SCHEDULE.items()}

    assert HEARTBEAT * 5 <= LEASE
    assert beat["runs-start-due"] <= 10
    assert beat["runs-find-lost"] <= 10
    worst = LEASE + TAKEOVER_AFTER + timedelta(seconds=beat["runs-find-lost"])
    assert worst.total_seconds() <= SEEN_SECONDS


def test_a_doorbell_for_no_run_or_for_one_that_is_not_due_changes_nothing(due):
    run = due()
    MigrationRun.objects.filter(pk=run.pk).update(due_at=now() + timedelta(hours=1))

    assert claim(run) is None
    assert execution.claim(run_id=10**9, worker="x", now=now(), public_url=URL) is None
    run.refresh_from_db()
    assert (run.status, run.fence, started()) == ("DUE", None, 0)
