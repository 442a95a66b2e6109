"""One driver in front of several: the kind of a plan's files decides which tool runs them."""

from collections.abc import Callable, Mapping, Sequence

from migrations_portal.adapters.sandboxed_tool import nothing
from migrations_portal.execution.ports import (
    Bundle,
    ChildResult,
    DriverFailed,
    DriverStatus,
    MigrationDriver,
    SentStatement,
    SessionLimits,
)
from migrations_portal.targets.ports import Endpoint, TargetSession


class DriverByKind:
    """Passes every call on. Does not mix tools: each keeps a history of its own, and their order would be lost."""

    def __init__(self, drivers: Mapping[str, MigrationDriver]) -> None:
        """Take a driver for each ending of a file name, such as `.js`; the first serves a bundle without files."""
        self._drivers = dict(drivers)

    def check(self, bundle: Bundle) -> None:
        """Ask the tool of these files."""
        self._of(bundle).check(bundle)

    def packages(self, bundle: Bundle) -> str:
        """Ask the tool of these files."""
        return self._of(bundle).packages(bundle)

    def status(self, endpoint: Endpoint, bundle: Bundle, *, limits: SessionLimits) -> DriverStatus:
        """Ask the tool of these files."""
        return self._of(bundle).status(endpoint, bundle, limits=limits)

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
        """Have the file applied by its tool."""
        return self._of(bundle).up(
            endpoint,
            bundle,
            name=name,
            limits=limits,
            on_output=on_output,
            on_statement=on_statement,
        )

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
        """Have the file undone by its tool."""
        return self._of(bundle).down(
            endpoint,
            bundle,
            name=name,
            limits=limits,
            on_output=on_output,
            on_statement=on_statement,
        )

    def history(self, session: TargetSession, bundle: Bundle) -> Sequence[str]:
        """Read the history of the tool of these files."""
        return self._of(bundle).history(session, bundle)

    def mark(self, session: TargetSession, bundle: Bundle, *, name: str) -> None:
        """Record the file in the history of its tool."""
        self._of(bundle).mark(session, bundle, name=name)

    def _of(self, bundle: Bundle) -> MigrationDriver:
        endings = {"." + file.name.rpartition(".")[2] for file in bundle.files}
        if len({id(self._drivers.get(ending)) for ending in endings}) > 1:
            raise DriverFailed(
                "The plan mixes files of different tools, whose histories know nothing of each other. "
                "Open one plan per tool. Nothing was run."
            )
        ending = min(endings, default=next(iter(self._drivers)))
        if ending not in self._drivers:
            raise DriverFailed(f"No tool here runs files ending in {ending}. Nothing was run.")
        return self._drivers[ending]
