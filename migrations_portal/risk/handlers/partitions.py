"""Partitions: attach, detach, and the making of a new partition.

Sources: `ATExecAttachPartition`, `ATExecDetachPartition`, `CloneForeignKeyConstraints`, `AttachPartitionEnsureIndexes` in
tablecmds.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from migrations_portal.risk.bounds import implied, read_bound
from migrations_portal.risk.handlers.dependencies import ancestors, default_partition
from migrations_portal.risk.handlers.inheritance import circular, join, leave
from migrations_portal.risk.handlers.safe_forms import attached, bound_check
from migrations_portal.risk.handlers.table_change import check_key, scan_tree
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.naming import index_name
from migrations_portal.risk.objects import Index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.objects import Bound, Constraint, Relation
    from migrations_portal.risk.parser import Node

_AE = Lock.ACCESS_EXCLUSIVE
LOCKS_REFERENCING = 15
"""From this version on (and its late minor releases), cloning keys locks the tables that reference the parent harder."""
FREES_WIDE_KEYS = 15
"""Before this version, a key that points at a partitioned table got no new triggers there when its own table was detached."""
LOCKS_DETACHED = 14
"""Before this version, the partition was locked fully only to take copies of row triggers away."""


def attach(change: TableChange, command: Node) -> None:
    """ATTACH PARTITION: the new partition and the DEFAULT partition are locked, and read unless a CHECK proves the bound."""
    analysis, parent = change.analysis, change.relation
    node = command["def"]["PartitionCmd"]
    partition = _to_attach(analysis, parent, node["name"])
    if partition is None:
        return
    bound = read_bound(node["bound"])
    analysis.lock_tree(partition, _AE)
    proven = implied(partition, parent.key, parent.strategy, bound)
    if not proven and not bound.default:
        for leaf in _leaves(analysis, partition):
            if not implied(leaf, parent.key, parent.strategy, bound):
                analysis.scan(leaf)
    elif bound.default and len(parent.children):
        scan_tree(analysis, partition)
    read_default(analysis, parent, bound)
    _merge_keys(analysis, parent, partition)
    join(analysis, parent, partition, bound)
    _match_indexes(analysis, parent, partition)
    if analysis.live(parent) or analysis.live(partition):
        rule = "attach-partition-proven" if proven else "attach-partition"
        rule = rule if analysis.live(partition) else "attach-new-partition"
        check = bound_check(parent, node["bound"])
        safe: dict[str, Any] = {
            "check": check,
            "statements": attached(parent, partition.qualified, node["bound"]),
        }
        analysis.find(
            rule, table=parent.qualified, partition=partition.qualified, **(safe if check else {})
        )


def _to_attach(analysis: Analysis, parent: Relation, name: Node) -> Relation | None:
    """The table to attach; None for an index, and for what PostgreSQL refuses."""
    if analysis.index(name.get("schemaname"), name["relname"]) is not None:
        return None
    partition = analysis.relation(name)
    return None if partition is None or circular(analysis, parent, partition) else partition


def _leaves(analysis: Analysis, relation: Relation) -> Iterator[Relation]:
    for member in (relation, *analysis.schema.descendants(relation)):
        if member.has_storage:
            yield member


def read_default(analysis: Analysis, parent: Relation, bound: Bound) -> None:
    """The DEFAULT partition must hold no row of the new one: it is locked and read."""
    default = default_partition(analysis, parent)
    if default is None or bound.default:
        return
    for member in analysis.lock_tree(default, _AE):
        analysis.scan(member)
    if analysis.live(default):
        analysis.find(
            "new-partition-reads-default", table=parent.qualified, partition=default.qualified
        )


def clone_keys(analysis: Analysis, parent: Relation) -> None:
    """Lock the partners of the parent's foreign keys, on both sides, while a partition gets its copies."""
    for constraint in parent.constraints.values():
        target = analysis.schema.relations.get(constraint.ref) if constraint.kind == "f" else None
        if target is not None:
            _lock_target(analysis, target, Lock.SHARE_ROW_EXCLUSIVE)
    lock = Lock.SHARE_ROW_EXCLUSIVE if analysis.version >= LOCKS_REFERENCING else Lock.ACCESS_SHARE
    for _, holder in _pointing_at(analysis, parent):
        analysis.lock(holder, lock)


def _lock_target(analysis: Analysis, target: Relation, lock: Lock) -> None:
    members = [target, *(analysis.schema.descendants(target) if target.kind == "p" else ())]
    for member in members:
        analysis.lock(member, lock)


def _merge_keys(analysis: Analysis, parent: Relation, partition: Relation) -> None:
    """Give the partition the parent's foreign keys: one that it has already is merged, a new one is checked (a scan)."""
    clone_keys(analysis, parent)
    for constraint in list(parent.constraints.values()):
        target = analysis.schema.relations.get(constraint.ref) if constraint.kind == "f" else None
        if target is None:
            continue
        twin = _twin(partition, constraint)
        if twin is not None:
            _lock_target(analysis, target, _AE)
            partition.constraints[twin.name] = replace(twin, parent=parent.oid, inherited=True)
        else:
            check_key(analysis, partition, target)
            name = (
                constraint.name
                if constraint.name not in partition.constraints
                else f"{constraint.name}_1"
            )
            copy = replace(constraint, name=name, parent=parent.oid, inherited=True)
            analysis.schema.add_key(partition, copy)


def _twin(partition: Relation, constraint: Constraint) -> Constraint | None:
    for own in partition.constraints.values():
        same = (own.ref, own.columns, own.ref_columns) == (
            constraint.ref, constraint.columns, constraint.ref_columns,
        )  # fmt: skip
        if own.kind == "f" and same and own.validated and not own.parent:
            return own
    return None


def _match_indexes(analysis: Analysis, parent: Relation, partition: Relation) -> None:
    """Each index of the parent needs its part on the partition: one that fits is taken, a missing one is built (a scan)."""
    taken: set[str] = set()
    for index in parent.indexes.values():
        match = next(
            (
                own
                for own in partition.indexes.values()
                if own.name not in taken and _fits(own, index)
            ),
            None,
        )
        if match is not None:
            match.parent = index.name
            taken.add(match.name)
            continue
        for leaf in _leaves(analysis, partition):
            analysis.scan(leaf)
        taken.add(add_part(analysis, partition, index).name)


def _fits(own: Index, index: Index) -> bool:
    shape = (own.columns, own.method, own.partial, bool(own.parent))
    same = shape == (index.columns, index.method, index.partial, False)
    return same and own.unique >= index.unique and (not index.constraint or bool(own.constraint))


def add_part(analysis: Analysis, partition: Relation, index: Index) -> Index:
    """Enter the part of a partitioned index on one partition (and below it)."""
    label = "pkey" if index.primary else "key" if index.constraint else "idx"
    columns = "" if index.primary else "_".join(c or "expr" for c in index.columns)
    name = index_name(analysis.schema, partition, columns, label)
    part = replace(
        index, name=name, schema=partition.schema, table=partition.oid, parent=index.name
    )
    part.constraint = name if index.constraint else ""
    analysis.schema.add_index(partition, part)
    for oid in partition.children:
        if (child := analysis.schema.relations.get(oid)) is not None and partition.kind == "p":
            add_part(analysis, child, part)
    return part


def detach(change: TableChange, command: Node) -> None:
    """DETACH PARTITION: ACCESS EXCLUSIVE on parent, partition and DEFAULT; CONCURRENTLY only SHARE UPDATE on the parent."""
    analysis, parent = change.analysis, change.relation
    node = command["def"]["PartitionCmd"]
    partition = analysis.relation(node["name"])
    if partition is None:
        return
    concurrent = bool(node.get("concurrent"))
    copies = any(trigger.row for trigger in parent.triggers.values())
    default = default_partition(analysis, parent)
    wide = any(_points_wide(analysis, key) for key in partition.constraints.values())
    full = copies or wide or partition is default or analysis.version >= LOCKS_DETACHED
    analysis.lock(partition, _AE if full else Lock.SHARE_UPDATE_EXCLUSIVE)
    for member in analysis.schema.descendants(partition):
        analysis.lock(member, _AE)
    if default is not None and default is not partition:
        if concurrent:
            analysis.find(
                "detach-with-default", table=parent.qualified, partition=default.qualified
            )
        analysis.lock(default, _AE)
    _free_keys(analysis, partition)
    _check_nothing_points_at(analysis, parent, partition)
    leave(parent, partition)
    if analysis.live(parent):
        rule = "detach-partition-concurrently" if concurrent else "detach-partition"
        possible = default is None and analysis.version >= LOCKS_DETACHED
        safe: dict[str, Any] = {"word": "CONCURRENTLY"} if possible else {}
        analysis.find(rule, table=parent.qualified, partition=partition.qualified, **safe)


def _points_wide(analysis: Analysis, constraint: Constraint) -> bool:
    """Whether it is the copy of a foreign key that points at a partitioned table."""
    target = analysis.schema.relations.get(constraint.ref) if constraint.parent else None
    return constraint.kind == "f" and target is not None and target.kind == "p"


def _free_keys(analysis: Analysis, partition: Relation) -> None:
    """The copies of the parent's foreign keys become the partition's own: new triggers on the referenced tables."""
    for constraint in [c for c in partition.constraints.values() if c.kind == "f" and c.parent]:
        target = analysis.schema.relations.get(constraint.ref)
        wide = _points_wide(analysis, constraint)
        if target is not None and not (wide and analysis.version < FREES_WIDE_KEYS):
            _lock_target(analysis, target, Lock.SHARE_ROW_EXCLUSIVE)
        partition.constraints[constraint.name] = replace(constraint, parent=0, inherited=False)


def _check_nothing_points_at(analysis: Analysis, parent: Relation, partition: Relation) -> None:
    """No row may reference a row that leaves: both sides are read, and the keys on the partition go."""
    for _, holder in _pointing_at(analysis, parent):
        for above in ancestors(analysis, parent):
            analysis.lock(above, Lock.ACCESS_SHARE)  # The bound is put together from all of theirs.
        analysis.lock(partition, _AE)
        _lock_target(analysis, holder, _AE)
        scan_tree(analysis, holder)
        scan_tree(analysis, partition)


def _pointing_at(analysis: Analysis, parent: Relation) -> Iterator[tuple[Relation, Relation]]:
    """Each foreign key that points at a partitioned table or at one above it: that table, and the one that holds the key."""
    for target in (parent, *ancestors(analysis, parent)):
        for holder, constraint in analysis.schema.referencing(target):
            if holder is not target and not constraint.parent:
                yield target, holder


def finalize(change: TableChange, command: Node) -> None:
    """DETACH PARTITION … FINALIZE: ends a concurrent detach that was cut off."""
    partition = change.analysis.relation(command["def"]["PartitionCmd"]["name"])
    if partition is not None:
        change.analysis.lock(partition, _AE)
        leave(change.relation, partition)
