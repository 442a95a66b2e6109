"""What is known of a target from before a run changed it: to compare with, and to find again when people decide later."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrations_portal.backups.models import Backup
from migrations_portal.execution.models import RunStep
from migrations_portal.execution.row_changes import RowChange, tables_written
from migrations_portal.execution.rules import StepFailed
from migrations_portal.runbooks import losses
from migrations_portal.runbooks.tools import RunContext
from migrations_portal.runbooks.truth import TargetState
from migrations_portal.verification.row_counts import RowsExpected
from migrations_portal.verification.rules import Baseline


@dataclass(frozen=True)
class Before:
    """The target as steps 1 to 4 found it."""

    state: TargetState
    baseline: Baseline
    counts: Mapping[str, int]
    """Exact rows in the backup's own snapshot."""
    deleted: Mapping[str, int]
    """The server's counters of deleted rows, read before the backup."""

    def expected(self, context: RunContext) -> RowsExpected:
        """Return what the row counts are held against, with what the run's own files have done so far."""
        return RowsExpected(
            counts=self.counts,
            changed=context.rows_committed.changes(),
            tried=context.rows_tried.changes(),
            announced=announced_tables(context),
            deleted_before=self.deleted,
        )


def announced_tables(context: RunContext) -> frozenset[str]:
    """Return the tables whose rows the approved statements insert or delete, going up or down.

    The statements are those that the files really sent on the empty copy; the files' digest ties them to what was signed.
    """
    result = losses.assessment(context)
    found: set[str] = set()
    for direction in ("statements", "down"):
        for statement in result.get(direction, ()):
            found |= tables_written(statement["sql"])
    return frozenset(found)


def load(context: RunContext) -> Before:
    """Find what an earlier worker of this run wrote down, and what its files did. Raises `StepFailed`."""
    facts = {step.key: step.facts for step in RunStep.objects.filter(run=context.run)}
    backup = Backup.objects.filter(run=context.run, purpose="pre-migration").order_by("pk").first()
    if backup is None or "baseline" not in facts.get("status-before", {}):
        raise StepFailed(
            "The run has not written down what the target was like before it, so the way back cannot be proven. "
            "Restore the backup instead."
        )
    for change in facts.get("migrate", {}).get("_rows", ()):
        context.rows_committed.add([RowChange(**change)])
        context.rows_tried.add([RowChange(**change)])
    return Before(
        state=TargetState(tuple(context.run.history_before), context.run.schema_before),
        baseline=Baseline.from_json(facts["status-before"]["baseline"]),
        counts=backup.counts,
        deleted=facts.get("backup", {}).get("deleted", {}),
    )
