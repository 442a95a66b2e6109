"""A migration tool that runs in the sandbox: what Sequelize CLI and Alembic have in common behind the driver port."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from migrations_portal.adapters import prepared_packages
from migrations_portal.adapters.sandbox import Job, Sandbox
from migrations_portal.adapters.sandboxed_tool import (
    DOOR,
    Listeners,
    ToolCall,
    call_folder,
    nothing,
)
from migrations_portal.adapters.socket_door_upstream import Transport
from migrations_portal.execution.ports import (
    Bundle,
    ChildResult,
    DriverFailed,
    DriverStatus,
    SentStatement,
    SessionLimits,
)
from migrations_portal.targets.ports import Endpoint, TargetSession


class SandboxedDriver(ABC):
    """Calls the tool once for each wish, with the approved files of the bundle, through the socket door."""

    tool: ClassVar[str]
    """How the tool is called in sentences."""
    packages_folder: ClassVar[str]
    """Where in the project its packages were installed ahead."""
    to_status: ClassVar[tuple[str, ...]]
    to_up: ClassVar[tuple[str, ...]]
    to_down: ClassVar[tuple[str, ...]]
    """The words of each call; the file's name follows the last two."""
    status_line: ClassVar[re.Pattern[str]]
    """A line of the status: `up` or `down`, and the file's name."""

    def __init__(
        self, *, scratch: Path, bwrap: Path | None, history_table: str, transport: Transport
    ) -> None:
        """Take a folder for the calls; raises `DriverMissing` without a sandbox."""
        self._sandbox = Sandbox(bwrap=bwrap)
        self._scratch = scratch
        self._history_table = history_table
        self._transport = transport

    @abstractmethod
    def check(self, bundle: Bundle) -> None:
        """Raise `DriverMissing` when the project's packages are not there."""

    def packages(self, bundle: Bundle) -> str:
        """Return the SHA-256 of what was installed ahead; raises `DriverMissing`."""
        self.check(bundle)
        return prepared_packages.digest(bundle.project / self.packages_folder)

    @abstractmethod
    def checked(self, name: str) -> str:
        """Return the name of a file; raise `DriverFailed` when it is none of this tool."""

    @abstractmethod
    def _lay_out(self, endpoint: Endpoint, bundle: Bundle, folder: Path) -> None:
        """Make in the call's folder what the tool reads."""

    @abstractmethod
    def _job(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        words: tuple[str, ...],
        limits: SessionLimits,
        folder: Path,
    ) -> Job:
        """Return the command, with what it sees and its environment."""

    def status(self, endpoint: Endpoint, bundle: Bundle, *, limits: SessionLimits) -> DriverStatus:
        """Ask the tool what is applied and pending; raise `DriverFailed` or `DriverMissing`."""
        result = self._call(endpoint, bundle, self.to_status, limits, Listeners(nothing, nothing))
        if result.exit_code != 0:
            said = result.output[-600:].strip() or "nothing"
            raise DriverFailed(
                f"{self.tool} could not report its status (exit code {result.exit_code}); it said: {said}"
            )
        found = [self.status_line.fullmatch(line.strip()) for line in result.output.splitlines()]
        rows = [(row[1], row[2]) for row in found if row]
        return DriverStatus(
            applied=tuple(name for word, name in rows if word == "up"),
            pending=tuple(name for word, name in rows if word == "down"),
            output=result.output,
        )

    def up(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = nothing,
        on_statement: Callable[[SentStatement], None] = nothing,
    ) -> ChildResult:
        """Apply exactly the file `name`; raises `DriverMissing`, and `DriverFailed` for a name that is none."""
        words = (*self.to_up, self.checked(name))
        return self._call(endpoint, bundle, words, limits, Listeners(on_output, on_statement))

    def down(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = nothing,
        on_statement: Callable[[SentStatement], None] = nothing,
    ) -> ChildResult:
        """Undo exactly the file `name`, never "the last one" (X11); raises like `up`."""
        words = (*self.to_down, self.checked(name))
        return self._call(endpoint, bundle, words, limits, Listeners(on_output, on_statement))

    def _call(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        words: tuple[str, ...],
        limits: SessionLimits,
        listeners: Listeners,
    ) -> ChildResult:
        self.check(bundle)
        with call_folder(self._scratch) as folder:
            self._lay_out(endpoint, bundle, folder)
            call = ToolCall(
                sandbox=self._sandbox,
                endpoint=endpoint,
                limits=limits,
                transport=self._transport,
                bookkeeping=self._history_table,
            )
            job = self._job(endpoint, bundle, words, limits, folder)
            return call.run(job, folder=folder, listeners=listeners)

    def _table(self) -> str:
        """Return the history table's name as SQL."""
        return '"' + self._history_table.replace('"', '""') + '"'

    def _has_history(self, session: TargetSession) -> bool:
        (row,) = session.rows("SELECT to_regclass(%s) IS NOT NULL AS there", [self._table()])
        return bool(row["there"])


def environment(endpoint: Endpoint, *, limits: SessionLimits) -> dict[str, str]:
    """Return what every tool in the sandbox has in its environment: a home, a clock in UTC, and the door as its server."""
    return {
        "HOME": "/tmp",  # noqa: S108 (inside the sandbox)
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PGHOST": DOOR,
        "PGPORT": "5432",
        "PGUSER": endpoint.user,
        "PGDATABASE": endpoint.database,
        "PGAPPNAME": limits.application_name,
    }
