"""ALTER TABLE on constraints that are there: drop, validate, alter.

Sources: `ATExecDropConstraint`, `ATExecValidateConstraint`, `ATExecAlterConstraint` in tablecmds.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrations_portal.risk.handlers import dependencies, keys
from migrations_portal.risk.handlers.not_null import make_not_null
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.naming import object_name
from migrations_portal.risk.objects import Constraint

if TYPE_CHECKING:
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


NAMES_NOT_NULL = 18
"""From this version on, each NOT NULL is a constraint with a name."""


def find_constraint(change: TableChange, name: str) -> Constraint | None:
    """The table's constraint of this name; a NOT NULL that nobody has named has the name that PostgreSQL gives it."""
    relation = change.relation
    found = relation.constraints.get(name)
    if found is not None or change.analysis.version < NAMES_NOT_NULL:
        return found
    named = {c.columns[0] for c in relation.constraints.values() if c.kind == "n"}
    for column in relation.columns.values():
        unnamed = column.not_null and column.name not in named
        if unnamed and object_name(relation.name, column.name, "not_null") == name:
            return Constraint(name, "n", (column.name,))
    return None


def drop_constraint(change: TableChange, command: Node) -> None:
    """DROP CONSTRAINT: with its index, its copies below, and the locks of a foreign key on its partner."""
    analysis, relation, name = change.analysis, change.relation, command["name"]
    constraint = find_constraint(change, name)
    if relation.kind == "p":
        change.reach()
    if constraint is None:
        _say_missing(change, command)
        return
    if constraint.kind in "cn" and not constraint.no_inherit:
        if not change.inherit:
            change.lock_heirs()
        for member in change.reach():
            _drop_check(member, constraint)
    elif constraint.kind in "cn":
        _drop_check(relation, constraint)
    else:
        _refuse_if_referenced(change, constraint, command)
        dependencies.drop_constraint(analysis, relation, constraint, named=True)
    if analysis.live(relation):
        rule = {"f": "drop-foreign-key", "p": "drop-primary-key"}.get(
            constraint.kind, "drop-constraint"
        )
        target = analysis.schema.relations.get(constraint.ref)
        analysis.find(
            rule, table=relation.qualified, constraint=name, target=target.qualified if target else "",
        )  # fmt: skip


def _say_missing(change: TableChange, command: Node) -> None:
    relation, name = change.relation, command["name"]
    if relation.assumed:
        change.analysis.find("drop-unknown-constraint", table=relation.qualified, constraint=name)
    elif not command.get("missing_ok"):
        change.analysis.find("missing-object", name=f"constraint {name} of {relation.qualified}")


def _drop_check(relation: Relation, constraint: Constraint) -> None:
    relation.constraints.pop(constraint.name, None)
    if constraint.kind == "n" and constraint.columns[0] in relation.columns:
        column = relation.columns[constraint.columns[0]]
        relation.columns[column.name] = replace(column, not_null=False)


def _refuse_if_referenced(change: TableChange, constraint: Constraint, command: Node) -> None:
    """A key that other tables' foreign keys rest on goes only with CASCADE."""
    analysis, relation = change.analysis, change.relation
    if command.get("behavior") == "DROP_CASCADE" or constraint.kind not in "pu":
        return
    holders = [
        f"{holder.qualified}.{key.name}"
        for holder, key in analysis.schema.referencing(relation)
        if set(key.ref_columns) == set(constraint.columns) and not key.parent
    ]
    if holders:
        analysis.find("has-dependants", name=constraint.name, dependants=", ".join(holders))


def validate_constraint(change: TableChange, command: Node) -> None:
    """VALIDATE CONSTRAINT: reads the rows under SHARE UPDATE EXCLUSIVE; nothing at all when it is valid already."""
    analysis, relation, name = change.analysis, change.relation, command["name"]
    constraint = find_constraint(change, name)
    if constraint is None:
        if not relation.assumed:
            analysis.find("missing-object", name=f"constraint {name} of {relation.qualified}")
            return
        change.check(relation)
    elif not constraint.validated:
        _validate(change, constraint)
    if analysis.live(relation):
        analysis.find("validate-constraint", table=relation.qualified, constraint=name)


def _validate(change: TableChange, constraint: Constraint) -> None:
    analysis, relation = change.analysis, change.relation
    relation.constraints[constraint.name] = replace(constraint, validated=True)
    if constraint.kind == "f":
        keys.validate_foreign_key(analysis, relation, constraint)
        return
    members = change.reach() if not constraint.no_inherit else [relation]
    for member in members:
        change.check(member)
        own = member.constraints.get(constraint.name)
        if own is not None:
            member.constraints[constraint.name] = replace(own, validated=True)
        if constraint.kind == "n" and (column := member.columns.get(constraint.columns[0])):
            member.columns[column.name] = replace(column, not_null=True)


def alter_constraint(change: TableChange, command: Node) -> None:
    """ALTER CONSTRAINT: deferrability, or (PostgreSQL 18) whether it is enforced at all."""
    analysis, relation = change.analysis, change.relation
    node = command["def"].get("ATAlterConstraint") or command["def"].get("Constraint")
    name = node["conname"]
    constraint = find_constraint(change, name)
    if constraint is not None and constraint.kind == "f":
        if node.get("alterDeferrability", "deferrable" in node):
            deferrable, later = bool(node.get("deferrable")), bool(node.get("initdeferred"))
            constraint = replace(constraint, deferrable=deferrable, deferred=later)
            relation.constraints[name] = constraint
        for child in analysis.schema.descendants(relation) if relation.kind == "p" else ():
            analysis.lock(child, change.lock)
        if node.get("alterEnforceability"):
            _enforce(change, constraint, enforced=bool(node.get("is_enforced")))
    elif constraint is not None and constraint.kind == "n" and node.get("alterInheritability"):
        _hand_down(change, constraint, inherits=not node.get("noinherit"))
    if analysis.live(relation):
        analysis.find("alter-constraint", table=relation.qualified, constraint=name)


def _hand_down(change: TableChange, constraint: Constraint, *, inherits: bool) -> None:
    """INHERIT gives a NOT NULL to the tables below, whose rows are read for it; NO INHERIT leaves it there as their own."""
    relation, [column] = change.relation, constraint.columns
    if inherits != constraint.no_inherit:
        return
    relation.constraints[constraint.name] = replace(constraint, no_inherit=not inherits)
    if inherits:
        for member in change.reach():
            make_not_null(change, member, column)
    else:
        change.lock_heirs()


def _enforce(change: TableChange, constraint: Constraint, *, enforced: bool) -> None:
    analysis, relation = change.analysis, change.relation
    target = analysis.schema.relations.get(constraint.ref)
    if enforced == constraint.enforced or target is None:
        return
    entered = replace(constraint, enforced=enforced, validated=enforced)
    relation.constraints[constraint.name] = entered
    if enforced:
        analysis.lock(target, Lock.SHARE_ROW_EXCLUSIVE)
        change.validate_keys = True
        change.keys_to_check.append((relation, target, constraint.columns))
    else:
        analysis.lock(target, Lock.ACCESS_EXCLUSIVE)
