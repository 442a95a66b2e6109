"""From due to claimed: with a doorbell that rings, and with every doorbell lost."""

import json

import pytest
from django.db.models import F

from migrations_portal.execution.models import MigrationRun
from tests.chaos.worker import bell, ring, worker
from tests.factories.plans import scheduled_run
from tests.runs_kit import Written, now, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]


def _waiting(school, cast, number: int) -> MigrationRun:
    """A run whose target does not answer, so that it ends within a moment of its claim."""
    file = Written(up="", name=f"202601010000{number:02}-nothing.js", question=f"Run {number}?")
    run = scheduled_run(cast=cast, target=school.target, example=file, minutes=2 * number)
    MigrationRun.objects.filter(pk=run.pk).update(due_at=now())
    return run


def _figures(name: str, runs: list[MigrationRun]) -> list[float]:
    rows = MigrationRun.objects.filter(pk__in=[run.pk for run in runs])
    took = sorted(
        each.total_seconds()
        for each in rows.annotate(took=F("claimed_at") - F("due_at")).values_list("took", flat=True)
    )
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

    assert _figures("doorbell", made)[-1] < 15


def test_without_any_doorbell_the_sweep_finds_a_due_run(school, cast, tmp_path):
    school.target.port = 1
    school.target.save()
    made = []
    with bell(), worker(tmp_path, queues="runs,timeline", beat=True):
        for number in range(6):
            made.append(_waiting(school, cast, number))
            until(lambda: _ended(made[-1]), seconds=60)

    assert _figures("sweep", made)[-1] < 30
