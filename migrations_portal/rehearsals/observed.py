"""What a rehearsal saw, as values: calls of the tool, locks that were really held, rewrites. Never row values (S10)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

BLOCKS: Mapping[str, str] = {
    "AccessExclusiveLock": "reads and writes",
    "ExclusiveLock": "writes",
    "ShareRowExclusiveLock": "writes",
    "ShareLock": "writes",
    "ShareUpdateExclusiveLock": "",
    "RowExclusiveLock": "",
    "RowShareLock": "",
    "AccessShareLock": "",
}
"""What the application cannot do meanwhile (PostgreSQL documentation, "Table-Level Locks")."""

LOCK_NAMES = {
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
    "RowShareLock": "ROW SHARE",
    "AccessShareLock": "ACCESS SHARE",
}


@dataclass(frozen=True)
class SeenLock:
    """One table locked in one mode by one session, from the first sample that saw it to the first that did not."""

    table: str
    mode: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it was held."""
        return self.end - self.start

    @property
    def blocks(self) -> str:
        """What the application cannot do meanwhile; empty for a lock that lets reads and writes through."""
        return BLOCKS.get(self.mode, "reads and writes")


@dataclass(frozen=True)
class Sample:
    """What `pg_locks` said at one instant (seconds on our monotonic clock)."""

    at: float
    held: frozenset[tuple[int, str, str]]
    """(backend, table, mode)."""


def spans(samples: Sequence[Sample]) -> list[SeenLock]:
    """Join samples into spans: a lock is held from the first sample with it until the first without it."""
    since: dict[tuple[int, str, str], float] = {}
    found: list[SeenLock] = []
    for sample in samples:
        gone = [each for each in since if each not in sample.held]
        found += [SeenLock(key[1], key[2], since.pop(key), sample.at) for key in gone]
        for key in sample.held:
            since.setdefault(key, sample.at)
    last = samples[-1].at if samples else 0.0
    found += [SeenLock(key[1], key[2], start, last) for key, start in since.items()]
    return sorted(found, key=lambda each: (each.start, each.table, each.mode))


@dataclass(frozen=True)
class MeasuredStatement:
    """One statement of a file as it really ran on the copy."""

    file: str
    phase: str
    sql: str
    start: float
    seconds: float
    tag: str
    sqlstate: str
    rows: int | None = None

    @classmethod
    def rows_of(cls, tag: str) -> int | None:
        """Return the rows that a command tag counts: 3 of "UPDATE 3" or "INSERT 0 3"."""
        last = tag.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else None


@dataclass(frozen=True)
class FileCall:
    """One file, up or down, and whether the history says so too."""

    file: str
    phase: str
    exit_code: int
    seconds: float
    recorded: bool
    """Whether the history holds what it should after this call."""
    committed: int = 0
    """How many changes the call committed."""
    said: str = ""
    """The tool's last words, without row values."""
    sqlstate: str = ""
    timed_out: bool = False

    @property
    def worked(self) -> bool:
        """Whether the tool said so and the history too."""
        return self.exit_code == 0 and self.recorded and not self.timed_out


@dataclass(frozen=True)
class Rewrite:
    """A table or index whose file changed: PostgreSQL wrote it anew."""

    file: str
    relation: str
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True)
class SentOtherwise:
    """A file that sent other SQL on the copy than when it was assessed; its statements without the values of rows."""

    file: str
    new: tuple[str, ...]
    """Sent here, never assessed."""
    missing: tuple[str, ...]
    """Assessed, not sent here."""


@dataclass(frozen=True)
class Observed:
    """Everything that a rehearsal saw, ready to be judged."""

    calls: tuple[FileCall, ...] = ()
    statements: tuple[MeasuredStatement, ...] = ()
    locks: tuple[SeenLock, ...] = ()
    """Locks of the first way up."""
    rewrites: tuple[Rewrite, ...] = ()
    failed_checks: tuple[str, ...] = ()
    left_after_down: tuple[str, ...] | None = None
    """Schema lines that differ from before after going down; None when it was not tried."""
    counts_after_down: tuple[str, ...] = ()
    """Tables whose rows are not as before after going down, in words."""
    contents_after_down: tuple[str, ...] = ()
    """Tables with as many rows as before, but not the same."""
    second_up: tuple[str, ...] | None = None
    """What differs between the first and the second time up; None when it was not tried."""
    third_up_changes: int | None = None
    """Changes that were committed although everything was applied already; None when it was not tried."""
    has_rows: bool = True
    otherwise: tuple[SentOtherwise, ...] = ()
    raises: str = ""
    """What the plan would be with what was sent here and never assessed ("HIGH instead of LOW"); empty when the same."""
    scale: float = 1.0
    """Production's rows over the copy's, in the tables that the files touch; 1 when the copy is as large."""

    def calls_of(self, phase: str) -> list[FileCall]:
        """Return the calls of one phase, in order."""
        return [each for each in self.calls if each.phase == phase]

    def seconds_of(self, phase: str) -> float:
        """Return how long the statements of a phase took, without the start of the tool."""
        return sum(each.seconds for each in self.statements if each.phase == phase)


@dataclass
class Clock:
    """Lays the files of a phase end to end on one time axis: the starts of the tool between them tell nothing."""

    offset: float = 0.0
    zero: float = field(default=0.0)

    def lay(
        self, statements: Iterable[MeasuredStatement], locks: Iterable[SeenLock]
    ) -> tuple[list[MeasuredStatement], list[SeenLock]]:
        """Return both, moved to where this file begins, and move on to its end."""
        own, held = list(statements), list(locks)
        if not own:
            return [], []
        first = own[0].start
        last = max([each.start + each.seconds for each in own] + [each.end for each in held])
        shift = self.offset - first
        self.offset += last - first
        moved = [MeasuredStatement(**{**asdict(each), "start": each.start + shift}) for each in own]
        lifted = [
            SeenLock(each.table, each.mode, max(self.zero, each.start + shift), each.end + shift)
            for each in held
        ]
        return moved, lifted


def as_json(value: Any) -> Any:
    """Return a dataclass as JSON values, seconds to the millisecond."""
    return {
        name: round(each, 3)
        if isinstance(each, float)
        else str(each)
        if isinstance(each, StrEnum)
        else each
        for name, each in asdict(value).items()
    }
