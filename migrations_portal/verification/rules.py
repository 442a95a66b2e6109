"""What a check is, what was there before the run, and how the two are compared. Never holds row values, only names and counts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["fail", "warning", "info"]
SHOWN = 5
"""Names in a sentence; all of them are in the facts."""


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
    found = "as expected" if passed else "another value than the plan expects"
    said = f"“{check.name}”: {found}."
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
