"""What a procedure is given: the ports it may use, and where a run happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from migrations_portal.backups.ports import DumpTool, SnapshotService, Vault
from migrations_portal.backups.services import BackupTools
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.ports import (
    ApprovedFile,
    Bundle,
    ChildResult,
    MigrationDriver,
    SessionLimits,
)
from migrations_portal.execution.recorder import Recorder
from migrations_portal.execution.reins import Reins
from migrations_portal.execution.row_changes import RowTally
from migrations_portal.execution.rules import (
    LOCK_TIMEOUT_MS,
    PATIENT_LOCK_TIMEOUT_MS,
    PATIENT_STATEMENT_TIMEOUT_MS,
    STATEMENT_TIMEOUT_MS,
)
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.targets.models import Target
from migrations_portal.targets.ports import CredentialSource, Endpoint, TargetServer, TrafficHook
from migrations_portal.verification.ports import SmokeClient

LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL."""
LONGEST_FENCE = 10
"""Digits that a name beside the live one keeps free for the fence."""


@dataclass(frozen=True)
class Tools:
    """The outside world, behind ports."""

    credentials: CredentialSource
    server: TargetServer
    dump: DumpTool
    vault: Vault
    driver: MigrationDriver
    traffic: TrafficHook
    smoke: SmokeClient
    projects: Path
    free_bytes: Callable[[], int]
    """Room that is left where the worker puts its bundles."""
    mark: Callable[[], str]
    """A short name of this portal: two portals may use one staging server, and each has a run 1."""
    snapshots: SnapshotService | None = None
    """For targets that are backed up by snapshots of their instance."""

    @property
    def backup(self) -> BackupTools:
        """The part that backups need."""
        return BackupTools(
            server=self.server, dump=self.dump, vault=self.vault, snapshots=self.snapshots
        )

    def endpoint(self, target: Target) -> Endpoint:
        """Return where the target is, with its credential fetched now. Raises `CredentialMissing`."""
        credential = self.credentials.fetch(target.credential)
        return Endpoint(
            target.host, target.port, target.database, credential.user, credential.password
        )

    def drill_server(self, target: Target) -> Endpoint:
        """Return the maintenance database of the server on which copies of `target` are made: staging's, or its own."""
        return self.endpoint(target.drill_target or target).on("postgres")

    def scratch(self, target: Target, *, name: str) -> Endpoint:
        """Return a scratch database beside the staging target; `name` gets this portal's mark, so that no other has it too."""
        suffix = f"_{self.mark()}"
        return self.drill_server(target).on(name[: LONGEST_NAME - len(suffix)] + suffix)


@dataclass(frozen=True)
class RunContext:
    """One claimed run, ready to be worked on."""

    run: MigrationRun
    recorder: Recorder
    tools: Tools
    bundle: Bundle
    clock: Callable[[], datetime]
    public_url: str
    rows_committed: RowTally = field(default_factory=RowTally)
    """Rows that the run's own files have changed so far, as the socket door counted them."""
    rows_tried: RowTally = field(default_factory=RowTally)
    """The same with attempts that were rolled back."""

    @property
    def reins(self) -> Reins:
        """How another thread pauses or stops the run."""
        return self.recorder.reins

    def count(self, result: ChildResult) -> None:
        """Add the rows that one call of the tool changed."""
        self.rows_committed.add(result.rows_committed)
        self.rows_tried.add(result.rows_tried)

    @property
    def endpoint(self) -> Endpoint:
        """Where the target is; the credential is fetched anew each time (S6). Raises `CredentialMissing`."""
        return self.tools.endpoint(self.run.target)

    @property
    def plan(self) -> MigrationPlan:
        """The plan that the run executes."""
        return self.run.plan

    @property
    def application_name(self) -> str:
        """How every session of this run is named on the target (X7)."""
        return f"wcops-{self.run.pk}-{self.recorder.fence}"

    @property
    def drill(self) -> Endpoint:
        """Where the backup of this run is restored for its proof; nowhere else has this name."""
        name = f"wco_drill_{self.run.pk}_{self.recorder.fence}"
        return self.tools.scratch(self.run.target, name=name)

    @property
    def limits(self) -> SessionLimits:
        """The timeouts of the child's sessions."""
        return SessionLimits(
            application_name=self.application_name,
            lock_timeout_ms=LOCK_TIMEOUT_MS,
            patient_lock_timeout_ms=PATIENT_LOCK_TIMEOUT_MS,
            patient_statement_timeout_ms=PATIENT_STATEMENT_TIMEOUT_MS,
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
            query_log=self.run.revision.phi,
        )

    @property
    def approved(self) -> tuple[str, ...]:
        """The names of the approved files, in the order in which they run."""
        return tuple(each.name for each in self.bundle.files)


def beside_name(database: str, *, word: str, run_id: int) -> str:
    """Return a database name beside the live one: never the live name itself, and the run's number never cut away (63 bytes)."""
    suffix = f"_{word}_{run_id}"
    return database[: LONGEST_NAME - len(suffix)] + suffix


def kept_stem(database: str, *, run_id: int) -> str:
    """Return how the names begin under which a run's restores keep what was live before them."""
    suffix = f"_damaged_{run_id}_"
    return database[: LONGEST_NAME - len(suffix) - LONGEST_FENCE] + suffix


def kept_name(database: str, *, run_id: int, fence: int) -> str:
    """Return under which name one restore keeps what was live before it: each has its own, so that a second one can follow."""
    return f"{kept_stem(database, run_id=run_id)}{fence}"


def bundle_of(plan: MigrationPlan, *, projects: Path) -> Bundle:
    """Return the plan's files and the customer's project that runs them."""
    files = tuple(
        ApprovedFile(name=each.name, content=bytes(each.content), sha256=each.sha256)
        for each in plan.files.order_by("position")
    )
    return Bundle(project=projects / plan.target.project, files=files)


def bundle_of_revision(revision: PlanRevision, *, target: Target, projects: Path) -> Bundle:
    """Return the files as the revision froze them, with the project that runs them on the target."""
    files = tuple(
        ApprovedFile(name=each.name, content=bytes(each.content), sha256=each.sha256)
        for each in revision.files.order_by("position")
    )
    return Bundle(project=projects / target.project, files=files)


def open_context(
    *, run_id: int, fence: int, tools: Tools, clock: Callable[[], datetime], public_url: str
) -> RunContext:
    """Load a claimed run."""
    run = MigrationRun.objects.select_related(
        "plan__author", "plan__target__group", "target__drill_target", "revision"
    ).get(pk=run_id)
    return RunContext(
        run=run,
        recorder=Recorder(run_id=run_id, fence=fence, clock=clock),
        tools=tools,
        bundle=bundle_of_revision(run.revision, target=run.target, projects=tools.projects),
        clock=clock,
        public_url=public_url,
    )
