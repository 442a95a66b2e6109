"""How long each statement works and how long others wait for it, from the target's sizes and rates measured on its server.

The engine predicts with the rates that `forecast` keeps for a server that nobody has measured. Here the rates of a calibration
take their place, indexes and heap are told apart, and a lock counts until the end of its transaction.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrations_portal.risk.forecast import CHANGE, DOWNTIME_SECONDS, REWRITE, SCAN, Rate
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.scripts import placed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from migrations_portal.risk.catalogue import TableSize
    from migrations_portal.risk.findings import StatementRisk
    from migrations_portal.risk.scripts import Placed, ScriptFile

LIMIT_SECONDS = DOWNTIME_SECONDS
"""The strategy's target: less than 30 s of downtime."""


class Work(enum.StrEnum):
    """Kinds of work whose speed differs by far. Bytes per second, or rows per second where the rows decide."""

    REWRITE = "rewrite"
    SCAN = "scan"
    INDEX = "index"
    FOREIGN_KEY = "foreign_key"
    CHANGE = "change"

    @property
    def in_rows(self) -> bool:
        """Whether the amount is rows; bytes otherwise."""
        return self in {Work.INDEX, Work.FOREIGN_KEY, Work.CHANGE}

    def amount(self, size: TableSize) -> float:
        """How much of this work a table is."""
        if self.in_rows:
            return size.rows
        return size.bytes if self is Work.REWRITE else size.heap


USUAL_RATES: Mapping[Work, Rate] = {
    Work.REWRITE: REWRITE,
    Work.SCAN: SCAN,
    Work.INDEX: Rate(900_000, 200_000, 2_500_000),
    Work.FOREIGN_KEY: Rate(2_000_000, 400_000, 5_000_000),
    Work.CHANGE: CHANGE,
}
"""Estimates for a server that nobody has calibrated: those of `forecast`, and for index builds and key checks the order of
magnitude that calibrations of small tables on PostgreSQL 17 and two cores gave. A calibration replaces all of them."""


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds: the usual, the shortest and the longest that are to be expected."""

    usual: float = 0.0
    shortest: float = 0.0
    longest: float = 0.0

    def __add__(self, other: Span) -> Span:
        """One after the other."""
        return Span(
            self.usual + other.usual,
            self.shortest + other.shortest,
            self.longest + other.longest,
        )

    def holds(self, seconds: float) -> bool:
        """Whether a measured time lies within the interval."""
        return self.shortest <= seconds <= self.longest

    def as_json(self) -> list[float]:
        """Three numbers, to the millisecond."""
        return [round(each, 3) for each in (self.usual, self.shortest, self.longest)]


ONE_STATEMENT = Span(0.01, 0.0, 0.25)
"""What a statement takes that only changes the catalogue: planning, its own writes, one round trip; more on a busy server."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One statement: how long it works, and how long others wait because of the locks that it takes."""

    work: Span
    rows: int = 0
    known: bool = True
    """False when the size of a table that it works on is not known: then nothing can be said of its time."""
    blocked: Span | None = None
    """From its own begin to the end of its transaction; None when nobody has to wait."""
    table: str = ""
    """The table that others wait for."""
    blocks: str = ""
    """What waits: "reads and writes", "writes"."""

    def as_json(self) -> dict[str, Any]:
        """The shape that is stored and that the API shows."""
        return {
            "seconds": self.work.as_json(),
            "rows": self.rows,
            "known": self.known,
            "blocked_seconds": None if self.blocked is None else self.blocked.as_json(),
            "table": self.table,
            "blocks": self.blocks,
        }


def predict(
    statements: Sequence[StatementRisk],
    *,
    files: Sequence[ScriptFile],
    sizes: Mapping[str, TableSize],
    rates: Mapping[Work, Rate] = USUAL_RATES,
) -> tuple[Prediction, ...]:
    """Predict statements that were judged from these files, in the order of both."""
    places = places_of(files)
    works = [
        _work(risk, place, sizes, rates) for risk, place in zip(statements, places, strict=True)
    ]
    return tuple(
        _prediction(number, statements, places, works, sizes) for number in range(len(statements))
    )


def places_of(files: Sequence[ScriptFile]) -> list[Placed]:
    """The statements with their transactions, numbered as the engine does it: no two files share one."""
    found: list[Placed] = []
    transaction = 0
    for script in files:
        for place in placed(script, first=transaction + 1):
            found.append(place)
            transaction = max(transaction, place.transaction)
        transaction += 1
    return found


def _work(
    risk: StatementRisk,
    place: Placed,
    sizes: Mapping[str, TableSize],
    rates: Mapping[Work, Rate],
) -> Span | None:
    """How long the statement works; None when a size is missing."""
    total = ONE_STATEMENT
    for table in {*risk.rewrites, *risk.scans}:
        if (size := sizes.get(table)) is None:
            return None
        kind = Work.REWRITE if table in risk.rewrites else _reading(risk, place)
        total += Span(*rates[kind].times(kind.amount(size)))
    return total


_DATA = frozenset({"UpdateStmt", "DeleteStmt", "InsertStmt", "MergeStmt", "CopyStmt"})
_KEYS = frozenset({"CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"})


def _reading(risk: StatementRisk, place: Placed) -> Work:
    """What reading every row is for: a check, an index, a foreign key, or to change the rows."""
    kind, node = place.statement.kind, place.statement.node
    if kind in _DATA:
        return Work.CHANGE
    if kind in {"IndexStmt", "ReindexStmt"}:
        return Work.INDEX
    kinds = {command.get("def", {}).get("Constraint", {}).get("contype") for command in _commands(node)}  # fmt: skip
    if "CONSTR_FOREIGN" in kinds or len(risk.held) > 1:
        return Work.FOREIGN_KEY
    return Work.INDEX if kinds & _KEYS else Work.SCAN


def _commands(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in node.get("cmds", ()):
        if "AlterTableCmd" in item:
            yield item["AlterTableCmd"]


def _prediction(
    number: int,
    statements: Sequence[StatementRisk],
    places: Sequence[Placed],
    works: Sequence[Span | None],
    sizes: Mapping[str, TableSize],
) -> Prediction:
    risk, work = statements[number], works[number]
    rows = sum(sizes[name].rows for name in {*risk.rewrites, *risk.scans} if name in sizes)
    table, lock = strongest(risk)
    if not lock.blocks_writes:
        return Prediction(work or Span(), rows, known=work is not None)
    held = [work]
    if places[number].transaction:
        held += [
            works[later]
            for later in range(number + 1, len(statements))
            if places[later].transaction == places[number].transaction
        ]
    known = all(each is not None for each in held)
    blocked = sum((each for each in held if each is not None), Span())
    return Prediction(work or Span(), rows, known, blocked if known else None, table, lock.blocks)


def strongest(risk: StatementRisk) -> tuple[str, Lock]:
    """The table that is locked most, the one that is worked on before others."""
    if not risk.held:
        return "", Lock.ACCESS_SHARE
    worked = {*risk.rewrites, *risk.scans}
    return max(risk.held.items(), key=lambda held: (held[1], held[0] in worked))
