"""The spec's eight steps on a real target, and its three ways to fail."""

from dataclasses import replace

import pytest

from migrations_portal import wiring
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.backups.models import Backup
from migrations_portal.demo.customer.examples import (
    APPOINTMENT_REASON,
    CONSENT_TRACKING,
    MEDICATION_REVIEW,
    PREFERRED_LANGUAGE,
)
from migrations_portal.execution.models import RunLine
from migrations_portal.incidents.models import Incident
from migrations_portal.monitoring.models import RunSample
from migrations_portal.notifications.models import Notice
from migrations_portal.targets.ports import TargetUnreachable
from migrations_portal.verification.models import VerificationResult

pytestmark = pytest.mark.django_db(transaction=True)


def story(run):
    lines = "\n".join(line.text for line in RunLine.objects.filter(run=run).order_by("seq"))
    return f"{run.status} {run.outcome} {run.problem}\n{lines}"


def test_a_good_migration_is_backed_up_applied_verified_and_recorded(school, run_example):
    before = school.history()

    run = run_example(CONSENT_TRACKING)

    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert school.value(CONSENT_TRACKING.query) == CONSENT_TRACKING.expected
    assert school.history() == sorted([*before, CONSENT_TRACKING.name])
    assert [step.status for step in run.steps.order_by("position")] == ["OK"] * 8
    assert Backup.objects.get(run=run).proven
    assert VerificationResult.objects.filter(run=run, phase="after", passed=True).exists()
    assert RunSample.objects.filter(run=run).exists()
    record = ledger.body(Entry.objects.get(kind="MIGRATION_RECORD"))["record"]
    assert record["status"] == "success"
    assert record["verification_status"] == "passed"
    assert record["rollback_tested"] is True
    assert record["executor"] == "dan@whitecross.example"
    assert record["backup_location"].startswith("s3://white-cross-backups/pre-migration/")
    assert ledger.verify_chain().intact
    assert not Incident.objects.exists()
    assert Notice.objects.filter(template="run_succeeded").count() == 6


def test_a_file_that_fails_inside_its_transaction_leaves_nothing(school, run_example):
    history, schema = school.history(), school.schema()

    run = run_example(APPOINTMENT_REASON)

    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert (school.history(), school.schema()) == (history, schema)
    assert Incident.objects.get().severity == "P1"
    assert run.plan.status == "FAILED"


def test_a_file_that_fails_half_way_waits_for_two_people_and_is_not_undone(school, run_example):
    history, schema = school.history(), school.schema()

    run = run_example(MEDICATION_REVIEW)

    assert (run.status, run.outcome) == ("NEEDS_DECISION", "PARTIAL"), story(run)
    assert school.history() == history
    assert school.schema() != schema
    assert run.schema_after == school.schema()
    assert Incident.objects.get().severity == "P0"


def test_a_recorded_file_whose_check_fails_is_undone_by_name_and_verified(school, run_example):
    history, schema = school.history(), school.schema()

    run = run_example(PREFERRED_LANGUAGE)

    assert (run.status, run.outcome) == ("ROLLED_BACK", "UNDONE"), story(run)
    assert (school.history(), school.schema()) == (history, schema)
    assert Backup.objects.filter(run=run, purpose="pre-rollback").exists()
    assert VerificationResult.objects.filter(run=run, phase="rollback").exists()
    record = ledger.body(Entry.objects.get(kind="MIGRATION_RECORD"))["record"]
    assert (record["status"], record["verification_status"]) == ("rolled_back", "failed")


class LostAfterwards:
    """The dump tool of a target that goes away once the migration has run."""

    def __init__(self, tool, *, schemas):
        self._tool, self._left = tool, schemas

    def __getattr__(self, name):
        return getattr(self._tool, name)

    def schema(self, endpoint):
        """Answer as often as was said, then fail as an unreachable target does."""
        if self._left == 0:
            raise TargetUnreachable("The target does not answer any more.")
        self._left -= 1
        return self._tool.schema(endpoint)


@pytest.mark.parametrize("schemas", [1, 2])
def test_a_target_that_goes_away_after_the_migration_began_is_never_called_unchanged(
    school, run_example, schemas
):
    tools = wiring.tools()

    run = run_example(
        PREFERRED_LANGUAGE, tools=replace(tools, dump=LostAfterwards(tools.dump, schemas=schemas))
    )

    assert (run.status, run.outcome) in {
        ("NEEDS_DECISION", "UNKNOWN"),
        ("NEEDS_DECISION", "PARTIAL"),
    }, story(run)
    assert Incident.objects.get().severity == "P0"
