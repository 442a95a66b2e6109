"""How far a query reaches: through views into tables, through tables into the partitions that are not ruled out.

Source: `expand_inherited_rtentry` (partitions are pruned before they are locked), checked on servers 13 to 18.
Whether a condition uses an index is the planner's choice; equality on the leading column of
an index is taken to use it, everything else to read the whole table.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migrations_portal.risk.bounds import comparison, conjuncts, listed, order, takes
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.trees import constant, strings, walk, with_heirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Bound, Relation
    from migrations_portal.risk.parser import Node

DEEPEST_VIEW = 20


@dataclass(slots=True)
class Reading:
    """A query on its way through: what it runs on, and whether it is run at all (a view's query is only stored)."""

    analysis: Analysis
    runs: bool = True
    expand: bool = True
    """Follow views into their tables, and tables into their partitions, as the planner does."""
    common: set[str] = field(default_factory=set)
    """Names of WITH queries: not tables."""
    depth: int = 0


def lock_source(
    reading: Reading,
    relation: Relation,
    lock: Lock,
    *,
    where: Node | None,
    inherit: bool,
    only: bool,
) -> None:
    """Lock one table of a query with its partitions, or the tables behind a view, and note what is read in full."""
    analysis = reading.analysis
    analysis.lock(relation, lock)
    if not reading.expand:
        return
    if relation.kind == "v":
        _follow_view(reading, relation, lock)
        return
    for member in reached(analysis, relation, where, inherit=inherit):
        analysis.lock(member, lock)
        skipped = only and (uses_index(member, where) or never(analysis, member, where))
        if reading.runs and member.has_storage and not skipped:
            analysis.scan(member)


def _follow_view(reading: Reading, view: Relation, lock: Lock) -> None:
    if view.definition is None or reading.depth >= DEEPEST_VIEW:
        return
    inner = Reading(reading.analysis, reading.runs, depth=reading.depth + 1)
    inner.common = {b["ctename"] for k, b in walk(view.definition) if k == "CommonTableExpr"}
    for kind, source in walk(view.definition):
        if kind == "RangeVar" and not (
            source["relname"] in inner.common and "schemaname" not in source
        ):
            relation = reading.analysis.relation(source)
            if relation is not None:
                lock_source(
                    inner, relation, lock, where=None, inherit=with_heirs(source), only=False
                )


def reached(
    analysis: Analysis, relation: Relation, where: Node | None, *, inherit: bool
) -> list[Relation]:
    """The table and those below it that the condition does not rule out."""
    if not inherit or not relation.children or never(analysis, relation, where):
        return [relation]
    members = [relation]
    for oid in relation.children:
        child = analysis.schema.relations.get(oid)
        if child is None or (where is not None and _pruned(analysis, relation, child, where)):
            continue
        members += [m for m in reached(analysis, child, where, inherit=True) if m not in members]
    return members


def _pruned(analysis: Analysis, parent: Relation, child: Relation, where: Node) -> bool:
    """Whether the condition on the (first) partition key excludes this partition."""
    if child.bound is None or not parent.key or not parent.key[0]:
        return False
    for fact in conjuncts(where):
        values = ["NULL"] if _is_null(fact, parent.key[0]) else listed(fact, parent.key[0])
        found = comparison(fact, parent.key[0]) if parent.strategy == "range" else None
        if values is not None:
            excluded = not any(partition_may_take(analysis, parent, child, v) for v in values)
        else:
            excluded = found is not None and _outside(child.bound, *found)
        if excluded:
            return True
    return False


def partition_may_take(analysis: Analysis, parent: Relation, child: Relation, value: str) -> bool:
    """Whether a row with this key value may lie in this partition; DEFAULT takes what no other one does."""
    if child.bound is None:
        return True
    if not child.bound.default:
        return takes(child.bound, parent.strategy, value) is not False
    siblings = (analysis.schema.relations[oid] for oid in parent.children if oid != child.oid)
    return not any(s.bound is not None and takes(s.bound, parent.strategy, value) for s in siblings)


def _outside(bound: Bound, word: str, value: str) -> bool:
    if not bound.lower or not bound.upper:
        return False
    here, low, high = order(value), order(bound.lower[0]), order(bound.upper[0])
    if word in (">", ">="):
        return high <= here
    if word == "<":
        return low >= here
    return word == "<=" and low > here


def uses_index(relation: Relation, where: Node | None) -> bool:
    """Whether the condition compares the leading column of some whole index with a literal."""
    if where is None:
        return False
    leading = {
        index.columns[0]
        for index in relation.indexes.values()
        if index.columns and not index.partial
    }
    leading.discard("")
    return any(
        listed(fact, column) is not None or _parameter(fact, column) or _is_null(fact, column)
        for fact in conjuncts(where) for column in leading
    )  # fmt: skip


def _is_null(fact: Node, column: str) -> bool:
    test = fact.get("NullTest", {})
    reference = test.get("arg", {}).get("ColumnRef")
    return (
        test.get("nulltesttype") == "IS_NULL"
        and reference is not None
        and strings(reference["fields"])[-1] == column
    )


KNOWS_NOT_NULL = 17
"""From this version on, the planner knows that a NOT NULL column is never NULL."""


def never(analysis: Analysis, relation: Relation, where: Node | None) -> bool:
    """Whether the planner sees that the condition holds for no row."""
    if where is None:
        return False
    required = [c.name for c in relation.columns.values() if c.not_null]
    facts = list(conjuncts(where))
    if any(
        "boolval" in f.get("A_Const", {}) and not f["A_Const"]["boolval"].get("boolval")
        for f in facts
    ):
        return True
    known = analysis.version >= KNOWS_NOT_NULL
    return known and any(_is_null(fact, column) for fact in facts for column in required)


def _parameter(fact: Node, column: str) -> bool:
    """`column = $1` or `column = variable`: what a function's statement looks like."""
    body = fact.get("A_Expr", {})
    if body.get("kind") != "AEXPR_OP" or strings(body["name"])[-1] != "=":
        return False
    left = body.get("lexpr", {}).get("ColumnRef")
    return (
        left is not None
        and strings(left["fields"])[-1] == column
        and "ParamRef" in body.get("rexpr", {})
    )


def always_true(where: Node | None) -> bool:
    """No condition, or one that is true for every row: `true`, `1 = 1`."""
    if where is None:
        return True
    if "A_Const" in where:
        return bool(where["A_Const"].get("boolval", {}).get("boolval"))
    if "BoolExpr" in where:
        parts = [always_true(part) for part in where["BoolExpr"]["args"]]
        word = where["BoolExpr"]["boolop"]
        return word != "NOT_EXPR" and (any(parts) if word == "OR_EXPR" else all(parts))
    body = where.get("A_Expr", {})
    left, right = constant(body.get("lexpr")), constant(body.get("rexpr"))
    if left is None or right is None or body.get("kind") != "AEXPR_OP":
        return False
    compare = _COMPARISONS.get(strings(body["name"])[-1])
    return compare is not None and compare(order(left), order(right))


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def sources_of(query: Node) -> Iterator[Node]:
    """Every RangeVar of a query that is not a WITH query."""
    [tree] = query.values()
    common = {body["ctename"] for kind, body in walk(tree) if kind == "CommonTableExpr"}
    for kind, source in walk(tree):
        if kind == "RangeVar" and ("schemaname" in source or source["relname"] not in common):
            yield source
