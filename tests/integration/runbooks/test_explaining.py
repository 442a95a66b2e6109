"""What an assessment says of a real target: times, what hangs on the tables, why it is PHI, and when it is stale."""

from datetime import UTC, datetime

import psycopg
import pytest

from migrations_portal import wiring
from migrations_portal.audit.models import Entry
from migrations_portal.plans import explained, queries, reassessment, services
from migrations_portal.plans.models import PlanAssessment
from migrations_portal.runbooks import catalogue, preview
from migrations_portal.targets import queries as targets
from migrations_portal.targets import services as target_services
from migrations_portal.targets.models import PhiTag, TargetCatalogue
from tests.customer import ADMIN
from tests.factories.plans import AnyScript

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "20260101000000-change.js"
RETYPE = """module.exports = {
  async up(q) { await q.sequelize.query('ALTER TABLE students ALTER COLUMN id TYPE bigint'); },
  async down(q) { await q.sequelize.query('ALTER TABLE students ALTER COLUMN id TYPE integer'); } };
"""
NEW_COLUMN = """module.exports = {
  async up(q) { await q.sequelize.query('ALTER TABLE schools ADD COLUMN "nurseSsn" text'); },
  async down(q) { await q.sequelize.query('ALTER TABLE schools DROP COLUMN "nurseSsn"'); } };
"""


def now():
    return datetime.now(UTC)


def on_target(school, *statements):
    where = psycopg.conninfo.make_conninfo(ADMIN, dbname=school.target.database)
    with psycopg.connect(where, autocommit=True) as connection:
        for each in statements:
            connection.execute(each)


def plan_with(school, by, text):
    plan = services.create(title="Change", target=school.target, by=by, now=now())
    upload = services.Upload(name=NAME, content=text.encode())
    services.put_files(plan_id=plan.pk, by=by, uploads=[upload], checker=AnyScript(), now=now())
    return plan


def assess(plan) -> PlanAssessment:
    row = queries.current_assessment(plan)
    preview.assess_plan(assessment_id=row.pk, tools=wiring.tools(), clock=now)
    row.refresh_from_db()
    assert row.level, row.problem
    return row


def test_an_assessment_says_how_long_what_hangs_on_it_and_why_it_is_phi(cast, school):
    on_target(
        school,
        "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "CREATE TRIGGER students_noted AFTER UPDATE ON students FOR EACH ROW EXECUTE FUNCTION noted()",
        "CREATE PUBLICATION reporting FOR TABLE students",
        "ANALYZE students",
    )

    row = assess(plan_with(school, cast["ana"], RETYPE))
    said = explained.told(row.result)

    (statement,) = said["statements"]
    rows = int(school.value("SELECT reltuples::bigint FROM pg_class WHERE relname = 'students'"))
    assert statement["table_rows"]["public.students"] == rows
    assert statement["said"]["work"][0] == f"Rewrites students: {rows:,} rows"
    assert "Blocks reads and writes of" in statement["said"]["locks"][0]
    assert statement["said"]["where"] == f"{NAME}, line 2"
    assert said["down"][0]["said"]["where"] == f"{NAME}, line 3"
    assert statement["predicted"]["blocked_seconds"] is not None
    assert "reads and writes of students wait that long" in statement["said"]["time"]
    assert said["longest_wait"]["verdict"] == "within"
    (hanging,) = [each for each in said["blast_radius"] if each["table"] == "public.students"]
    assert "1 trigger (students_noted) on it" in hanging["sentences"]
    assert "published to replicas by reporting" in hanging["sentences"]
    assert any("point at it" in each for each in hanging["sentences"])
    assert "students holds PHI." in said["phi_reasons"]
    assert any(each.endswith("points at students, which is PHI.") for each in said["phi_reasons"])
    assert [phase["kind"] for phase in said["advice"]["phases"]] == ["plan", "backfill", "plan", "plan", "deploy", "plan"]  # fmt: skip
    assert said["rates"].startswith("Times are predicted with rates of an ordinary server")
    assert said["down"][0]["said"]["work"][0] == f"Rewrites students: {rows:,} rows"


def test_a_new_column_that_looks_like_phi_makes_the_plan_phi(cast, school):
    row = assess(plan_with(school, cast["ana"], NEW_COLUMN))

    assert row.phi
    assert row.result["phi_reasons"] == {
        "public.schools.nurseSsn": "The new column schools.nurseSsn looks like PHI by its name."
    }


def test_the_first_look_tags_what_is_listed_and_what_looks_like_phi(school):
    catalogue.read(school.target, tools=wiring.tools(), now=now())
    catalogue.read(school.target, tools=wiring.tools(), now=now())

    tags = {str(row): row.source for row in PhiTag.objects.filter(target=school.target, phi=True)}
    assert tags["public.students"] == "LIST"
    assert tags["public.immunization_events"] == "NAME"
    assert "public.schools" not in tags
    (entry,) = Entry.objects.filter(kind="PHI_TAGGED")
    assert "were tagged as PHI" in entry.canonical
    read = TargetCatalogue.objects.get(target=school.target)
    assert read.rows["public.students"] >= 0
    assert "public.students" in read.items


def test_what_a_person_has_cleared_is_not_tagged_again(cast, school):
    catalogue.read(school.target, tools=wiring.tools(), now=now())
    what = target_services.Tagged("public.immunization_events")
    target_services.clear(target_id=school.target.pk, what=what, by=cast["petra"], reason="Counts only", now=now())  # fmt: skip

    catalogue.read(school.target, tools=wiring.tools(), now=now())

    assert what not in targets.tagged(target=school.target)


def test_an_assessment_is_stale_when_the_target_or_its_phi_has_changed(cast, school):
    plan = plan_with(school, cast["ana"], NEW_COLUMN)
    row = assess(plan)
    assert explained.stale(row, target=school.target) == []

    target_services.tag(target_id=school.target.pk, text="schools", by=cast["petra"], reason="Names of nurses", now=now())  # fmt: skip
    on_target(school, "ALTER TABLE schools ADD COLUMN motto text")
    catalogue.refresh(target_id=school.target.pk, tools=wiring.tools(), clock=now)

    assert explained.stale(row, target=school.target) == [
        "The schema of the target has changed.",
        "schools is tagged as PHI now.",
    ]
    again = reassessment.assess_again(plan_id=plan.pk, by=cast["dan"], now=now())
    assert queries.current_assessment(plan) == again
    fresh = assess(plan)
    assert (fresh.attempt, explained.stale(fresh, target=school.target)) == (2, [])
    assert "schools holds PHI." in fresh.result["phi_reasons"].values()
