"""The rows of each table held against the backup's: what the run did, what others did, and what is lost. There is no tolerance."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from migrations_portal.verification.rules import CheckResult, Severity, resolve


class RowChange(Protocol):
    """Rows that came into and went out of one table by the run itself; see `execution.row_changes`."""

    @property
    def table(self) -> str:
        """As the statement names it; empty when it cannot be told."""
        ...

    @property
    def inserted(self) -> int:
        """Rows that came in."""
        ...

    @property
    def deleted(self) -> int:
        """Rows that went out."""
        ...

    @property
    def exact(self) -> bool:
        """Whether the two numbers are all that happened."""
        ...


@dataclass(frozen=True)
class RowsExpected:
    """What is known about the rows before the checks count them."""

    counts: Mapping[str, int]
    """Exact rows of every table in the backup's snapshot."""
    changed: Sequence[RowChange] = ()
    """What the run's committed statements did."""
    tried: Sequence[RowChange] = ()
    """The same with what was rolled back, which the server's counters hold too."""
    announced: frozenset[str] = frozenset()
    """Tables, as written, whose rows the approved statements change."""
    deleted_before: Mapping[str, int] = field(default_factory=dict)
    """The server's counters of deleted rows, read before the backup."""


@dataclass(frozen=True)
class OwnRows:
    """What the run itself did to one table, as the socket door counted it, and whether the approved plan shows it."""

    announced: bool
    """The approved assessment holds a statement that inserts into or deletes from this table."""
    inserted: int = 0
    deleted: int = 0
    exact: bool = True
    """False after a TRUNCATE, MERGE, upsert, or a change inside WITH or DO: the server's answer does not count those."""
    reached_from: str = ""
    """A table whose rows the run deleted and whose foreign key (ON DELETE CASCADE) or partition this one is."""

    @property
    def unannounced(self) -> bool:
        """Whether the run took out, or may have taken out, rows without the approved plan showing it."""
        return not self.announced and bool(self.deleted or not self.exact)


def judge_count(
    *, table: str, before: int, after: int, own: OwnRows, others_deleted: int | None
) -> CheckResult:
    """Hold the exact number of rows against the backup's, the run's own announced changes, and the application's.

    1. Rows that the run took out without the approved plan showing it: fails.
    2. As many as expected, or more (the application goes on writing): passes.
    3. Fewer, but the application itself deleted at least as many meanwhile (`others_deleted`, by the server's counters;
       None when they were reset): told as a warning.
    4. Fewer, where the run's own announced change cannot be counted: told as a warning, and why.
    5. Fewer: loss, fails. There is no tolerance.
    """
    net = own.inserted - own.deleted if own.announced and own.exact else 0
    missing = before + net - after
    facts = {
        "table": table,
        "before": before,
        "announced": net,
        "after": after,
        "own": {"inserted": own.inserted, "deleted": own.deleted, "exact": own.exact},
        "unannounced": own.unannounced,
        "others_deleted": others_deleted,
    }
    change = f" and an announced change of {net:+,}" if net else ""
    said = f"{table}: {after:,} rows after {before:,} in the backup{change}"
    severity, more = _loss(own, missing=missing, others_deleted=others_deleted)
    if severity is None:
        more = f"; {-missing:,} came in meanwhile" if missing < 0 else ""
    return CheckResult(
        "row-count",
        f"Rows of {table}",
        passed=severity is None,
        severity=severity or "fail",
        sentence=f"{said}{more}.",
        facts=facts,
    )


def _loss(own: OwnRows, *, missing: int, others_deleted: int | None) -> tuple[Severity | None, str]:
    """Return how bad it is, None when all is well, and the end of the sentence."""
    if own.unannounced:
        gone = f"{own.deleted:,} rows" if own.exact else "an unknown number of rows"
        return (
            "fail",
            f"; the migration took out {gone}, which the approved assessment does not show",
        )
    if missing <= 0:
        return None, ""
    if others_deleted is not None and missing <= others_deleted and not own.reached_from:
        return (
            "warning",
            f"; {missing:,} fewer, and the application deleted {others_deleted:,} meanwhile",
        )
    if own.announced and not own.exact:
        return (
            "warning",
            f"; {missing:,} fewer, by an announced change that the server does not count",
        )
    if own.announced and own.reached_from:
        return (
            "warning",
            f"; {missing:,} fewer, which go with the rows deleted from {own.reached_from}",
        )
    return "fail", f"; {missing:,} are missing"


def lost(results: Sequence[CheckResult]) -> bool:
    """Say whether rows are missing that nothing explains yet: the server's counters may be some seconds late.

    What the run itself took out without the plan showing it is judged; no counter that is still to come changes that.
    """
    return any(
        each.key == "row-count"
        and each.severity == "fail"
        and not each.passed
        and not each.facts["unannounced"]
        for each in results
    )


def own_rows(
    *,
    tables: Collection[str],
    changes: Sequence[RowChange],
    announced: Collection[str],
    reach: Mapping[str, Collection[str]],
) -> dict[str, OwnRows]:
    """Return what the run did to each of `tables`.

    `announced` are the tables, as written, whose rows the approved statements change; `reach` names for each table those
    that lose rows with it (foreign keys with ON DELETE CASCADE, partitions).
    """
    known = resolve(announced, tables=tables)
    found = {table: OwnRows(announced=table in known) for table in tables}
    for change in changes:
        for table in resolve([change.table], tables=tables) if change.table else ():
            mine = found[table]
            found[table] = replace(
                mine,
                inserted=mine.inserted + change.inserted,
                deleted=mine.deleted + change.deleted,
                exact=mine.exact and change.exact,
            )
    for table in [each for each, mine in found.items() if mine.deleted or not mine.exact]:
        for other in _reached(table, reach):
            if other in found and other != table and not found[other].deleted:
                found[other] = replace(
                    found[other],
                    reached_from=table,
                    announced=found[other].announced or found[table].announced,
                )
    return found


def _reached(table: str, reach: Mapping[str, Collection[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [table]
    while waiting:
        for other in reach.get(waiting.pop(), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen
