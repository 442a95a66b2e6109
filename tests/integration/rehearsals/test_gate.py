"""The fact that the T-1 gate reads: none, failing, or stale keeps it closed; only a fresh one that passed opens it."""

from copy import deepcopy
from datetime import timedelta

import pytest

from migrations_portal.approvals import services as approvals
from migrations_portal.plans import queries as plan_queries
from migrations_portal.rehearsals import queries, services
from migrations_portal.rehearsals.rules import LIFE
from tests.clock import DAY, NOON
from tests.factories.plans import PASSED, draft, rehearse

pytestmark = pytest.mark.django_db

WRONG_DOWN = deepcopy(PASSED)
WRONG_DOWN["verdicts"][2] |= {"passed": False, "sentence": "“down” leaves students.nickname."}


@pytest.fixture
def plan(cast, production):
    plan = draft(by=cast["ana"], target=production)
    approvals.submit(
        plan_id=plan.pk, by=cast["ana"], now=NOON, day=DAY, public_url="http://127.0.0.1:8000"
    )
    plan.refresh_from_db()
    return plan


def problem(plan, *, now=NOON):
    return queries.gate_problem(plan_queries.newest_revision(plan), now=now)


def test_none_yet_keeps_the_gate_closed(plan):
    assert "going on" in problem(plan)


def test_a_fresh_one_that_passed_opens_it_and_proves_the_way_back(plan):
    rehearse(plan, now=NOON)

    assert problem(plan) == ""
    assert queries.rollback_tested(plan_queries.newest_revision(plan))


def test_a_failing_one_keeps_it_closed_and_says_what_failed(plan):
    rehearse(plan, now=NOON, result=WRONG_DOWN)

    said = problem(plan)

    assert "did not pass: Rollback: it reverses cleanly" in said
    assert "students.nickname" in said
    assert not queries.rollback_tested(plan_queries.newest_revision(plan))


def test_a_newer_failing_one_outweighs_an_older_that_passed(plan, cast):
    rehearse(plan, now=NOON)
    revision = plan_queries.newest_revision(plan)
    services.ask(plan=plan, revision=revision, by=cast["ana"], now=NOON)
    rehearse(plan, now=NOON, result=WRONG_DOWN)

    assert "did not pass" in problem(plan)


def test_age_closes_it_again(plan):
    rehearse(plan, now=NOON)

    assert problem(plan, now=NOON + LIFE) == ""
    assert "older than 7 days" in problem(plan, now=NOON + LIFE + timedelta(seconds=1))


def test_a_newer_migration_in_the_targets_history_closes_it(plan):
    row = rehearse(plan, now=NOON)

    assert not services.note_history(row, history=[])
    assert problem(plan) == ""
    assert services.note_history(row, history=["20260101000000-by-somebody-else.js"])
    assert "20260101000000-by-somebody-else.js was applied" in problem(plan)


def test_a_new_revision_closes_it_until_it_is_rehearsed_itself(plan, cast):
    rehearse(plan, now=NOON)
    door = {"now": NOON, "day": DAY, "public_url": "http://127.0.0.1:8000"}
    approvals.revise(plan_id=plan.pk, by=cast["ana"], reason="Another T-0", **door)
    approvals.submit(plan_id=plan.pk, by=cast["ana"], **door)
    plan.refresh_from_db()

    assert "going on" in problem(plan)
    rehearse(plan, now=NOON)
    assert problem(plan) == ""
