"""The tree of tables: joining and leaving it, as a partition or by INHERIT.

Sources: `ATExecAddInherit`, `ATExecDropInherit` in tablecmds.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.locks import Lock

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.objects import Bound, Relation
    from migrations_portal.risk.parser import Node


def join(analysis: Analysis, parent: Relation, partition: Relation, bound: Bound) -> None:
    """Enter a relation as a partition of another."""
    partition.bound = bound
    partition.parents.append(parent.oid)
    parent.children.append(partition.oid)


def leave(parent: Relation, partition: Relation) -> None:
    """Take a relation out from below another."""
    partition.bound = None
    if parent.oid in partition.parents:
        partition.parents.remove(parent.oid)
    if partition.oid in parent.children:
        parent.children.remove(partition.oid)
    for index in partition.indexes.values():
        index.parent = ""


def circular(analysis: Analysis, parent: Relation, child: Relation) -> bool:
    """A table cannot be below itself, nor twice below the same one; PostgreSQL refuses."""
    above = child is parent or parent in analysis.schema.descendants(child)
    if above or parent.oid in child.parents:
        analysis.find("circular-inheritance", table=child.qualified, parent=parent.qualified)
        return True
    return False


def inherit(change: TableChange, command: Node) -> None:
    """INHERIT: the parent is locked against other changes only."""
    analysis, child = change.analysis, change.relation
    parent = analysis.relation(command["def"]["RangeVar"])
    if parent is None:
        return
    analysis.lock(parent, Lock.SHARE_UPDATE_EXCLUSIVE)
    if circular(analysis, parent, child):
        return
    child.parents.append(parent.oid)
    parent.children.append(child.oid)
    if analysis.live(child):
        analysis.find("change-inheritance", table=child.qualified, parent=parent.qualified)


def no_inherit(change: TableChange, command: Node) -> None:
    """NO INHERIT: the parent is only looked at."""
    analysis, child = change.analysis, change.relation
    parent = analysis.relation(command["def"]["RangeVar"])
    if parent is None:
        return
    analysis.lock(parent, Lock.ACCESS_SHARE)
    leave(parent, child)
    if analysis.live(child):
        analysis.find("change-inheritance", table=child.qualified, parent=parent.qualified)
