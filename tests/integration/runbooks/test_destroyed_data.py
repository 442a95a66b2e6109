"""Data that a file took away: undoing by name cannot bring it back, so nobody undoes it unasked, and nobody calls it undone."""

import pytest

from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.incidents.models import Incident
from migrations_portal.plans.models import PlanAssessment
from migrations_portal.rehearsals.models import Rehearsal
from tests.factories.plans import scheduled_run
from tests.runs_kit import Written, claimed, execute, story
from tests.unit.risk.kit import assessed

pytestmark = pytest.mark.django_db(transaction=True)

DROP = 'ALTER TABLE "students" DROP COLUMN "firstName"'
LOSSY = Written(
    up=f"await run('{DROP}');",
    down='await run(\'ALTER TABLE "students" ADD COLUMN "firstName" text\');',
    question="Does a check pass?",
    query="SELECT 0",
)
"""The shape comes back, and the check that fails demands it."""
PROGRAM = "DO $$ BEGIN PERFORM 1; END $$"
UNSEEN = Written(up=f"await run('{PROGRAM}');", down="await run('SELECT 1');", query="SELECT 0")


@pytest.fixture
def ran(cast, school):
    """Run the file after these statements of it were assessed, and after a rehearsal with this result."""

    def go(example, *statements, rehearsed=None):
        run = scheduled_run(cast=cast, target=school.target, example=example)
        said = (
            assessed(";".join(statements), schema=None).as_json()["statements"]
            if statements
            else []
        )
        for row in PlanAssessment.objects.filter(plan=run.plan):
            row.result |= {"statements": [each | {"file": example.name} for each in said]}
            row.save()
        for row in Rehearsal.objects.filter(plan=run.plan):
            row.result |= rehearsed or {}
            row.save()
        execute(run, fence=claimed(run))
        run.refresh_from_db()
        return run

    return go


def test_a_lossy_file_whose_check_fails_waits_for_two_people(ran, school, browser):
    run = ran(LOSSY, DROP)

    assert (run.status, run.outcome) == ("NEEDS_DECISION", "IRREVERSIBLE"), story(run)
    assert LOSSY.name in run.problem
    assert (
        LOSSY.name in school.history()
    )  # it stands, and the application fails loudly instead of reading emptiness
    assert Incident.objects.get().severity == "P0"
    page = browser("dan").get(f"/runs/{run.pk}/").content.decode()
    assert "Restoring the backup taken before this run brings the data back" in page
    ended = ledger.body(Entry.objects.get(kind="RUN_FINISHED"))
    assert "took data away that undoing does not bring back" in ended["what"]


def test_sql_that_was_not_assessed_counts_as_well(ran):
    run = ran(LOSSY, 'ALTER TABLE "students" ADD COLUMN "harmless" text')

    assert (run.status, run.outcome) == ("NEEDS_DECISION", "IRREVERSIBLE"), story(run)
    assert "by SQL that was not assessed" in run.problem


@pytest.mark.parametrize(
    ("rehearsed", "ending"),
    [
        ({}, ("NEEDS_DECISION", "IRREVERSIBLE")),
        ({"copy": {"rows": 7}, "contents_after_down": []}, ("ROLLED_BACK", "UNDONE")),
        (
            {"copy": {"rows": 7}, "contents_after_down": ["public.visits"]},
            ("NEEDS_DECISION", "IRREVERSIBLE"),
        ),
        ({"copy": {"rows": 0}, "contents_after_down": []}, ("NEEDS_DECISION", "IRREVERSIBLE")),
    ],
)
def test_what_nobody_can_see_into_is_undone_where_a_rehearsal_has_shown_the_same_rows(
    ran, rehearsed, ending
):
    run = ran(UNSEEN, PROGRAM, rehearsed=rehearsed)
    assert (run.status, run.outcome) == ending, story(run)


def test_a_rollback_after_which_values_differed_in_the_rehearsal_says_so(ran):
    added = 'ALTER TABLE "students" ADD COLUMN "nickname" text'
    example = Written(
        up=f"await run('{added}');",
        down='await run(\'ALTER TABLE "students" DROP COLUMN "nickname"\');',
        query="SELECT 0",
    )
    run = ran(
        example,
        added,
        rehearsed={"copy": {"rows": 7}, "contents_after_down": ["public.students"]},
    )

    assert (run.status, run.outcome) == ("ROLLED_BACK", "SHAPE_UNDONE"), story(run)
    assert "not every value is as before in public.students" in run.problem
