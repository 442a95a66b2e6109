"""What a rehearsal collects while it goes on, and how the tool's clock is laid on ours."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migrations_portal.execution.ports import SentStatement
from migrations_portal.execution.recording import RecordedScript
from migrations_portal.rehearsals.observed import FileCall, MeasuredStatement, Rewrite, SeenLock
from migrations_portal.verification.rules import CheckResult


@dataclass
class Seen:
    """Collects what the phases see."""

    calls: list[FileCall] = field(default_factory=list)
    statements: list[MeasuredStatement] = field(default_factory=list)
    locks: list[SeenLock] = field(default_factory=list)
    rewrites: list[Rewrite] = field(default_factory=list)
    phases: list[dict[str, Any]] = field(default_factory=list)
    checks: tuple[CheckResult, ...] = ()
    difference: list[str] = field(default_factory=list)
    size_before: int = 0
    size_after: int = 0
    sent: dict[str, RecordedScript] = field(default_factory=dict)
    """What each file sent going up the first time."""


@dataclass(frozen=True)
class State:
    """The copy at one instant."""

    schema: str
    counts: Mapping[str, int]
    contents: Mapping[str, str]


class Aligned:
    """Finds out when the tool was started on our clock: what we hear of a statement is never earlier than its end."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._born = float("inf")

    def hear(self, sent: SentStatement) -> None:
        """Take note of when a statement was told."""
        self._born = min(self._born, time.monotonic() - (sent.started_at + sent.seconds))

    def moved(self, locks: Sequence[SeenLock]) -> list[SeenLock]:
        """Return the locks on the tool's clock; none when it sent nothing."""
        if self._born == float("inf"):
            return []
        return [
            SeenLock(each.table, each.mode, each.start - self._born, each.end - self._born)
            for each in locks
        ]


def measured(name: str, phase: str, sent: Sequence[SentStatement]) -> list[MeasuredStatement]:
    """Return what the door saw, as the rehearsal keeps it; very long statements are cut."""
    return [
        MeasuredStatement(
            file=name,
            phase=phase,
            sql=each.sql[:2_000],
            start=each.started_at,
            seconds=each.seconds,
            tag=each.tag,
            sqlstate=each.sqlstate,
            rows=MeasuredStatement.rows_of(each.tag),
        )
        for each in sent
    ]
