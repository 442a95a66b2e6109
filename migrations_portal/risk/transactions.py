"""What only the statements of a transaction together show: locks held through data changes or slow work, half files."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from migrations_portal.risk.findings import Finding
from migrations_portal.risk.forecast import added, level_of
from migrations_portal.risk.levels import LOW
from migrations_portal.risk.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrations_portal.risk.forecast import Forecast
    from migrations_portal.risk.judge import Step
    from migrations_portal.risk.scripts import ScriptFile

_NOT_VALID = frozenset({"add-check-not-valid", "add-foreign-key-not-valid"})
_ABOUT_VALIDITY = _NOT_VALID | {"validate-constraint"}
_READS = frozenset({
    "SelectStmt", "VariableSetStmt", "VariableShowStmt", "TransactionStmt", "ExplainStmt", "DeclareCursorStmt", "FetchStmt",
    "ClosePortalStmt", "PrepareStmt", "DeallocateStmt", "DiscardStmt", "ListenStmt", "UnlistenStmt", "ConstraintsSetStmt",
})  # fmt: skip


def judge_transactions(steps: Sequence[Step]) -> None:
    """Add to each statement what it does wrong in its transaction."""
    for step in steps:
        if step.refuses and step.certain:
            step.add("concurrent-in-transaction", what=step.refuses)
    for members in _runs(steps):
        if members[0].transaction:
            _judge_one(members)


def _runs(steps: Sequence[Step]) -> list[list[Step]]:
    """Statements in a row that share their file and their transaction."""
    runs: list[list[Step]] = []
    place: tuple[str, int] | None = None
    for step in steps:
        if (step.risk.file, step.transaction) != place:
            place = step.risk.file, step.transaction
            runs.append([])
        runs[-1].append(step)
    return runs


def _judge_one(steps: list[Step]) -> None:
    first: Step | None = None
    work: Forecast | None = None
    unproven: set[tuple[object, object]] = set()
    for step in steps:
        if first is not None:
            _held_through(first, step)
        if first is not None and step.risk.forecast is not None:
            work = step.risk.forecast if work is None else added(work, step.risk.forecast)
            _held_long(first, step, work)
        elif step.blocking:
            work = step.risk.forecast
        if first is None and step.blocking:
            first = step
        _validated_together(step, unproven)


def _held_through(first: Step, step: Step) -> None:
    """A strong lock taken earlier in the transaction is still held while this statement changes rows."""
    if step.backfill:
        step.add("ddl-and-data-in-one-transaction", **_lock_values(first))


def _held_long(first: Step, step: Step, work: Forecast) -> None:
    level = level_of(work.seconds)
    if level is not LOW:
        values = _lock_values(first) | {"seconds": work.spoken, "interval": work.interval}
        step.add("transaction-holds-locks", level=level, **values)


def _lock_values(first: Step) -> dict[str, Any]:
    table = max(first.blocking, key=lambda name: first.blocking[name])
    lock = first.blocking[table]
    return {"table": table, "lock": lock.mode, "blocks": lock.blocks, "line": first.risk.line}


def _validated_together(step: Step, unproven: set[tuple[object, object]]) -> None:
    for finding in step.risk.findings:
        if finding.rule not in _ABOUT_VALIDITY:
            continue
        key = (finding.values.get("table"), finding.values.get("constraint"))
        if finding.rule in _NOT_VALID:
            unproven.add(key)
        elif key in unproven:
            step.add("not-valid-and-validate-together", table=key[0], constraint=key[1])


def half_files(files: Sequence[ScriptFile], steps: Sequence[Step]) -> Iterator[Finding]:
    """Files of several changes that commit one by one: a failure leaves half of them behind.

    Statements that cannot share a transaction are meant to stand alone, and so are the batches of a backfill.
    """
    by_file: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        if step.kind not in _READS:
            by_file[step.risk.file].append(step)
    for script in files:
        own = by_file[script.name]
        if own and own[0].transaction == own[-1].transaction != 0:
            continue  # Transactions are numbered in their order: all of them share this one.
        units = {s.transaction or -number for number, s in enumerate(own, 1)}
        meant = all(s.refuses for s in own) or all(_is_batch(s) for s in own)
        if len(units) > 1 and not meant:
            yield Finding(
                "not-one-transaction", RULES["not-one-transaction"].level, {"file": script.name}
            )


def _is_batch(step: Step) -> bool:
    return step.kind in ("UpdateStmt", "DeleteStmt", "InsertStmt", "MergeStmt")
