"""Hazards that lie between statements: a new enum value that is used at once, a program that reads before it acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.trees import below

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.judge import Step
    from migrations_portal.risk.parser import Statement

PROGRAMS = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".py", ".rb")
"""Endings of files that are programs: they may do what they like between two statements."""


def judge_new_values(analysis: Analysis, statement: Statement, step: Step) -> None:
    """Find literals that are enum values of the open transaction (55P04); forget the values when there is none."""
    fresh = [kind for kind in analysis.schema.types.values() if kind.new_labels]
    if not analysis.in_transaction:
        for kind in fresh:
            kind.new_labels = frozenset()
        return
    if not fresh or statement.kind == "AlterEnumStmt":
        return
    literals = {
        body["sval"].get("sval", "") for body in below(statement.node, "A_Const") if "sval" in body
    }
    for kind in fresh:
        for value in sorted(kind.new_labels & literals):
            step.add("enum-value-used-too-soon", name=kind.name, value=value)


def judge_reading(analysis: Analysis, step: Step) -> None:
    """A query in a file that is no plain SQL: its program wants to know something about the rows."""
    live = [r.qualified for r, _, _ in analysis.seen.locks.values() if analysis.live(r)]
    if live:
        step.add("program-reads-rows", file=step.risk.file, tables=", ".join(sorted(live)))
