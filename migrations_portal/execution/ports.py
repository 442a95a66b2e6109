"""What the portal asks of a migration tool (the driver port): Sequelize, SQL files, Alembic."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from migrations_portal.execution.row_changes import RowChange
from migrations_portal.kernel.errors import TargetTrouble, Trouble
from migrations_portal.targets.ports import Endpoint, TargetSession


class DriverMissing(Trouble):
    """The migration tool, Node or the sandbox is not installed where the settings point."""

    code = "driver-missing"


class DriverFailed(TargetTrouble):
    """The migration tool could not even report its status."""

    code = "driver-failed"


@dataclass(frozen=True)
class ApprovedFile:
    """One migration file, byte for byte as it was approved."""

    name: str
    content: bytes
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """The customer's prepared project (with its packages) plus the approved files; `project` is only ever read."""

    project: Path
    files: tuple[ApprovedFile, ...]

    @property
    def hashes(self) -> tuple[tuple[str, str], ...]:
        """(name, SHA-256) of the very bytes that are handed over, in their order."""
        return tuple((each.name, hashlib.sha256(each.content).hexdigest()) for each in self.files)


@dataclass(frozen=True)
class SessionLimits:
    """Limits put on every session of the child from outside (X7). Milliseconds."""

    application_name: str
    lock_timeout_ms: int
    statement_timeout_ms: int
    patient_lock_timeout_ms: int = 0
    """The same for statements that wait without queueing anybody (CONCURRENTLY, VALIDATE CONSTRAINT); 0 gives them no more."""
    patient_statement_timeout_ms: int = 0
    """How long such a statement may run, which an index of a large table needs; 0 gives it no more than the others."""
    idle_in_transaction_ms: int = 10_000
    wall_clock_ms: int = 4 * 3_600_000
    """After this the whole call is ended, whatever it does."""
    keep_values: bool = False
    """Keep the literals of data statements in what is recorded; only where the database holds nobody's data."""
    linger_ms: int = 0
    """Hold back the statement after a quick one inside a transaction for so long, so that somebody can look at its locks.
    Only for rehearsals, and only for the first statements of a session."""
    query_log: bool = False
    """Ask the server to log each statement of the session, without bound values, where the role may set that."""


@dataclass(frozen=True)
class SentStatement:
    """A statement that the tool really sent, as the socket door saw it. Bound values are never kept (S10)."""

    sql: str
    started_at: float
    """Seconds since the child started."""
    seconds: float
    tag: str
    """The server's command tag ("ALTER TABLE", "UPDATE 3"); empty when it failed."""
    sqlstate: str
    """Empty when it succeeded."""
    in_transaction: bool
    """Whether a transaction block was open after it."""
    session: int
    """Which of the tool's connections sent it, from 1."""
    transaction: int = 0
    """Which transaction of the call it belonged to, from 1; 0 when it committed (or failed) by itself."""


@dataclass(frozen=True)
class ChildResult:
    """What one call of the tool left behind."""

    exit_code: int
    output: str
    """Cleaned of ANSI codes and of PostgreSQL's DETAIL, capped."""
    seconds: float
    statements: tuple[SentStatement, ...]
    committed_writes: tuple[str, ...]
    """Statements that changed something outside the tool's bookkeeping and were committed, oldest first."""
    sqlstate: str
    """The last error that the server sent, empty when none."""
    outcome_unknown: bool = False
    """A connection ended before the server said whether a change was committed: read the target, ask people (X9)."""
    timed_out: bool = False
    """The call was ended by us at its wall-clock limit."""
    stopped: bool = False
    """The call was ended by us because the run was stopped."""
    rows_committed: tuple[RowChange, ...] = ()
    """Rows that came and went by committed statements, by table."""
    rows_tried: tuple[RowChange, ...] = ()
    """The same with what was rolled back."""
    statements_left_out: int = 0
    """How many statements are not in `statements` because there were too many to keep."""


@dataclass(frozen=True)
class DriverStatus:
    """The tool's own view of the project on one database."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    output: str


class MigrationDriver(Protocol):
    """A migration tool that runs one named file at a time."""

    def check(self, bundle: Bundle) -> None:
        """Raise `DriverMissing`, with what to do, when the project is not prepared on this worker."""
        ...

    def packages(self, bundle: Bundle) -> str:
        """Return the SHA-256 of what was installed ahead for the tool; empty when it needs nothing. Raises `DriverMissing`."""
        ...

    def status(self, endpoint: Endpoint, bundle: Bundle, *, limits: SessionLimits) -> DriverStatus:
        """Ask the tool what is applied and pending; raise `DriverFailed` or `DriverMissing`."""
        ...

    def up(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = ...,
        on_statement: Callable[[SentStatement], None] = ...,
    ) -> ChildResult:
        """Apply exactly the file `name`. A failure of the file is a result, not an exception."""
        ...

    def down(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = ...,
        on_statement: Callable[[SentStatement], None] = ...,
    ) -> ChildResult:
        """Undo exactly the file `name`, by name, never "the last one"."""
        ...

    def history(self, session: TargetSession, bundle: Bundle) -> Sequence[str]:
        """Return the files that the tool's history table records as applied, sorted; empty when there is no table yet."""
        ...

    def mark(self, session: TargetSession, bundle: Bundle, *, name: str) -> None:
        """Record the file `name` as applied without running it; for people who finished it by hand."""
        ...
