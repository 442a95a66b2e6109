"""What a WHERE says: whether it leads through an index to few rows, to none, or to all of them.

Whether a condition uses an index is the planner's choice; equality on the leading column of an index is taken to use it,
everything else to read the whole table. `IS NULL` too: how many rows are NULL is known to the server's statistics alone, and what
fills a column means nearly all of them; of a NOT NULL column it is none, which an index shows.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from migrations_portal.risk.bounds import alternatives, conjuncts, listed, order
from migrations_portal.risk.trees import below, last_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


def uses_index(relation: Relation, where: Node | None) -> bool:
    """Whether the condition, or else each part of an OR in it, compares the leading column of some whole index with a literal."""
    if where is None or not relation.indexes:
        return False
    if not relation.leading.isdisjoint(_found_by(relation, where)):
        return True
    choices = [parts for fact in conjuncts(where) if (parts := alternatives(fact))]
    return any(all(uses_index(relation, part) for part in parts) for parts in choices)


def _found_by(relation: Relation, where: Node) -> set[str]:
    """The columns of which the condition wants few values: a literal, a list of them, a parameter, or NULL where none is."""
    facts = conjuncts(where)
    named = {last_name(body["fields"]) for body in below(where, "ColumnRef")}
    nowhere = {_null_tested(fact) for fact in facts if _is_null_of_required(relation, fact)}
    return {
        column for column in named for fact in facts
        if column in nowhere or listed(fact, column) is not None or _parameter(fact, column)
    }  # fmt: skip


def is_null_test(fact: Node, column: str) -> bool:
    """Whether a condition is `column IS NULL`."""
    return _null_tested(fact) == column


def _null_tested(fact: Node) -> str | None:
    """The column of `column IS NULL`; None for any other condition."""
    test = fact.get("NullTest")
    if test is None or test.get("nulltesttype") != "IS_NULL":
        return None
    reference = test["arg"].get("ColumnRef")
    return None if reference is None else last_name(reference["fields"])


KNOWS_NOT_NULL = 17
"""From this version on, the planner knows that a NOT NULL column is never NULL."""


def never(
    analysis: Analysis, relation: Relation, where: Node | None, *, planned: bool = True
) -> bool:
    """Whether the condition holds for no row; `planned` asks only for what the planner sees, so that nothing is read."""
    if where is None:
        return False
    seen = not planned or analysis.version >= KNOWS_NOT_NULL
    for fact in conjuncts(where):
        if "A_Const" in fact and _is_false(fact["A_Const"]):
            return True
        if "NullTest" in fact and seen and _is_null_of_required(relation, fact):
            return True
    return False


def _is_false(literal: Node) -> bool:
    return "boolval" in literal and not literal["boolval"].get("boolval")


def _is_null_of_required(relation: Relation, fact: Node) -> bool:
    """Whether a condition is `column IS NULL` of a NOT NULL column."""
    column = relation.columns.get(_null_tested(fact) or "")
    return column is not None and column.not_null


def _parameter(fact: Node, column: str) -> bool:
    """`column = $1` or `column = variable`: what a function's statement looks like."""
    body = fact.get("A_Expr", {})
    if body.get("kind") != "AEXPR_OP" or last_name(body["name"]) != "=":
        return False
    left = body.get("lexpr", {}).get("ColumnRef")
    return (
        left is not None
        and last_name(left["fields"]) == column
        and "ParamRef" in body.get("rexpr", {})
    )


def compared(name: str, left: str, right: str) -> bool | None:
    """What comparing two literals gives; None for an operator that we do not know."""
    compare = _COMPARISONS.get(name)
    return None if compare is None else bool(compare(order(left), order(right)))


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
