"""The states of runs and steps, the steps of the spec's procedures, and the numbers of the lease."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from migrations_portal.kernel.errors import Refused, TargetTrouble
from migrations_portal.kernel.states import StateTable


class RunStatus(StrEnum):
    DUE = "DUE"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"
    NEEDS_DECISION = "NEEDS_DECISION"
    RESTORING = "RESTORING"
    RESTORED = "RESTORED"
    CANCELLED = "CANCELLED"


_R = RunStatus
RUN_STATES: StateTable[RunStatus] = StateTable(
    noun="run",
    allowed={
        _R.DUE: frozenset({_R.RUNNING, _R.CANCELLED}),
        _R.RUNNING: frozenset({_R.SUCCEEDED, _R.FAILED, _R.ROLLED_BACK, _R.NEEDS_DECISION}),
        _R.NEEDS_DECISION: frozenset({_R.RESTORING, _R.SUCCEEDED}),
        _R.RESTORING: frozenset({_R.RESTORED, _R.NEEDS_DECISION}),
    },
)
ACTIVE = (RunStatus.RUNNING, RunStatus.NEEDS_DECISION, RunStatus.RESTORING)
"""While a run is in one of these, no other run may start on its target."""


class StepStatus(StrEnum):
    RUNNING = "RUNNING"
    OK = "OK"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    LOST = "LOST"


class Outcome(StrEnum):
    """What the target holds after the run, read from the target and never guessed."""

    APPLIED = "APPLIED"
    NOTHING_CHANGED = "NOTHING_CHANGED"
    UNDONE = "UNDONE"
    PARTIAL = "PARTIAL"
    UNKNOWN = "UNKNOWN"
    RESTORED = "RESTORED"
    KEPT = "KEPT"

    @property
    def sentence(self) -> str:
        """What the page, the mail and the ledger say."""
        return {
            Outcome.APPLIED: "The migration is applied and verified.",
            Outcome.NOTHING_CHANGED: "Nothing changed: history and schema of the target are exactly as before.",
            Outcome.UNDONE: "The migration was undone by name: history and schema are as before.",
            Outcome.PARTIAL: "The migration failed half way: it is not in the history, but the target has moved.",
            Outcome.UNKNOWN: "Nobody knows yet what the target holds; two people have to decide.",
            Outcome.KEPT: "Two people looked at the target and keep it as it is.",
            Outcome.RESTORED: "The backup taken before the run is live again; the damaged database is kept beside it.",
        }[self]


@dataclass(frozen=True)
class StepFacts:
    """One step of a procedure, as the spec names it."""

    key: str
    title: str


STANDARD_STEPS: tuple[StepFacts, ...] = (
    StepFacts("health-before", "Health check before"),
    StepFacts("backup", "Back up to the vault"),
    StepFacts("verify-backup", "Prove the backup"),
    StepFacts("status-before", "Migration status"),
    StepFacts("migrate", "Migrate"),
    StepFacts("status-after", "Status verified"),
    StepFacts("verify", "Verification queries"),
    StepFacts("health-after", "Health check after"),
)
"""The spec's "Standard Migration Procedure", steps 1 to 8."""

ROLLBACK_STEPS: tuple[StepFacts, ...] = (
    StepFacts("rollback-divert", "Divert traffic"),
    StepFacts("rollback-status", "Status before the rollback"),
    StepFacts("rollback-backup", "Back up before the rollback"),
    StepFacts("rollback-undo", "Undo by name"),
    StepFacts("rollback-verify", "Verify the rollback"),
    StepFacts("rollback-traffic", "Restore traffic"),
)
"""The spec's "Rollback Execution", steps 1 to 6."""

RESTORE_STEPS: tuple[StepFacts, ...] = (
    StepFacts("restore-divert", "Divert traffic"),
    StepFacts("restore-beside", "Restore the backup beside"),
    StepFacts("restore-verify", "Verify the restored copy"),
    StepFacts("restore-swap", "Swap the databases"),
    StepFacts("restore-integrity", "Integrity checks"),
    StepFacts("restore-traffic", "Restore traffic"),
)
"""The spec's "Catastrophic Failure Recovery", made safe: beside, verified, swapped by name."""

HEARTBEAT = timedelta(seconds=5)
LEASE = timedelta(seconds=30)
SELF_DEADLINE = LEASE - timedelta(seconds=5)
"""A holder stops trusting itself this long after the start of its last successful renewal (X4)."""
TAKEOVER_AFTER = timedelta(seconds=10)
"""Nobody touches a run until this long after its lease ended (X4)."""

LOCK_TIMEOUT_MS = 250
"""How long one attempt waits for a lock: design section 8, "ours is 0.25 s"."""
LOCK_ATTEMPTS = 20
"""How often a file in one transaction is tried again when it did not get its lock."""
STATEMENT_TIMEOUT_MS = 15 * 60 * 1000
"""No statement of a migration runs longer than this."""


class Choice(StrEnum):
    """What two people can decide about a run whose outcome needs it."""

    KEEP = "KEEP"
    RESTORE = "RESTORE"

    @property
    def title(self) -> str:  # type: ignore[override]  # a word of the product, not str.title
        """The choice as a button says it."""
        return {
            Choice.KEEP: "Keep the target as it is",
            Choice.RESTORE: "Restore the backup taken before this run",
        }[self]

    @property
    def consequence(self) -> str:
        """What it does, for the person who chooses."""
        return {
            Choice.KEEP: (
                "Changes nothing on the target. Choose it when you have looked, and what is there is right, or was mended by hand."
            ),
            Choice.RESTORE: (
                "Restores the backup into a new database, checks it, and puts it in the place of the present one. "
                "Whatever was written after the backup is then only in the old database, which is kept beside it."
            ),
        }[self]


DECIDERS_NEEDED = 2
"""An unknown outcome is decided by two people (X9)."""


class LeaseLost(TargetTrouble):
    """This worker no longer owns the run; it stops at once."""

    code = "lease-lost"


class NotDecidable(Refused):
    """This run does not wait for a decision."""

    code = "not-decidable"


class SecondPersonNeeded(Refused):
    """You made this choice already; a second person has to confirm it."""

    code = "second-person-needed"


class StepFailed(TargetTrouble):
    """A step of the procedure failed; the sentence says what to do."""

    code = "step-failed"
