"""What a file changes by calling functions is seen: such a file runs once, and is never called harmless."""

import psycopg
import pytest

from tests.factories.plans import scheduled_run
from tests.runs_kit import Written, claimed, execute, story

pytestmark = pytest.mark.django_db(transaction=True)

EFFECTS = """
SET ROLE wco_migrator;
CREATE TABLE effects (at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION bump() RETURNS int LANGUAGE sql AS 'INSERT INTO public.effects DEFAULT VALUES RETURNING 1';
CREATE SEQUENCE numbers;
GRANT ALL ON effects, numbers TO PUBLIC;
"""
NO_LOCK = "DO $$ BEGIN RAISE lock_not_available; END $$"
SESSION = "await q.sequelize.transaction(async (t) => { const go = (text) => run(text, {transaction: t}); %s });"


def carried_out(school, cast, *, up):
    with psycopg.connect(school.dsn(), autocommit=True) as session:
        session.execute(EFFECTS)
    run = scheduled_run(cast=cast, target=school.target, example=Written(up=up))
    execute(run, fence=claimed(run))
    run.refresh_from_db()
    return run


def test_a_file_whose_function_wrote_is_not_tried_again_for_a_lock(school, cast):
    run = carried_out(school, cast, up=f"await run('SELECT bump()'); await run('{NO_LOCK}');")

    assert school.value("SELECT count(*) FROM effects") == 1, story(run)
    assert (run.status, run.outcome) == ("NEEDS_DECISION", "PARTIAL"), story(run)


def test_a_sequence_that_was_set_stays_set_when_its_transaction_is_rolled_back(school, cast):
    up = f"await go(\"SELECT setval('numbers', 41)\"); await go('{NO_LOCK}');"

    run = carried_out(school, cast, up=SESSION % up)

    assert school.value("SELECT last_value FROM numbers") == 41
    assert (run.status, run.outcome) == ("NEEDS_DECISION", "PARTIAL"), story(run)


def test_a_file_that_reads_before_it_fails_is_one_of_two_transactions_and_not_tried_again(
    school, cast
):
    run = carried_out(school, cast, up=f"await run('SELECT 1 AS one'); await run('{NO_LOCK}');")

    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert "stepping aside" not in story(run)


def test_one_transaction_that_calls_a_function_is_tried_until_it_gets_its_lock(school, cast):
    """The lock is missing for the first attempts only: the sequence counts them, and outlives their rollback."""
    counts = "IF nextval('numbers') < 3 THEN RAISE lock_not_available; END IF;"
    up = f"await go('SELECT bump()'); await go(\"DO $$ BEGIN {counts} END $$\");"

    run = carried_out(school, cast, up=SESSION % up)

    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert school.value("SELECT count(*) FROM effects") == 1
    assert school.value("SELECT last_value FROM numbers") == 3
