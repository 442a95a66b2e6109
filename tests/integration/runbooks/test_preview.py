"""An assessment speaks of exactly the files that ran."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from migrations_portal import wiring
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution.ports import DriverMissing
from migrations_portal.plans import queries, services
from migrations_portal.plans.rules import ASSESSMENT_LEASE
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


class NoDriver:
    """A migration tool whose sandbox does not start."""

    def history(self, *_args, **_named):
        return []

    def up(self, *_args, **_named):
        raise DriverMissing("The sandbox did not start, so nothing ran.")


def test_trouble_of_ours_is_not_blamed_on_the_file_and_is_tried_again(cast, school):
    plan = services.create(title="Consent", target=school.target, by=cast["ana"], now=now())
    row = put(plan, cast["ana"], CONSENT_TRACKING.content)

    broken = replace(wiring.tools(), driver=NoDriver())
    preview.assess_plan(assessment_id=row.pk, tools=broken, clock=now)

    row.refresh_from_db()
    assert (row.done_at, row.problem) == (None, "The sandbox did not start, so nothing ran.")
    assert queries.assessments_waiting(now=now() + timedelta(seconds=6)) == [row.pk]

    preview.assess_plan(
        assessment_id=row.pk,
        tools=wiring.tools(),
        clock=lambda: now() + ASSESSMENT_LEASE + timedelta(seconds=1),
    )
    row.refresh_from_db()
    assert (row.level, row.problem) == ("LOW", "")


def test_a_file_that_never_ends_is_stopped_and_holds_up_nobody(cast, school, monkeypatch):
    monkeypatch.setattr(preview, "CALL_SECONDS", 4)
    plan = services.create(title="Loop", target=school.target, by=cast["ana"], now=now())
    row = put(plan, cast["ana"], b"module.exports = {async up() { for (;;) {} }};\n")

    preview.assess_plan(assessment_id=row.pk, tools=wiring.tools(), clock=now)

    row.refresh_from_db()
    assert "had not ended after 4 s" in row.problem
