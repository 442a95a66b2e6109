"""Reading from the target what really happened. The only source of an outcome; nothing here is guessed (X8 to X10)."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from migrations_portal.execution.ports import ChildResult
from migrations_portal.execution.rules import Outcome
from migrations_portal.runbooks.tools import RunContext


@dataclass(frozen=True)
class TargetState:
    """The history table and the schema of the target at one instant."""

    history: tuple[str, ...]
    schema: str


def read_state(context: RunContext) -> TargetState:
    """Read history and schema now. Raises `TargetUnreachable`, `QueryFailed`, `DumpFailed`."""
    name = f"{context.application_name}-truth"
    with context.tools.server.session(context.endpoint, application_name=name) as session:
        history = tuple(context.tools.driver.history(session, context.bundle))
    return TargetState(history=history, schema=context.tools.dump.schema(context.endpoint))


def schema_difference(before: str, after: str) -> list[str]:
    """Return the lines that differ, marked "- " and "+ ", with one line of context."""
    rows = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return [row for row in rows if not row.startswith(("---", "+++"))]


def judge(*, name: str, result: ChildResult, before: TargetState, after: TargetState) -> Outcome:
    """Say what one file did.

    1. Recorded in the history and the tool ended with 0: applied.
    2. Recorded although the tool failed: unknown, people look.
    3. Not recorded, schema equal, and the door saw nothing committed: nothing changed.
    4. Not recorded, but the schema moved or a write was committed: partial.
    5. Not recorded, and the answer to a commit was lost on the way: unknown.
    """
    if name in after.history and name not in before.history:
        return Outcome.APPLIED if result.exit_code == 0 else Outcome.UNKNOWN
    if after.schema != before.schema or result.committed_writes:
        return Outcome.PARTIAL
    if result.outcome_unknown:
        return Outcome.UNKNOWN
    return Outcome.NOTHING_CHANGED


def added(*, before: Sequence[str], after: Sequence[str]) -> set[str]:
    """Return the names that the history gained."""
    return set(after) - set(before)
