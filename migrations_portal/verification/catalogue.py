"""The spec's verification queries, asked of a target through a session. Every query is a file in `sql/`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from migrations_portal.targets.ports import QueryFailed, TargetSession
from migrations_portal.verification.row_counts import RowsExpected, judge_count, own_rows
from migrations_portal.verification.rules import (
    Baseline,
    CheckResult,
    PlanCheck,
    broken_check,
    judge_answer,
    judge_names,
    judge_nulls,
    judge_orphans,
    judge_spans,
    judge_tables,
    resolve,
)

PLAN_CHECK_TIMEOUT = "30s"
Rows = list[dict[str, Any]]


def take_baseline(session: TargetSession, *, tables: Collection[str]) -> Baseline:
    """Look at the target before the run. `tables` are the ones that the plan touches."""
    listed = _tables(session)
    keys = _ask(session, "foreign_keys")
    return Baseline(
        tables=listed,
        unindexed_keys=tuple(key["id"] for key in keys if not key["indexed"]),
        orphans={
            key["id"]: _number(session, key["orphans"]) for key in keys if not key["validated"]
        },
        not_validated=_ids(session, "not_validated"),
        invalid_indexes=_ids(session, "invalid_indexes"),
        sequences_behind=_sequences_behind(session),
        spans=_spans(session, tables=resolve(tables, tables=listed)),
    )


def deleted_rows(session: TargetSession) -> dict[str, int]:
    """Return the server's counter of deleted rows, by table; it counts what was rolled back too."""
    return {row["table"]: int(row["deleted"]) for row in _ask(session, "deleted_rows")}


def verify(
    session: TargetSession,
    *,
    baseline: Baseline,
    expected: RowsExpected,
    affected: Collection[str],
    checks: Sequence[PlanCheck],
) -> tuple[CheckResult, ...]:
    """Run every check."""
    return (
        *_structure(session, baseline=baseline, affected=affected),
        *_data(session, baseline=baseline, expected=expected, affected=affected),
        *(_run_plan_check(session, check) for check in checks),
    )


def _structure(
    session: TargetSession, *, baseline: Baseline, affected: Collection[str]
) -> Iterator[CheckResult]:
    keys = _ask(session, "foreign_keys")
    yield judge_tables(before=baseline.tables, after=_tables(session), affected=affected)
    yield judge_orphans(
        before=baseline.orphans, after={key["id"]: _number(session, key["orphans"]) for key in keys}
    )
    yield judge_names(
        key="not-validated",
        title="Constraints are validated",
        noun="constraints that were never checked against the old rows",
        before=baseline.not_validated,
        after=_ids(session, "not_validated"),
        new_is="warning",  # the safe way adds a constraint NOT VALID and validates it in a later phase
    )
    yield judge_names(
        key="invalid-indexes",
        title="Indexes are valid",
        noun="invalid indexes",
        before=baseline.invalid_indexes,
        after=_ids(session, "invalid_indexes"),
        new_is="fail",
    )
    yield judge_names(
        key="foreign-key-indexes",
        title="Foreign keys are indexed",
        noun="foreign keys without an index",
        before=baseline.unindexed_keys,
        after=[key["id"] for key in keys if not key["indexed"]],
        new_is="fail",
    )
    yield judge_names(
        key="sequences",
        title="Sequences are ahead of their columns",
        noun="sequences behind their column",
        before=baseline.sequences_behind,
        after=_sequences_behind(session),
        new_is="fail",
    )


def _data(
    session: TargetSession,
    *,
    baseline: Baseline,
    expected: RowsExpected,
    affected: Collection[str],
) -> Iterator[CheckResult]:
    listed = _ask(session, "tables")
    present = {_full(row) for row in listed}
    reach = _reach(session)
    touched = _touched(affected, expected=expected, present=present, reach=reach)
    yield judge_nulls(_nulls(session, tables=touched))
    yield from count_rows(session, expected=expected, tables=touched, reach=reach)
    yield judge_spans(before=baseline.spans, after=_spans(session, tables=touched))
    rest = {
        _full(row): int(row["estimate"])
        for row in listed
        if _full(row) not in touched and not row["partitioned"]
    }
    yield CheckResult(
        "row-estimates",
        "Rows of all other tables",
        passed=True,
        severity="info",
        sentence=f"{len(rest)} tables that the plan does not touch, about {sum(rest.values()):,} rows (the planner's estimates).",
        facts={"estimates": rest},
    )


def count_rows(
    session: TargetSession,
    *,
    expected: RowsExpected,
    tables: Collection[str],
    reach: Mapping[str, Collection[str]],
) -> Iterator[CheckResult]:
    """Count each of the tables exactly, and hold it against what is expected."""
    counted = [table for table in tables if table in expected.counts]
    known = {"changes": expected.changed, "tried": expected.tried}
    own, tried = (
        own_rows(tables=counted, changes=each, announced=expected.announced, reach=reach)
        for each in known.values()
    )
    found = {table: session.count(*table.split(".", 1)) for table in counted}
    deleted = deleted_rows(
        session
    )  # after the counts: a deletion seen in a count is in the counter
    for table in counted:
        by_all = deleted.get(table, 0) - expected.deleted_before.get(table, 0)
        yield judge_count(
            table=table,
            before=expected.counts[table],
            after=found[table],
            own=own[table],
            others_deleted=max(0, by_all - tried[table].deleted) if by_all >= 0 else None,
        )


def recount(
    session: TargetSession, *, expected: RowsExpected, tables: Collection[str]
) -> tuple[CheckResult, ...]:
    """Judge the row counts of some tables once more."""
    return tuple(count_rows(session, expected=expected, tables=tables, reach=_reach(session)))


def _reach(session: TargetSession) -> dict[str, set[str]]:
    """Return which tables lose rows with which: partitions, and children with ON DELETE CASCADE."""
    found: dict[str, set[str]] = {}
    for row in _ask(session, "row_reach"):
        found.setdefault(row["table"], set()).add(row["reached"])
    return found


def _touched(
    affected: Collection[str],
    *,
    expected: RowsExpected,
    present: Collection[str],
    reach: Mapping[str, Collection[str]],
) -> tuple[str, ...]:
    """Return the tables to look at: those of the plan, and those whose rows the run changed, with what they reach."""
    changed = resolve([each.table for each in expected.changed if each.table], tables=present)
    reached = {other for table in changed for other in reach.get(table, ())}
    return tuple(sorted({*resolve(affected, tables=present), *changed, *(reached & set(present))}))


def _run_plan_check(session: TargetSession, check: PlanCheck) -> CheckResult:
    """Run a plan's own query where it cannot change anything: a read-only transaction with a short limit."""
    session.hold_snapshot()
    try:
        session.rows(f"SET LOCAL statement_timeout = '{PLAN_CHECK_TIMEOUT}'")
        return judge_answer(check, rows=session.rows(check.sql.replace("%", "%%")))
    except QueryFailed as failure:
        return broken_check(check, sentence=failure.sentence)
    finally:
        session.release_snapshot()


def _query(name: str) -> str:
    return (resources.files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def _ask(session: TargetSession, name: str) -> Rows:
    return session.rows(_query(name))


def _full(row: Mapping[str, Any]) -> str:
    return f"{row['schema']}.{row['name']}"


def _tables(session: TargetSession) -> tuple[str, ...]:
    return tuple(_full(row) for row in _ask(session, "tables"))


def _ids(session: TargetSession, name: str) -> tuple[str, ...]:
    return tuple(row["id"] for row in _ask(session, name))


def _generated(session: TargetSession, sql: str) -> dict[str, Any]:
    """Run a query that PostgreSQL itself wrote for us, with its own quoting."""
    return session.rows(sql.replace("%", "%%"))[0]


def _number(session: TargetSession, sql: str) -> int:
    return int(_generated(session, sql)["n"])


def _nulls(session: TargetSession, *, tables: Collection[str]) -> dict[str, int]:
    rows = _ask(session, "not_null")
    return {row["table"]: _number(session, row["nulls"]) for row in rows if row["table"] in tables}


def _sequences_behind(session: TargetSession) -> tuple[str, ...]:
    rows = _ask(session, "sequences")
    return tuple(row["id"] for row in rows if _generated(session, row["behind"])["behind"])


def _spans(
    session: TargetSession, *, tables: Collection[str]
) -> dict[str, tuple[str | None, str | None]]:
    spans = {}
    for row in _ask(session, "created_at"):
        if row["table"] in tables:
            found = _generated(session, row["span"])
            spans[row["table"]] = (found["oldest"], found["newest"])
    return spans
