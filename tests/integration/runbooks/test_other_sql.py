"""What a run really sends is held against what was assessed and rehearsed: on the page, in the API and in the ledger."""

from datetime import UTC, datetime

import pytest

from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.execution import queries
from migrations_portal.plans.models import PlanAssessment
from migrations_portal.rehearsals.models import Rehearsal
from tests.factories.plans import scheduled_run
from tests.runs_kit import Written, claimed, execute, story

pytestmark = pytest.mark.django_db(transaction=True)

KNOWN = 'ALTER TABLE "students" ADD COLUMN "nickname" text'
BY_DATE = f"CREATE TABLE made_since_{datetime.now(UTC).year} (id integer)"
FILE = Written(
    up=f"await run('{KNOWN}');"
    "const year = new Date().getFullYear();"
    "if (year > 2000) { await run(`CREATE TABLE made_since_${year} (id integer)`); }"
)


@pytest.fixture
def ran(cast, school):
    """Run the file after an assessment of these statements, and a rehearsal that saw those beside them."""

    def go(*assessed, rehearsed=()):
        run = scheduled_run(cast=cast, target=school.target, example=FILE)
        for row in PlanAssessment.objects.filter(plan=run.plan):
            row.result |= {"statements": [{"file": FILE.name, "sql": sql} for sql in assessed]}
            row.save()
        for row in Rehearsal.objects.filter(plan=run.plan):
            said = {"file": FILE.name, "new": list(rehearsed), "missing": []}
            row.result |= {"otherwise": [said]}
            row.save()
        execute(run, fence=claimed(run))
        run.refresh_from_db()
        assert run.status == "SUCCEEDED", story(run)
        return run

    return go


def test_sql_that_nobody_has_seen_is_told_everywhere(ran, browser):
    run = ran(KNOWN, "DROP TABLE medications")

    assert queries.sent_otherwise(run) == {
        FILE.name: {"new": [BY_DATE], "missing": ["DROP TABLE medications"]}
    }
    assert f"{FILE.name}: never assessed: {BY_DATE}" in story(run)
    ended = ledger.body(Entry.objects.get(kind="RUN_FINISHED"))
    assert f"Other SQL than was assessed was sent by {FILE.name}" in ended["what"]
    page = browser("dan").get(f"/runs/{run.pk}/").content.decode()
    assert "Other SQL than was assessed" in page
    assert f"<code>{BY_DATE}</code>" in page
    answer = browser("dan").get(f"/api/v1/runs/{run.pk}/").json()
    (told,) = answer["sent_otherwise"]
    assert (told["file"], told["new"]) == (FILE.name, [BY_DATE])


def test_what_the_rehearsal_has_shown_was_seen_by_those_who_signed(ran, browser):
    run = ran(KNOWN, rehearsed=[BY_DATE])

    assert queries.sent_otherwise(run) == {}
    ended = ledger.body(Entry.objects.get(kind="RUN_FINISHED"))
    assert "Other SQL" not in ended["what"]
    assert "Other SQL" not in browser("dan").get(f"/runs/{run.pk}/").content.decode()
