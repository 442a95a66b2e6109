"""An assessment speaks of exactly the files that ran."""

from datetime import UTC, datetime

import pytest

from migrations_portal import wiring
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.plans import queries, services
from migrations_portal.runbooks import preview
from tests.factories.plans import AnyScript

pytestmark = pytest.mark.django_db(transaction=True)
DROPS = b"module.exports = {async up(q) { await q.dropTable('medications'); }, async down() {}};\n"


def now():
    return datetime.now(UTC)


def put(plan, by, content):
    upload = services.Upload(name=CONSENT_TRACKING.name, content=content)
    services.put_files(plan_id=plan.pk, by=by, uploads=[upload], checker=AnyScript(), now=now())
    return queries.current_assessment(plan)


def test_files_that_were_changed_meanwhile_do_not_lend_their_level_to_others(cast, school):
    plan = services.create(title="Drop", target=school.target, by=cast["ana"], now=now())
    first = put(plan, cast["ana"], DROPS)
    put(plan, cast["ana"], CONSENT_TRACKING.content)

    preview.assess_plan(assessment_id=first.pk, tools=wiring.tools(), clock=now)
    first.refresh_from_db()
    assert first.done_at is None

    again = put(plan, cast["ana"], DROPS)
    assert again.pk == first.pk
    preview.assess_plan(assessment_id=again.pk, tools=wiring.tools(), clock=now)
    again.refresh_from_db()
    assert again.level == "CRITICAL"
    assert "public.medications" in again.tables


def test_a_file_that_does_not_run_is_told_with_the_reason(cast, school):
    plan = services.create(title="Typo", target=school.target, by=cast["ana"], now=now())
    row = put(
        plan,
        cast["ana"],
        b"module.exports = {async up(q) { await q.addColumn('nowhere', 'x', 'int'); }};\n",
    )

    preview.assess_plan(assessment_id=row.pk, tools=wiring.tools(), clock=now)

    row.refresh_from_db()
    assert (row.level, row.done_at is not None) == ("", True)
    assert "nowhere" in row.problem
    assert "Mend the file" in row.problem
