"""A run's page sets what was predicted beside what it took."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from migrations_portal.execution import predicted as predictions
from migrations_portal.execution.models import RunStep
from migrations_portal.plans.models import PlanAssessment
from tests.factories.plans import submitted

FILE = "20251103000000-add-patient-consent-tracking.js"
SQL = ('ALTER TABLE "patients" ADD COLUMN "consent" text', "UPDATE patients SET consent = 'x'")


@dataclass
class Run:
    """What the presenter asks of a run."""

    plan: Any
    facts: dict[str, Any] = field(default_factory=dict)


def predicted(usual, shortest, longest):
    return {
        "seconds": [usual, shortest, longest],
        "rows": 0,
        "known": True,
        "blocked_seconds": None,
        "table": "",
        "blocks": "",
    }


@pytest.fixture
def plan(cast, production):
    plan = submitted(by=cast["ana"], target=production)
    said = [
        {"file": FILE, "sql": SQL[0], "predicted": predicted(0.01, 0, 0.25)},
        {"file": FILE, "sql": SQL[1], "predicted": predicted(2.1, 0.7, 6.3)},
    ]
    PlanAssessment.objects.filter(plan=plan).update(result={"statements": said})
    return plan


def beside(plan, *timed):
    facts = {FILE: {"seconds": 3, "timed": [{"command": c, "seconds": s} for c, s in timed]}}
    return predictions.beside(Run(plan), steps=[RunStep(key="migrate", facts=facts)])


def test_each_statement_is_told_with_what_it_took(plan):
    said = beside(plan, ("ALTER TABLE", 0.004), ("UPDATE", 8.0))

    assert said["sentence"] == "1 of 2 statements took as long as predicted."
    assert [line["sentence"] for line in said["lines"]] == [
        "predicted under 0.1 s (up to 0.2 s), took under 0.1 s",
        "predicted 2.1 s (0.7 to 6.3 s), took 8.0 s",
    ]
    assert [line["within"] for line in said["lines"]] == [True, False]


@pytest.mark.parametrize(
    "timed",
    [
        [("ALTER TABLE", 0.1)],
        [("UPDATE", 0.1), ("ALTER TABLE", 0.1)],
        [],
    ],
)
def test_a_file_that_sent_something_else_is_not_compared(plan, timed):
    assert beside(plan, *timed) is None


def test_without_a_migrate_step_there_is_nothing_to_compare(plan):
    assert predictions.beside(Run(plan), steps=[]) is None


def test_an_assessment_of_old_that_names_no_file_is_compared_with_nothing(plan):
    PlanAssessment.objects.filter(plan=plan).update(result={"statements": [{"sql": SQL[0]}]})

    assert beside(plan, ("ALTER TABLE", 0.004)) is None
