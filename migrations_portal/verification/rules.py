"""What a check is, what was there before the run, and how the two are compared. Never holds row values, only names and counts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

Severity = Literal["fail", "warning", "info"]
SHOWN = 5
"""Names in a sentence; all of them are in the facts."""


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
class PlanCheck:
    """A plan's own query and the one value that it must return, as text."""

    name: str
    sql: str
    expected: str


@dataclass(frozen=True)
class CheckResult:
    """What one check found. `severity` says what it means when it did not pass."""

    key: str
    title: str
    passed: bool
    severity: Severity
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """The target before the run, so that only what the run changed can fail."""

    tables: tuple[str, ...]
    unindexed_keys: tuple[str, ...]
    orphans: Mapping[str, int]
    """Orphans of the foreign keys that were not validated; a validated one has none."""
    not_validated: tuple[str, ...]
    invalid_indexes: tuple[str, ...]
    sequences_behind: tuple[str, ...]
    spans: Mapping[str, tuple[str | None, str | None]]
    """Oldest and newest createdAt of the affected tables, as PostgreSQL writes them in UTC."""

    def as_json(self) -> dict[str, Any]:
        """Return the baseline as JSON values."""
        return {
            "tables": list(self.tables),
            "unindexed_keys": list(self.unindexed_keys),
            "orphans": dict(self.orphans),
            "not_validated": list(self.not_validated),
            "invalid_indexes": list(self.invalid_indexes),
            "sequences_behind": list(self.sequences_behind),
            "spans": {table: list(span) for table, span in self.spans.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Baseline":
        """Read what `as_json` wrote."""
        return cls(
            tables=tuple(data["tables"]),
            unindexed_keys=tuple(data["unindexed_keys"]),
            orphans=dict(data["orphans"]),
            not_validated=tuple(data["not_validated"]),
            invalid_indexes=tuple(data["invalid_indexes"]),
            sequences_behind=tuple(data["sequences_behind"]),
            spans={table: (span[0], span[1]) for table, span in data["spans"].items()},
        )


def resolve(names: Collection[str], *, tables: Collection[str]) -> tuple[str, ...]:
    """Return the full names (`schema.table`) that `names` mean; a bare name means `public`, else any schema."""
    found: set[str] = set()
    for name in names:
        if name in tables:
            found.add(name)
        elif f"public.{name}" in tables:
            found.add(f"public.{name}")
        else:
            found |= {table for table in tables if table.partition(".")[2] == name}
    return tuple(sorted(found))


def judge_tables(
    *, before: Collection[str], after: Collection[str], affected: Collection[str]
) -> CheckResult:
    """No table may be gone that the plan does not touch; one that it touches is named."""
    gone = sorted(set(before) - set(after))
    touched = resolve(affected, tables=before)
    strangers = [name for name in gone if name not in touched]
    severity: Severity = "fail" if strangers else "warning"
    facts = {"tables": len(after), "gone": gone, "new": sorted(set(after) - set(before))}
    said = (
        f"{len(after)} tables; gone: {_names(gone)}."
        if gone
        else f"{len(after)} tables, none is gone."
    )
    return CheckResult(
        "tables", "Tables", passed=not gone, severity=severity, sentence=said, facts=facts
    )


def judge_orphans(*, before: Mapping[str, int], after: Mapping[str, int]) -> CheckResult:
    """No foreign key may have more orphans than before."""
    found = {key: count for key, count in after.items() if count}
    worse = {key: count for key, count in found.items() if count > before.get(key, 0)}
    named = [f"{key} ({count:,} rows)" for key, count in (worse or found).items()]
    severity: Severity = "fail" if worse else "warning"
    said = (
        f"Rows without their parent: {_names(named)}."
        if found
        else f"All {len(after)} foreign keys hold."
    )
    facts = {"foreign_keys": len(after), "orphans": found}
    return CheckResult(
        "foreign-keys",
        "Foreign keys are valid",
        passed=not found,
        severity=severity,
        sentence=said,
        facts=facts,
    )


def judge_names(
    *,
    key: str,
    title: str,
    noun: str,
    before: Collection[str],
    after: Collection[str],
    new_is: Severity,
) -> CheckResult:
    """Nothing bad may have been added: new names have the severity `new_is`, old ones are warnings."""
    new = sorted(set(after) - set(before))
    severity: Severity = new_is if new else "warning"
    old = f"{len(after)} {noun}, all from before this run." if after else f"No {noun}."
    said = f"New {noun}: {_names(new)}." if new else old
    return CheckResult(
        key,
        title,
        passed=not after,
        severity=severity,
        sentence=said,
        facts={"new": new, "old": sorted(set(after) - set(new))},
    )


def judge_nulls(found: Mapping[str, int]) -> CheckResult:
    """A NOT NULL column holds no NULL."""
    bad = {table: count for table, count in found.items() if count}
    named = [f"{table} ({count:,} rows)" for table, count in bad.items()]
    said = (
        f"NULL in columns that are NOT NULL: {_names(named)}."
        if bad
        else f"NOT NULL holds in {len(found)} tables."
    )
    return CheckResult(
        "not-null",
        "NOT NULL really holds",
        passed=not bad,
        severity="fail",
        sentence=said,
        facts={"tables": len(found), "nulls": bad},
    )


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
    if not own.announced and (own.deleted or not own.exact):
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
    """Say whether rows are missing that nothing explains yet: the server's counters may be some seconds late."""
    return any(
        each.key == "row-count" and each.severity == "fail" and not each.passed for each in results
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


def judge_spans(
    *,
    before: Mapping[str, tuple[str | None, str | None]],
    after: Mapping[str, tuple[str | None, str | None]],
) -> CheckResult:
    """The oldest record may not be younger and the newest not older than before; the instants themselves are not shown."""
    moved = sorted(
        table
        for table, (oldest, newest) in before.items()
        if table in after and _moved((oldest, newest), after[table])
    )
    said = (
        f"Oldest or newest record changed, as after a deletion: {_names(moved)}."
        if moved
        else f"Oldest and newest createdAt are kept in {len(after)} tables."
    )
    facts = {"tables": sorted(after), "moved": moved}
    return CheckResult(
        "created-at",
        "Oldest and newest records",
        passed=not moved,
        severity="warning",
        sentence=said,
        facts=facts,
    )


def _moved(before: tuple[str | None, str | None], after: tuple[str | None, str | None]) -> bool:
    oldest, newest = before
    if oldest is None or newest is None:
        return False
    return after[0] is None or after[1] is None or after[0] > oldest or after[1] < newest


def judge_answer(check: PlanCheck, *, rows: Sequence[Mapping[str, Any]]) -> CheckResult:
    """The plan's query must give one row with one value, and that value. What it gave is not shown: it may be PHI."""
    title = f"Plan's check: {check.name}"
    if len(rows) != 1 or len(rows[0]) != 1:
        said = f"{check.name}: the query must return one row with one column, but returned {len(rows)} rows."
        return CheckResult(
            "plan-check",
            title,
            passed=False,
            severity="fail",
            sentence=said,
            facts={"rows": len(rows)},
        )
    passed = _text(next(iter(rows[0].values()))) == _expected(check.expected)
    said = f"{check.name}: {'as expected' if passed else 'another value than the plan expects'}."
    return CheckResult(
        "plan-check", title, passed=passed, severity="fail", sentence=said, facts={"rows": 1}
    )


def broken_check(check: PlanCheck, *, sentence: str) -> CheckResult:
    """The plan's query could not be run."""
    return CheckResult(
        "plan-check",
        f"Plan's check: {check.name}",
        passed=False,
        severity="fail",
        sentence=f"{check.name}: {sentence}",
    )


def _text(value: object) -> str:
    if value is None:
        return "null"
    return ("true" if value else "false") if isinstance(value, bool) else str(value).strip()


def _expected(text: str) -> str:
    """People write t, TRUE or NULL as they like."""
    plain = text.strip()
    words = {"t": "true", "true": "true", "f": "false", "false": "false", "null": "null"}
    return words.get(plain.lower(), plain)


def _names(names: Sequence[str]) -> str:
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest
