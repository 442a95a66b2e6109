"""The spec's eight steps on a real target, and its three ways to fail."""

from dataclasses import replace

import pytest

from migrations_portal import wiring
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import VaultUnavailable
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
from migrations_portal.targets.ports import CredentialMissing, TargetUnreachable
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
    logged = run.steps.get(facts__has_key="query_log").facts["query_log"]
    assert logged == {"on": run.revision.phi, "by": "log_statement"}
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


class AwayForRollbacks:
    """A vault that takes the first backup and is away for the one before the rollback."""

    def __init__(self, vault):
        self._vault = vault

    def __getattr__(self, name):
        return getattr(self._vault, name)

    def put(self, key, stream, **more):
        """Refuse what the rollback wants to keep."""
        if key.startswith("pre-rollback"):
            raise VaultUnavailable("The vault does not answer.")
        return self._vault.put(key, stream, **more)


def test_a_rollback_that_fails_says_what_the_history_really_holds(school, run_example):
    tools = wiring.tools()

    run = run_example(PREFERRED_LANGUAGE, tools=replace(tools, vault=AwayForRollbacks(tools.vault)))

    assert (run.status, run.outcome) == ("NEEDS_DECISION", "UNKNOWN"), story(run)
    assert PREFERRED_LANGUAGE.name in school.history()
    assert f"In the history of what this run applied: {PREFERRED_LANGUAGE.name}" in run.problem
    assert "not in the history" not in run.problem


class NoCredentials:
    """A source that has lost every credential."""

    def fetch(self, name):
        """Fail as a rotated or unreadable file does."""
        raise CredentialMissing(f"No credential is stored under {name}.")


def test_a_missing_credential_ends_the_run_before_a_change(school, run_example):
    history = school.history()

    run = run_example(CONSENT_TRACKING, tools=replace(wiring.tools(), credentials=NoCredentials()))

    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert "No credential is stored" in run.problem
    assert school.history() == history
