"""Foreign keys: SHARE ROW EXCLUSIVE on both tables, a scan of both unless NOT VALID.

Sources: `ATAddForeignKeyConstraint`, `addFkRecurseReferenced`, `addFkRecurseReferencing` in tablecmds.c and
`RI_Initial_Check` in ri_triggers.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from migrations_portal.risk.handlers.safe_forms import unvalidated_key
from migrations_portal.risk.handlers.table_change import check_key, scan_tree
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.naming import constraint_name
from migrations_portal.risk.objects import Constraint
from migrations_portal.risk.trees import strings

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


NOT_VALID_ON_PARTITIONED = 18
"""From this version on, a partitioned table may get a foreign key that is not validated yet."""


def add_foreign_key(change: TableChange, node: Node, *, columns: tuple[str, ...], at: int) -> None:
    """Add a foreign key in an ALTER TABLE."""
    analysis, relation = change.analysis, change.relation
    entered = enter_foreign_key(analysis, relation, node, columns=columns)
    if entered is None:
        return
    target, constraint = entered
    members = [relation]
    if relation.kind == "p" and change.inherit:
        for child in analysis.schema.descendants(relation):
            analysis.lock(child, max(change.lock, Lock.SHARE_ROW_EXCLUSIVE))
            members.append(child)
    analysis.lock(relation, Lock.SHARE_ROW_EXCLUSIVE)
    if not node.get("skip_validation") and constraint.enforced:
        change.keys_to_check.append((relation, target, columns))
    _judge(analysis, relation, target, constraint, node, at=at)


def enter_foreign_key(
    analysis: Analysis, relation: Relation, node: Node, *, columns: tuple[str, ...]
) -> tuple[Relation, Constraint] | None:
    """Lock the referenced table and enter the constraint (with copies on partitions) in the catalogue."""
    target = analysis.relation(node["pktable"])
    if target is None:
        return None
    if target is not relation:
        members = [target, *(analysis.schema.descendants(target) if target.kind == "p" else ())]
        for member in members:
            analysis.lock(member, Lock.SHARE_ROW_EXCLUSIVE)
    referenced = tuple(strings(node.get("pk_attrs", []))) or primary_key(target)
    name = node.get("conname") or constraint_name(relation, "_".join(columns), "fkey")
    constraint = Constraint(
        name, "f", columns,
        validated=not node.get("skip_validation"),
        enforced=bool(node.get("is_enforced")),
        ref=target.oid, ref_columns=referenced,
        deferrable=bool(node.get("deferrable")), deferred=bool(node.get("initdeferred")),
        on_delete=node.get("fk_del_action", "a"), on_update=node.get("fk_upd_action", "a"),
    )  # fmt: skip
    analysis.schema.add_key(relation, constraint)
    if relation.kind == "p":
        copy_to_partitions(analysis, relation, constraint)
    return target, constraint


def copy_to_partitions(analysis: Analysis, relation: Relation, constraint: Constraint) -> None:
    """Give each partition its copy of the partitioned table's foreign key."""
    for child in analysis.schema.descendants(relation):
        name = (
            constraint.name if constraint.name not in child.constraints else f"{constraint.name}_1"
        )
        copy = replace(constraint, name=name, parent=relation.oid, inherited=True)
        analysis.schema.add_key(child, copy)


def primary_key(relation: Relation) -> tuple[str, ...]:
    """The columns of the primary key, or nothing when it is not known."""
    for constraint in relation.constraints.values():
        if constraint.kind == "p":
            return constraint.columns
    return ()


def _judge(
    analysis: Analysis,
    relation: Relation,
    target: Relation,
    constraint: Constraint,
    node: Node,
    *,
    at: int,
) -> None:
    values: dict[str, Any] = {
        "table": relation.qualified, "constraint": constraint.name, "columns": ", ".join(constraint.columns),
        "target": target.qualified,
    }  # fmt: skip
    if not analysis.live(relation):
        if analysis.live(target) and target is not relation:
            analysis.find("foreign-key-on-new-table", at=at, **values)
        return
    rule = "add-foreign-key" if constraint.validated else "add-foreign-key-not-valid"
    possible = relation.kind != "p" or analysis.version >= NOT_VALID_ON_PARTITIONED
    safe: dict[str, Any] = (
        {"statements": unvalidated_key(relation, constraint, node)} if possible else {}
    )
    analysis.find(rule, at=at, **values, **safe)
    if not any(
        index.columns[: len(constraint.columns)] == constraint.columns
        for index in relation.indexes.values()
    ):
        analysis.find("foreign-key-without-index", at=at, **values)


def validate_foreign_key(analysis: Analysis, relation: Relation, constraint: Constraint) -> None:
    """VALIDATE: reads both tables while writes go on; the referenced table gets ROW SHARE."""
    target = analysis.schema.relations.get(constraint.ref)
    if target is None:
        scan_tree(analysis, relation)
        return
    members = [target, *(analysis.schema.descendants(target) if target.kind == "p" else ())]
    for member in members:
        analysis.lock(member, Lock.ROW_SHARE)
    check_key(analysis, relation, target)
