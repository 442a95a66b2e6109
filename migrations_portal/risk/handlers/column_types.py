"""ALTER COLUMN … TYPE: the rewrite, and everything that is built again around the column.

Even where the rows stay, PostgreSQL drops and re-adds what depends on the column: a valid CHECK is checked again (a scan), an
index is kept only if its definition still fits, and a foreign key costs ACCESS EXCLUSIVE on the other table.
Sources: `ATPrepAlterColumnType`, `ATPostAlterTypeCleanup`, `TryReuseIndex`, `TryReuseForeignKey` in tablecmds.c and
`CheckIndexCompatible` in indexcmds.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from migrations_portal.risk.handlers import dependencies, losses, programs
from migrations_portal.risk.handlers.table_change import check_key
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import Column
from migrations_portal.risk.render import TypeText
from migrations_portal.risk.trees import is_null, type_ref
from migrations_portal.risk.type_changes import base_type, column_collation, rewrites

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.objects import Constraint, Index, Relation, TypeRef
    from migrations_portal.risk.parser import Node

_SAME_OPERATORS = ({"text", "varchar"}, {"cidr", "inet"}, {"bit", "varbit"})
"""Types that share their default operator class only as far as this: text serves varchar, inet serves cidr."""


_SAME_CLASS = ({"text", "varchar"}, {"cidr", "inet"})
"""Types that share their default operator class, so that an index over one is an index over the other."""


def alter_type(change: TableChange, command: Node) -> None:
    """ALTER COLUMN … TYPE on the table and all that inherit from it."""
    analysis, relation, name = change.analysis, change.relation, command["name"]
    definition = command["def"]["ColumnDef"]
    target = type_ref(analysis, definition.get("typeName"))
    if target is None:
        return
    using = definition.get("raw_default")
    programs.evaluate(analysis, using)
    if is_null(using):
        change.empty_columns.add(name)
    collation = column_collation(definition)
    column = relation.columns.get(name)
    rewritten = False
    for member in change.reach():
        own = member.columns.get(name) or Column(name)
        member_rewrites = own.generated != "v" and rewrites(analysis, own, target, using)
        if member_rewrites:
            change.rewrite(member)
            rewritten = True
        _rebuild(change, member, own, target, rewritten=member_rewrites, collation=collation)
        member.columns[name] = replace(own, type=target, collation=collation)
    _refuse_dependants(analysis, relation, name)
    if rewritten and analysis.live(relation) and (relation.oid, name) not in analysis.new_columns:
        old = column.type if column is not None else None
        analysis.seen.destroys |= losses.shortens(name, old, target, using)
    _judge(change, column, target, definition, rewritten=rewritten)


def _refuse_dependants(analysis: Analysis, relation: Relation, name: str) -> None:
    """A column that a view, generated column, policy or trigger names cannot change its type."""
    found = [f"view {view.qualified}" for view in dependencies.views_on(analysis, relation, name)]
    found += [
        f"policy {policy}" for policy, uses in relation.policies.items() if name in uses.columns
    ]
    found += [f"trigger {t.name}" for t in relation.triggers.values() if name in t.columns]
    found += [
        f"generated column {column.name}"
        for column in relation.columns.values()
        if column.generated and column.default and name in column.default.columns
    ]
    if found:
        analysis.find(
            "type-change-blocked",
            table=relation.qualified,
            column=name,
            dependants=", ".join(found),
        )


def _rebuild(
    change: TableChange,
    member: Relation,
    column: Column,
    target: TypeRef,
    *,
    rewritten: bool,
    collation: str,
) -> None:
    """Re-add the constraints, indexes and foreign keys that depend on the column."""
    analysis, name = change.analysis, column.name
    if any(
        c.kind == "c" and name in c.columns and c.validated and c.enforced
        for c in member.constraints.values()
    ):
        change.check(member)
    for index in member.indexes.values():
        touched = name in index.columns or name in index.included or name in index.uses.columns
        if touched and not _index_kept(analysis, index, column, target, collation=collation):
            analysis.scan(member)
    keep = not rewritten and _same_comparison(analysis, column.type, target)
    _rebuild_keys(change, member, name, keep=keep)


def _rebuild_keys(change: TableChange, member: Relation, name: str, *, keep: bool) -> None:
    """Re-add the foreign keys on both sides of the column."""
    for constraint in list(member.constraints.values()):
        if constraint.kind == "f" and name in constraint.columns:
            empty = bool(change.empty_columns & set(constraint.columns))
            _readd_key(change, member, constraint, keep=keep, empty=empty)
    for holder, constraint in list(change.analysis.schema.referencing(member)):
        if name in constraint.ref_columns and holder is not member:
            _readd_key(change, holder, constraint, keep=keep)


def _index_kept(
    analysis: Analysis, index: Index, column: Column, target: TypeRef, *, collation: str
) -> bool:
    """Whether the index survives a change that does not rewrite: no expression, no predicate, same class and collation."""
    if index.partial or "" in index.columns or column.type is None:
        return False
    if collation != column.collation and column.name in index.columns:
        return False
    old, _ = base_type(analysis, column.type)
    new, _ = base_type(analysis, target)
    pair = {old.name, new.name}
    same = old.array == new.array and (len(pair) == 1 or pair in _SAME_CLASS)
    return column.name not in index.columns or same


def _same_comparison(analysis: Analysis, old: TypeRef | None, new: TypeRef) -> bool:
    if old is None:
        return False
    old, _ = base_type(analysis, old)
    new, _ = base_type(analysis, new)
    pair = {old.name, new.name}
    return old.array == new.array and (len(pair) == 1 or pair in _SAME_OPERATORS)


def _lock_on(analysis: Analysis, member: Relation) -> Lock:
    """Old versions keep no trigger on a partitioned table, so nothing is dropped there, only made again."""
    newer = analysis.version >= dependencies.TRIGGERS_ON_PARTITIONED
    return Lock.ACCESS_EXCLUSIVE if newer or member.kind != "p" else Lock.SHARE_ROW_EXCLUSIVE


def _readd_key(
    change: TableChange,
    holder: Relation,
    constraint: Constraint,
    *,
    keep: bool,
    empty: bool = False,
) -> None:
    """Drop and add a foreign key again: ACCESS EXCLUSIVE on both sides, a scan of both unless it is kept as it was.

    `empty`: it is NULL in every row, so that nothing is looked up in the referenced table.
    """
    analysis = change.analysis
    target = analysis.schema.relations.get(constraint.ref)
    if target is None:
        return
    for side in (holder, target):
        tree = analysis.schema.descendants(side) if side.kind == "p" else ()
        for member in (side, *tree):
            analysis.lock(
                member,
                _lock_on(analysis, member) if side is target else Lock.ACCESS_EXCLUSIVE,
            )
    if not keep and constraint.validated and constraint.enforced:
        check_key(analysis, holder, target, only_null=empty)


def _judge(
    change: TableChange,
    column: Column | None,
    target: TypeRef,
    definition: Node,
    *,
    rewritten: bool,
) -> None:
    analysis, relation = change.analysis, change.relation
    if not analysis.live(relation):
        return
    name = column.name if column is not None else "the column"
    old = str(column.type) if column is not None and column.type is not None else "its type"
    values: dict[str, Any] = {
        "table": relation.qualified,
        "column": name,
        "old": old,
        "type": TypeText(definition["typeName"]),
    }
    at = definition.get("location", -1)
    if rewritten:
        analysis.find("type-change-rewrite", at=at, **values)
        return
    analysis.find("type-change-free", at=at, **values)
    if relation.oid in change.checked or relation.oid in analysis.seen.scans:
        analysis.find("type-change-scan", at=at, **values)
    if {old, target.name} == {"timestamp", "timestamptz"} and analysis.timezone is None:
        analysis.find("type-change-needs-utc", at=at, **values)
