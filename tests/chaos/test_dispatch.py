"""From due, and from the last signature, to claimed: with a doorbell that rings, and with every doorbell lost."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F

from migrations_portal.execution.models import MigrationRun
from tests.chaos.worker import bell, ring, worker
from tests.factories.plans import nearly_approved, scheduled_run
from tests.runs_kit import Written, now, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.chaos,
    pytest.mark.usefixtures("bucket"),
]


LOST_DOORBELL_SECONDS = 15
"""The bar of a dispatch without its doorbell; with one, figures are compared by people (docs/reference/faults.md)."""


def _file(number: int) -> Written:
    return Written(up="", name=f"202601010000{number:02}-nothing.js", question=f"Run {number}?")


def _waiting(school, cast, number: int) -> MigrationRun:
    """A run whose target does not answer, so that it ends within a moment of its claim."""
    run = scheduled_run(cast=cast, target=school.target, example=_file(number), minutes=2 * number)
    MigrationRun.objects.filter(pk=run.pk).update(due_at=now())
    return run


def _signed_last(
    school, cast, number: int, *, ring_after: Callable[[], object], lead: float, at: float
) -> float:
    """Give a plan its last signature `at` seconds before its T-0; return the seconds from there to the claim.

    `at` is 0 where no sweep runs: one that finds T-0 here and a signature missing postpones the plan, and is right.
    """
    plan, sign_last = nearly_approved(
        cast=cast,
        target=school.target,
        example=_file(number),
        minutes=2 * number,
        lead=timedelta(seconds=lead),
    )
    plan.refresh_from_db()
    promised = plan.scheduled_for
    until(lambda: now() > promised - timedelta(seconds=at))
    signed = now()
    sign_last()
    ring_after()
    mine = MigrationRun.objects.filter(plan=plan)
    until(lambda: mine.exists() and _ended(mine.get()), seconds=60)
    plan.refresh_from_db()
    assert plan.scheduled_for == promised
    claimed_at = mine.get().claimed_at
    assert claimed_at is not None
    return (claimed_at - signed).total_seconds()


def _from_due(runs: list[MigrationRun]) -> list[float]:
    rows = MigrationRun.objects.filter(pk__in=[run.pk for run in runs])
    took = rows.annotate(took=F("claimed_at") - F("due_at")).values_list("took", flat=True)
    return [each.total_seconds() for each in took]


def _figures(name: str, seconds: list[float]) -> list[float]:
    took = sorted(seconds)
    figures = {
        "runs": len(took),
        "p50_s": round(took[len(took) // 2], 2),
        "p95_s": round(took[int(len(took) * 0.95)], 2),
    }
    print("DISPATCH", name, json.dumps(figures))  # noqa: T201
    return took


def _ended(run: MigrationRun) -> bool:
    return MigrationRun.objects.get(pk=run.pk).status not in {"DUE", "RUNNING"}


def test_a_ringing_doorbell_starts_a_run_at_once(school, cast, tmp_path):
    school.target.port = 1
    school.target.save()
    made = []
    with bell() as app, worker(tmp_path):
        for number in range(12):
            made.append(_waiting(school, cast, number))
            ring(app, made[-1].pk)
            until(lambda: _ended(made[-1]), seconds=60)

    assert _figures("due to claimed, doorbell", _from_due(made))[-1] < 15


def test_without_any_doorbell_the_sweep_finds_a_due_run(school, cast, tmp_path):
    school.target.port = 1
    school.target.save()
    made = []
    with bell(), worker(tmp_path, queues="runs,timeline", beat=True):
        for number in range(6):
            made.append(_waiting(school, cast, number))
            until(lambda: _ended(made[-1]), seconds=60)

    assert _figures("due to claimed, doorbell lost", _from_due(made))[-1] < LOST_DOORBELL_SECONDS


def test_the_last_signature_starts_the_run(school, cast, tmp_path):
    school.target.port = 1
    school.target.save()
    with bell() as app, worker(tmp_path, queues="runs,timeline"):
        took = [
            _signed_last(
                school,
                cast,
                number,
                ring_after=lambda: app.send_task("runs.start_due", queue="timeline"),
                lead=1,
                at=0,
            )
            for number in range(12)
        ]

    assert _figures("approved to claimed, doorbell", took)[-1] < 15


def test_without_any_doorbell_the_sweep_finds_what_was_signed_last(school, cast, tmp_path):
    school.target.port = 1
    school.target.save()
    with bell(), worker(tmp_path, queues="runs,timeline", beat=True):
        took = [
            _signed_last(school, cast, number, ring_after=lambda: None, lead=12, at=2)
            for number in range(6)
        ]

    assert _figures("approved to claimed, doorbell lost", took)[-1] < LOST_DOORBELL_SECONDS
