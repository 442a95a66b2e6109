"""How far a query reaches: through views into tables, through tables into the partitions that are not ruled out.

Source: `expand_inherited_rtentry` (partitions are pruned before they are locked), checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from migrations_portal.risk import hash_partitions
from migrations_portal.risk.bounds import (
    alternatives,
    comparison,
    conjuncts,
    listed,
    order,
    spanned,
    takes,
)
from migrations_portal.risk.handlers.conditions import is_null_test, never, uses_index
from migrations_portal.risk.locks import ACCESS_SHARE
from migrations_portal.risk.trees import below, with_heirs

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.locks import Lock
    from migrations_portal.risk.objects import Bound, Relation
    from migrations_portal.risk.parser import Node

DEEPEST_VIEW = 20


class Reading(Struct):
    """A query on its way through: what it runs on, and whether it is run at all (a view's query is only stored)."""

    analysis: Analysis
    runs: bool = True
    views: bool = True
    """Follow views into their tables, as the rewriter does."""
    heirs: bool = True
    """Follow tables into their partitions and heirs, as the planner does."""
    prunes: bool = True
    """Leave out the partitions that a condition rules out."""
    common: set[str] = field(default_factory=set)
    """Names of WITH queries: not tables."""
    depth: int = 0


def common_names(tree: Node) -> set[str]:
    """The names of the WITH queries of a tree."""
    return {body["ctename"] for body in below(tree, "CommonTableExpr")}


def single_source(select: Node) -> bool:
    """Whether a SELECT reads one table, so that its condition is about that table."""
    return len(select.get("fromClause", ())) == 1 and "RangeVar" in select["fromClause"][0]


def both(one: Node | None, other: Node | None) -> Node | None:
    """The condition that joins two by AND; either may be missing."""
    if one is None or other is None:
        return one or other
    return {"BoolExpr": {"boolop": "AND_EXPR", "args": [one, other]}}


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
    if relation.kind == "v":
        if reading.views:
            follow_view(reading, relation, lock, where=where if only else None)
        return
    if not reading.heirs:
        return
    members = reached(analysis, relation, where, inherit=inherit)
    for member in members:
        analysis.lock(member, lock)
        skipped = only and (uses_index(member, where) or never(analysis, member, where))
        if reading.runs and member.has_storage and not skipped:
            analysis.scan(member)
    if inherit:
        lock_above(analysis, relation)


def lock_above(analysis: Analysis, relation: Relation) -> None:
    """Planning a query on a partitioned table that is itself a partition reads its bound, from its parents."""
    if relation.kind != "p" or not relation.is_partition:
        return
    for oid in relation.parents:
        parent = analysis.schema.relations.get(oid)
        if parent is not None:
            analysis.lock(parent, ACCESS_SHARE)
            lock_above(analysis, parent)


def follow_view(reading: Reading, view: Relation, lock: Lock, *, where: Node | None) -> None:
    """Lock the tables behind a view; the condition on the view counts for its table where there is just one."""
    if view.definition is None or reading.depth >= DEEPEST_VIEW:
        return
    select = view.definition.get("SelectStmt", {})
    simple = reading.prunes and is_simple(select)
    condition = both(select.get("whereClause"), where) if simple else None
    inner = Reading(reading.analysis, reading.runs, reading.views, reading.heirs)
    inner.common, inner.depth = common_names(view.definition), reading.depth + 1
    inner.prunes = reading.prunes
    first = select["fromClause"][0]["RangeVar"] if simple else None
    for source in sources_of(view.definition):
        relation = reading.analysis.relation(source)
        if relation is not None:
            main = source is first
            lock_source(
                inner, relation, lock,
                where=condition if main else None, inherit=with_heirs(source), only=main,
            )  # fmt: skip


def is_simple(select: Node) -> bool:
    """Whether a view's query hands the rows of one table on, so that a condition on it is one on the table."""
    grouped = {"groupClause", "distinctClause", "limitCount", "havingClause", "withClause"}
    return single_source(select) and not grouped & set(select)


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
    if parent.strategy == "hash":
        keys = _key_of(parent, {c: equal(where, c) for c in parent.key})
        if keys is not None:
            return hash_partitions.takes(child.bound, keys) is False
    facts = conjuncts(where)
    if child.bound.default and parent.strategy == "range":
        others = _siblings(analysis, parent, child)
        if spanned(
            facts, parent.key[0], [bound for bound in others if bound.lower and bound.upper]
        ):
            return True
    return any(_excludes(analysis, parent, child, fact) for fact in facts)


def _excludes(analysis: Analysis, parent: Relation, child: Relation, fact: Node) -> bool:
    """Whether one condition (or else each part of an OR) keeps all rows of the partition out."""
    if parts := alternatives(fact):
        return all(_pruned(analysis, parent, child, part) for part in parts)
    if parent.strategy == "hash" or child.bound is None:
        return False
    if parent.strategy == "range" and any(is_null_test(fact, name) for name in parent.key):
        return not child.bound.default  # A range takes no NULL in any part of its key.
    values = ["NULL"] if is_null_test(fact, parent.key[0]) else listed(fact, parent.key[0])
    if values is not None:
        return not any(partition_may_take(analysis, parent, child, v) for v in values)
    found = comparison(fact, parent.key[0]) if parent.strategy == "range" else None
    return found is not None and _outside(child.bound, *found)


def equal(where: Node, column: str) -> str | None:
    """The one value that the condition allows in a column; None when it is not one."""
    for fact in conjuncts(where):
        values = ["NULL"] if is_null_test(fact, column) else listed(fact, column)
        if values is not None and len(values) == 1:
            return values[0]
    return None


def _key_of(parent: Relation, row: dict[str, str | None]) -> list[tuple[str, str]] | None:
    """The partition key as (type, literal) pairs; None when a part of it is not known."""
    keys = []
    for name in parent.key:
        column, value = parent.columns.get(name), row.get(name)
        if column is None or column.type is None or value is None:
            return None
        keys.append((column.type.name, value))
    return keys


def hash_partition(
    analysis: Analysis, parent: Relation, row: dict[str, str | None]
) -> Relation | None:
    """The partition of a hash-partitioned table that takes this row; None when that cannot be said."""
    keys = _key_of(parent, row)
    children = [analysis.schema.relations.get(oid) for oid in parent.children if keys]
    for child in children:
        if child and child.bound and hash_partitions.takes(child.bound, keys or ()):
            return child
    return None


def partition_may_take(analysis: Analysis, parent: Relation, child: Relation, value: str) -> bool:
    """Whether a row with this key value may lie in this partition; DEFAULT takes what no other one does."""
    if child.bound is None:
        return True
    if not child.bound.default:
        return takes(child.bound, parent.strategy, value) is not False
    siblings = _siblings(analysis, parent, child)
    return not any(takes(bound, parent.strategy, value) for bound in siblings)


def _siblings(analysis: Analysis, parent: Relation, child: Relation) -> list[Bound]:
    """The bounds of the other partitions."""
    others = [analysis.schema.relations[oid] for oid in parent.children if oid != child.oid]
    return [other.bound for other in others if other.bound is not None]


def _outside(bound: Bound, word: str, value: str) -> bool:
    if not bound.lower or not bound.upper:
        return False
    here, low, high = order(value), order(bound.lower[0]), order(bound.upper[0])
    if word in (">", ">="):
        return high <= here
    if word == "<":
        return low >= here
    return word == "<=" and low > here


def sources_of(query: Node) -> list[Node]:
    """Every RangeVar of a query that is not a WITH query."""
    [tree] = query.values()
    common = common_names(tree)
    return [
        source
        for source in below(tree, "RangeVar")
        if "schemaname" in source or source["relname"] not in common
    ]
