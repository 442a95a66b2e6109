"""The history on a copy that has only the target's schema: a tool that looks what a file follows has to find it there."""

from collections.abc import Sequence

from migrations_portal.execution.ports import Bundle
from migrations_portal.runbooks.tools import Tools
from migrations_portal.targets.ports import Endpoint


def history_of(
    endpoint: Endpoint, bundle: Bundle, *, tools: Tools, application_name: str
) -> tuple[str, ...]:
    """Return what a database's history holds. Raises `TargetUnreachable`, `QueryFailed`, `DriverFailed`."""
    with tools.server.session(endpoint, application_name=application_name) as session:
        return tuple(tools.driver.history(session, bundle))


def carry_over(
    history: Sequence[str],
    *,
    into: Endpoint,
    bundle: Bundle,
    tools: Tools,
    application_name: str,
) -> None:
    """Record a history in the copy, but for the bundle's own files, which are about to run there."""
    own = {each.name for each in bundle.files}
    with tools.server.session(into, application_name=application_name) as session:
        for name in history:
            if name not in own:
                tools.driver.mark(session, bundle, name=name)
