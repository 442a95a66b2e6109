"""No run begins on a database that its backup could not put back: asked with the run's own role, said with what a DBA has to do."""

import contextlib

import psycopg
import pytest
from psycopg import sql

from tests.customer import ADMIN, MIGRATOR
from tests.factories.plans import scheduled_run
from tests.runs_kit import ADD_COLUMN, claimed, execute, story

pytestmark = pytest.mark.django_db(transaction=True)

STRANGER = "wco_stranger"


@contextlib.contextmanager
def stranger(school):
    """A role that the run's own is no member of."""
    with psycopg.connect(ADMIN, dbname=school.target.database, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(STRANGER)))
        try:
            yield admin
        finally:
            admin.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(STRANGER)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(STRANGER)))


def executed(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    execute(run, fence=claimed(run))
    run.refresh_from_db()
    return run


def test_objects_of_a_role_that_ours_may_not_act_for_are_named_with_what_to_do(school, cast):
    schema = school.schema()
    with stranger(school) as admin:
        admin.execute("CREATE TABLE ledger (id integer)")
        admin.execute("CREATE FUNCTION total() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
        admin.execute("ALTER TABLE ledger OWNER TO wco_stranger")
        admin.execute("ALTER FUNCTION total() OWNER TO wco_stranger")
        run = executed(school, cast)
        admin.execute("DROP FUNCTION total()")
        admin.execute("DROP TABLE ledger")

    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert "2 objects, such as function total(), belong to wco_stranger" in run.problem
    assert f"GRANT wco_stranger TO {MIGRATOR}" in run.problem
    assert school.schema() == schema


def test_a_member_of_the_owner_can_put_it_back(school, cast):
    with stranger(school) as admin:
        admin.execute("CREATE TYPE mood AS ENUM ('well')")
        admin.execute("ALTER TYPE mood OWNER TO wco_stranger")
        admin.execute(f"GRANT wco_stranger TO {MIGRATOR}")
        run = executed(school, cast)

    assert run.status == "SUCCEEDED", story(run)


def test_a_role_that_does_not_own_the_database_cannot_swap_it(school, cast):
    with psycopg.connect(ADMIN, autocommit=True) as admin:
        name = sql.Identifier(school.target.database)
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(name))

    run = executed(school, cast)

    assert run.status == "FAILED", story(run)
    assert f"{MIGRATOR} does not own the database, so it cannot rename it" in run.problem
