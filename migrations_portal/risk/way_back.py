"""The way back: what the files destroy for good, and whether going up and down ends where it began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.findings import Finding
from migrations_portal.risk.levels import Level
from migrations_portal.risk.reversibility import RED
from migrations_portal.risk.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrations_portal.risk.judge import Step
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.schema import Schema

SHOWN = 5
"""Differences that are named before the rest is only counted."""
_READS = frozenset({"SelectStmt", "VariableSetStmt", "VariableShowStmt", "TransactionStmt"})


def shape(schema: Schema) -> frozenset[str]:
    """Everything that a way back has to restore, as words that can be compared and shown."""
    words: set[str] = set()
    for relation in schema.relations.values():
        if relation.persistence != "t":
            words.update(_shape_of(relation))
    words.update(f"type {p}.{name}" for (p, name), kind in schema.types.items() if not kind.assumed)
    return frozenset(words)


def _shape_of(relation: Relation) -> Iterator[str]:
    name = relation.qualified
    if not relation.assumed and relation.kind != "S":
        yield f"{_KINDS.get(relation.kind, 'table')} {name}"
    for column in relation.columns.values():
        nullable = " not null" if column.not_null else ""
        yield f"column {name}.{column.name} {column.type or ''}{nullable}".rstrip()
    for index in relation.indexes.values():
        yield f"index {index.name} on {name}"
    for constraint in relation.constraints.values():
        if not constraint.index_name and constraint.kind != "n":
            yield f"constraint {constraint.name} of {name}"


_KINDS = {"v": "view", "m": "materialised view"}


def judge_way_back(
    up: Sequence[Step], down: Sequence[Step], *, before: frozenset[str], after: Schema
) -> Iterator[Finding]:
    """Compare what goes up with what comes down."""
    if not down and any(step.kind not in _READS for step in up):
        yield _finding("missing-down")
    lost = [step for step in up if step.risk.reversibility is RED]
    if lost:
        what = ", ".join(sorted({_what(step) for step in lost}))
        yield _finding("lossy-down", what=what)
    unread = [f for step in down for f in step.risk.findings if RULES[f.rule].unusable]
    if unread:
        yield _finding("down-not-understood", problem=unread[0].message)
    elif down:
        yield from _compared(before, shape(after))


def _what(step: Step) -> str:
    found = [f for f in step.risk.findings if f.level.at_least(Level.HIGH)]
    titles = [
        "Values shortened by a new type" if f.rule.startswith("type-change") else f.title
        for f in found
    ]
    return f"{(titles or ['Data removed'])[0]} (line {step.risk.line})"


def _compared(before: frozenset[str], after: frozenset[str]) -> Iterator[Finding]:
    differences = [f"{word} is left" for word in sorted(after - before)]
    differences += [f"{word} is missing" for word in sorted(before - after)]
    if differences:
        shown = "; ".join(differences[:SHOWN])
        more = len(differences) - SHOWN
        yield _finding(
            "down-differs", differences=f"{shown} and {more} more" if more > 0 else shown
        )


def _finding(rule: str, **values: object) -> Finding:
    return Finding(rule, RULES[rule].level, values)
