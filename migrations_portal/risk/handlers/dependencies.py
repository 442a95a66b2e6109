"""What goes with an object that is dropped: constraints on both sides, indexes, views above it, and their locks.

Sources: `performMultipleDeletions` with `RemoveTriggerById` and `index_drop` (each takes ACCESS EXCLUSIVE on the table that
the dropped thing belongs to), checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrations_portal.risk.locks import Lock

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Constraint, Relation, Uses


def drop_relation(analysis: Analysis, relation: Relation, *, cascade: bool) -> None:
    """Drop a table, view or sequence with what depends on it."""
    if relation.oid not in analysis.schema.relations:
        return
    analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
    _unplug_partition(analysis, relation)
    for constraint in list(relation.constraints.values()):
        # A copy of the partitioned table's key has no triggers of its own on the other side.
        if not (constraint.kind == "f" and constraint.parent):
            drop_constraint(analysis, relation, constraint)
    for child in list(analysis.schema.descendants(relation)):
        if child.is_partition or cascade:
            drop_relation(analysis, child, cascade=cascade)
    for holder, constraint in list(analysis.schema.referencing(relation)):
        if holder is not relation:
            drop_foreign_key(analysis, holder, constraint)
    drop_views_on(analysis, relation, None)
    drop_stored_on(analysis, relation, None)
    drop_defaults_on(analysis, relation)
    _forget_sequences(analysis, relation, None)
    analysis.schema.remove(relation)


def _forget_sequences(analysis: Analysis, relation: Relation, column: str | None) -> None:
    """Sequences go with the column that owns them."""
    for other in list(analysis.schema.relations.values()):
        owner = other.owned_by
        if owner is not None and owner[0] == relation.oid and column in (None, owner[1]):
            analysis.schema.remove(other)


def _unplug_partition(analysis: Analysis, relation: Relation) -> None:
    """Dropping a partition locks its parent, and the parent's default partition, whose rules change."""
    for above in ancestors(analysis, relation):
        for holder, constraint in list(analysis.schema.referencing(above)):
            drop_foreign_key(analysis, holder, constraint)
    for parent in partitioned_parents(analysis, relation):
        analysis.lock(parent, Lock.ACCESS_EXCLUSIVE)
        default = default_partition(analysis, parent)
        if default is not None and default is not relation:
            analysis.lock(default, Lock.ACCESS_EXCLUSIVE)


def partitioned_parents(analysis: Analysis, relation: Relation) -> list[Relation]:
    """The partitioned table that a relation is a partition of; none when it is not one."""
    if relation.bound is None:
        return []
    parents = [analysis.schema.relations.get(oid) for oid in relation.parents]
    return [p for p in parents if p is not None]


def ancestors(analysis: Analysis, relation: Relation) -> list[Relation]:
    """The partitioned tables above a partition, nearest first."""
    above = partitioned_parents(analysis, relation)
    return [*above, *(a for parent in above for a in ancestors(analysis, parent))]


def default_partition(analysis: Analysis, parent: Relation) -> Relation | None:
    """The DEFAULT partition of a partitioned table, if it has one."""
    for oid in parent.children:
        child = analysis.schema.relations.get(oid)
        if child is not None and child.bound is not None and child.bound.default:
            return child
    return None


def drop_column(analysis: Analysis, relation: Relation, name: str, *, cascade: bool) -> None:
    """Drop one column of one table with its constraints, indexes, views, and foreign keys on both sides."""
    if not cascade and (blockers := column_dependants(analysis, relation, name)):
        analysis.find(
            "has-dependants", name=f"{relation.qualified}.{name}", dependants=", ".join(blockers)
        )
    _drop_keys_on(analysis, relation, name)
    for index in list(relation.indexes.values()):
        if name in (*index.columns, *index.included, *index.uses.columns):
            drop_index(analysis, relation, index.name)
    drop_views_on(analysis, relation, name)
    drop_stored_on(analysis, relation, name)
    for policy in [p for p, uses in relation.policies.items() if name in uses.columns]:
        del relation.policies[policy]
    for column in list(relation.columns.values()):
        if column.generated and column.default and name in column.default.columns:
            relation.columns.pop(column.name)
    _forget_sequences(analysis, relation, name)
    relation.columns.pop(name, None)


def _drop_keys_on(analysis: Analysis, relation: Relation, name: str) -> None:
    """The constraints that use the column, and the foreign keys that point at it."""
    for constraint in list(relation.constraints.values()):
        if name in (*constraint.columns, *constraint.uses.columns):
            drop_constraint(analysis, relation, constraint)
    for holder, constraint in list(analysis.schema.referencing(relation)):
        if name in constraint.ref_columns:
            drop_foreign_key(analysis, holder, constraint)


def column_dependants(analysis: Analysis, relation: Relation, name: str) -> list[str]:
    """What stops a DROP COLUMN without CASCADE: views, foreign keys of other tables, generated columns."""
    found = [f"view {view.qualified}" for view in views_on(analysis, relation, name)]
    found += [
        f"foreign key {constraint.name} of {holder.qualified}"
        for holder, constraint in analysis.schema.referencing(relation)
        if name in constraint.ref_columns and not constraint.parent and holder is not relation
    ]
    found += stored_on(analysis, relation, name)
    found += [
        f"generated column {column.name}"
        for column in relation.columns.values()
        if column.generated and column.default and name in column.default.columns
    ]
    return found


def views_on(analysis: Analysis, relation: Relation, column: str | None) -> list[Relation]:
    """Views and materialised views that read the relation (or one column of it)."""
    return [
        view
        for view in analysis.schema.reading(relation)
        if view.kind in "vm"
        and any(oid == relation.oid and column in (None, name) for oid, name in view.uses.relations)
    ]


def drop_views_on(analysis: Analysis, relation: Relation, column: str | None) -> None:
    """Drop the views above a relation or one of its columns (they are there only with CASCADE)."""
    for view in views_on(analysis, relation, column):
        if view.oid in analysis.schema.relations:
            analysis.seen.views.add(view.qualified)
            drop_relation(analysis, view, cascade=True)


def stored_on(analysis: Analysis, relation: Relation, column: str | None) -> list[str]:
    """Rules and policies of other tables that read the relation (or one column of it)."""
    return [
        f"{kind} {name} of {other.qualified}"
        for other in analysis.schema.reading(relation) if other is not relation
        for kind, stored in (("rule", _rule_uses(other)), ("policy", other.policies))
        for name, uses in stored.items() if _reads(uses, relation, column)
    ]  # fmt: skip


def _rule_uses(relation: Relation) -> dict[str, Uses]:
    return {name: rule.uses for name, rule in relation.rules.items()}


def _reads(uses: Uses, relation: Relation, column: str | None) -> bool:
    return any(oid == relation.oid and column in (None, name) for oid, name in uses.relations)


def drop_stored_on(analysis: Analysis, relation: Relation, column: str | None) -> None:
    """Drop the rules and policies of other tables that read the relation (they are there only with CASCADE)."""
    for other in analysis.schema.reading(relation):
        rules = [name for name, uses in _rule_uses(other).items() if _reads(uses, relation, column)]
        policies = [n for n, uses in other.policies.items() if _reads(uses, relation, column)]
        for name in rules:
            del other.rules[name]
        for name in policies:
            del other.policies[name]
        if rules or policies:
            analysis.lock(other, Lock.ACCESS_EXCLUSIVE)


def drop_defaults_on(analysis: Analysis, relation: Relation) -> None:
    """Dropping a sequence takes the defaults that call it, each under a lock on its table."""
    if relation.kind != "S":
        return
    for table in analysis.schema.relations.values():
        for column in list(table.columns.values()):
            if column.default and any(oid == relation.oid for oid, _ in column.default.relations):
                analysis.lock(table, Lock.ACCESS_EXCLUSIVE)
                table.columns[column.name] = replace(column, default=None)


def drop_constraint(
    analysis: Analysis, relation: Relation, constraint: Constraint, *, named: bool = False
) -> None:
    """Drop a constraint with its index, its copies on partitions, and the foreign keys that rest on it."""
    if constraint.kind == "f":
        drop_foreign_key(analysis, relation, constraint, named=named)
        return
    relation.constraints.pop(constraint.name, None)
    if constraint.index_name:
        for holder, key in list(analysis.schema.referencing(relation)):
            if set(key.ref_columns) == set(constraint.columns):
                drop_foreign_key(analysis, holder, key)
        drop_index(analysis, relation, constraint.index_name)


TRIGGERS_ON_PARTITIONED = 15
"""Before this version, the referenced side of a foreign key had its triggers only on the partitions that hold rows."""


def drop_foreign_key(
    analysis: Analysis, holder: Relation, constraint: Constraint, *, named: bool = False
) -> None:
    """Drop a foreign key: its triggers sit on both tables, so both are locked (partitions too).

    DROP CONSTRAINT (`named`) locks the referenced table itself in any case.
    """
    holder.constraints.pop(constraint.name, None)
    analysis.lock(holder, Lock.ACCESS_EXCLUSIVE)
    target = analysis.schema.relations.get(constraint.ref)
    for member in _trigger_tables(analysis, target, named=named):
        analysis.lock(member, Lock.ACCESS_EXCLUSIVE)
    if holder.kind == "p":
        for child in analysis.schema.descendants(holder):
            for copy in [
                c for c in child.constraints.values() if c.parent and c.ref == constraint.ref
            ]:
                if copy.columns == constraint.columns:
                    child.constraints.pop(copy.name, None)
                    analysis.lock(child, Lock.ACCESS_EXCLUSIVE)


def _trigger_tables(analysis: Analysis, target: Relation | None, *, named: bool) -> list[Relation]:
    if target is None or target.kind != "p":
        return [target] if target is not None else []
    partitions = list(analysis.schema.descendants(target))
    if analysis.version >= TRIGGERS_ON_PARTITIONED:
        return [target, *partitions]
    leaves = [partition for partition in partitions if partition.kind != "p"]
    return [target, *leaves] if named else leaves


def drop_index(analysis: Analysis, relation: Relation, name: str) -> None:
    """Drop an index, with its parts on the partitions; each is dropped under a lock on its table."""
    index = relation.indexes.get(name)
    analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
    if index is None:
        return
    if index.constraint:
        relation.constraints.pop(index.constraint, None)
    analysis.schema.drop_index(relation, name)
    if relation.kind == "p":
        for oid in relation.children:
            child = analysis.schema.relations.get(oid)
            if child is None:
                continue
            for part in [i for i in child.indexes.values() if i.parent == name]:
                drop_index(analysis, child, part.name)
