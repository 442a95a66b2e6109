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
    RECOVERING = "RECOVERING"
    RESTORED = "RESTORED"
    CANCELLED = "CANCELLED"
    POSTPONED = "POSTPONED"


_R = RunStatus
RUN_STATES: StateTable[RunStatus] = StateTable(
    noun="run",
    allowed={
        _R.DUE: frozenset({_R.RUNNING, _R.CANCELLED}),
        _R.RUNNING: frozenset(
            {_R.SUCCEEDED, _R.FAILED, _R.ROLLED_BACK, _R.NEEDS_DECISION, _R.POSTPONED}
        ),
        _R.NEEDS_DECISION: frozenset({_R.RESTORING, _R.RECOVERING, _R.SUCCEEDED}),
        _R.SUCCEEDED: frozenset({_R.RESTORING, _R.RECOVERING}),
        _R.RESTORING: frozenset({_R.RESTORED, _R.NEEDS_DECISION}),
        _R.RECOVERING: frozenset({_R.SUCCEEDED, _R.ROLLED_BACK, _R.NEEDS_DECISION}),
    },
)
"""POSTPONED: window closed or backup too old before the migration began. The plan stays approved and gets another run."""

WORKING = (RunStatus.RUNNING, RunStatus.RESTORING, RunStatus.RECOVERING)
"""While a run is in one of these, a worker holds its lease."""
ACTIVE = (*WORKING, RunStatus.NEEDS_DECISION)
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
    SHAPE_UNDONE = "SHAPE_UNDONE"
    IRREVERSIBLE = "IRREVERSIBLE"
    PARTIAL = "PARTIAL"
    UNKNOWN = "UNKNOWN"
    RESTORED = "RESTORED"
    KEPT = "KEPT"
    MARKED = "MARKED"
    CLEARED = "CLEARED"

    @property
    def sentence(self) -> str:
        """What the page, the mail and the ledger say."""
        return {
            Outcome.APPLIED: "The migration is applied and verified.",
            Outcome.NOTHING_CHANGED: "Nothing changed: history and schema of the target are exactly as before.",
            Outcome.UNDONE: "The migration was undone by name: history and schema are as before.",
            Outcome.SHAPE_UNDONE: "The migration was undone by name: history and schema are as before, but not all of the data.",
            Outcome.IRREVERSIBLE: "The migration took data away that undoing does not bring back; two people have to decide.",
            Outcome.PARTIAL: "The migration failed half way: it is not in the history, but the target has moved.",
            Outcome.UNKNOWN: "Nobody knows yet what the target holds; two people have to decide.",
            Outcome.MARKED: "Two people finished it by hand; the files are recorded as applied, and the checks passed.",
            Outcome.KEPT: "Two people looked at the target and keep it as it is.",
            Outcome.CLEARED: "The earlier revision was taken back from staging by name; nothing of this one is left.",
            Outcome.RESTORED: "The backup taken before the run is live again; the damaged database is kept beside it.",
        }[self]


BY_HAND = (Outcome.KEPT, Outcome.MARKED)
"""A run of these ended because two people said so. It stands as SUCCEEDED, and no page, mail or record calls it a success."""


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

WATCH_STEP = StepFacts("watch", "Watch after the migration")
"""What follows the eight steps: the spec's criteria are held against the target for a while before the run succeeds."""

STAGING_STEPS: tuple[StepFacts, ...] = (
    StepFacts("staging-clear", "Take back the earlier revision"),
    StepFacts("smoke", "Smoke checks"),
)
"""What a run on staging does beside the eight steps: the first before the backup, where staging still holds another revision."""

MARK_STEPS: tuple[StepFacts, ...] = (
    StepFacts("mark-record", "Record as applied"),
    StepFacts("mark-verify", "Verify what was done by hand"),
)
"""What happens when two people finished a file by hand."""

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
PATIENT_LOCK_TIMEOUT_MS = 180_000
"""The same for CREATE INDEX CONCURRENTLY and VALIDATE CONSTRAINT, which wait for old transactions and keep nobody from rows."""
LOCK_BUDGET_SECONDS = 600.0
"""No new attempt after so long, whatever the attempts were spent on."""
SENT_OTHERWISE = "otherwise"
"""The fact of a file, in the step that applied it: the SQL it sent beside, or instead of, what was assessed."""
LOCK_ATTEMPTS = 20
"""How often a file in one transaction is tried again when it did not get its lock."""
STATEMENT_TIMEOUT_MS = 15 * 60 * 1000
"""No statement of a migration runs longer than this; one that is patient with locks, such as the index of a large table, may take"""
PATIENT_STATEMENT_TIMEOUT_MS = 210 * 60 * 1000
"""so long: it keeps nobody from rows, and ends before the whole call does."""


class Order(StrEnum):
    """What a person can tell a run that goes on."""

    PAUSE = "PAUSE"
    ABORT = "ABORT"


ORDER_SECONDS = 0.5
"""How often a run looks for orders: a button has to act within two seconds."""


class Choice(StrEnum):
    """What two people can decide about a run whose outcome needs it, or (the last two) about one that succeeded."""

    KEEP = "KEEP"
    MARK_APPLIED = "MARK_APPLIED"
    ROLL_BACK = "ROLL_BACK"
    RESTORE = "RESTORE"

    @property
    def title(self) -> str:  # type: ignore[override]  # a word of the product, not str.title
        """The choice as a button says it."""
        return {
            Choice.KEEP: "Keep the target as it is",
            Choice.MARK_APPLIED: "Record the files as applied",
            Choice.ROLL_BACK: "Roll back by name",
            Choice.RESTORE: "Restore the backup taken before this run",
        }[self]

    @property
    def consequence(self) -> str:
        """What it does, for the person who chooses."""
        return {
            Choice.KEEP: (
                "Changes nothing on the target; traffic that is still diverted is taken back. Choose it when you have looked, and "
                "what is there is right, or was mended by hand."
            ),
            Choice.MARK_APPLIED: (
                "Writes the files' names into the history table and runs the verification. Choose it when somebody finished "
                "the files' work by hand; when a check fails, the decision comes back."
            ),
            Choice.ROLL_BACK: (
                "Takes a backup, then undoes what this run recorded, newest first, by each file's own down. Values that the "
                "migration deleted or overwrote do not come back this way. Refused when somebody applied another file since."
            ),
            Choice.RESTORE: (
                "Restores the backup into a new database, checks it, and puts it in the place of the present one. "
                "Whatever was written after the backup is then only in the old database, which is kept beside it."
            ),
        }[self]


AFTER_SUCCESS = (Choice.ROLL_BACK, Choice.RESTORE)
"""What can still be chosen when a run has succeeded."""

STAYS_AWAY = "The application's traffic is diverted, or may be; it is taken back when what two people choose has been carried out."
"""What is said of a run that needs a decision while its row says that traffic is diverted."""
DECIDERS_NEEDED = 2
"""An unknown outcome is decided by two people (X9)."""
CHOICE_STANDS = timedelta(hours=24)
"""How long one person's wish to undo a run that succeeded waits for a second; a run that needs a decision waits for its two people."""


class LeaseLost(TargetTrouble):
    """This worker no longer owns the run; it stops at once."""

    code = "lease-lost"


class NotDecidable(Refused):
    """This run does not wait for a decision."""

    code = "not-decidable"


class SecondPersonNeeded(Refused):
    """You made this choice already; a second person has to confirm it."""

    code = "second-person-needed"


class NotOrdered(Refused):
    """This run takes no such order now."""

    code = "not-ordered"


class StepFailed(TargetTrouble):
    """A step of the procedure failed; the sentence says what to do."""

    code = "step-failed"


class NotSigned(StepFailed):
    """What would run is not what people signed."""

    code = "not-signed"


class Aborted(StepFailed):
    """A person stopped the run."""

    code = "aborted"


def abort_means(step: str) -> str:
    """Say what stopping means when the run is in the step with this key; empty when it cannot be stopped there."""
    if step.startswith(("rollback-", "restore-", "mark-")):
        return ""
    if step in _BEFORE_A_CHANGE or not step:
        return "Stops within two seconds. Nothing has been changed yet, and nothing will be."
    if step == "migrate":
        return (
            "The statement that runs is cancelled within two seconds and its transaction undone. Files that this run has applied "
            "are then rolled back by name, which takes its own time; what cannot be undone that way waits for two people."
        )
    return (
        "What runs is cancelled within two seconds. What this run has applied is then rolled back by name, "
        "which takes its own time; where that took data away, two people decide."
    )


def pause_stands(order: str, *, step: str) -> bool:
    """Say whether a run with this order holds still, or will at its next rest, in this step; the way back is never held."""
    return order == Order.PAUSE and bool(abort_means(step))


def order_ended(order: str, *, by: str) -> str:
    """Say what a person had told the run when its worker died. Not why: this goes into mails (A11)."""
    if order == Order.ABORT:
        return f"{by} had stopped the run; whether its worker obeyed before it died is not known."
    return f"{by} had paused the run before its worker died."


_BEFORE_A_CHANGE = frozenset(step.key for step in STANDARD_STEPS[:4])


class NotNow(StepFailed):
    """The next file may not begin now; when none has, the plan gets another run."""

    code = "not-now"


class WindowClosed(NotNow):
    """The target's window closed, or a freeze began, before the migration did."""

    code = "window-closed"


class BackupTooOld(NotNow):
    """The backup does not hold what was written since, so the migration has to begin with a new one."""

    code = "backup-too-old"


class HoldLost(StepFailed):
    """The run no longer holds the lock on its target, so anybody else may be at work there."""

    code = "hold-lost"
