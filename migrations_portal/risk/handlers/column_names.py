"""Carrying a new column name to everything in the catalogue that knows the column by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Constraint, Relation, Uses


def rename_column(analysis: Analysis, relation: Relation, old: str, new: str) -> None:
    """Rename a column of one table: in its own entries, in foreign keys that point at it, in views over it."""
    _rename_columns(relation, old, new)
    for name, constraint in relation.constraints.items():
        relation.constraints[name] = _constraint(constraint, old, new)
    for index in relation.indexes.values():
        index.columns = _names(index.columns, old, new)
        index.included = _names(index.included, old, new)
        index.uses = _uses(index.uses, old, new)
    for name, trigger in relation.triggers.items():
        relation.triggers[name] = replace(
            trigger, columns=frozenset(_names(trigger.columns, old, new))
        )
    for name, policy in relation.policies.items():
        relation.policies[name] = _uses(policy, old, new)
    relation.led = None
    relation.key = _names(relation.key, old, new)
    for holder, key in list(analysis.schema.referencing(relation)):
        if old in key.ref_columns:
            ref_columns = _names(key.ref_columns, old, new)
            holder.constraints[key.name] = replace(key, ref_columns=ref_columns)
    _rename_in_views(analysis, relation, old, new)


def _rename_columns(relation: Relation, old: str, new: str) -> None:
    columns = {}
    for name, column in relation.columns.items():
        default = column.default and _uses(column.default, old, new)
        kept = new if name == old else name
        columns[kept] = replace(column, name=kept, default=default)
    relation.columns = columns


def _rename_in_views(analysis: Analysis, relation: Relation, old: str, new: str) -> None:
    before, after = (relation.oid, old), (relation.oid, new)
    for other in analysis.schema.relations.values():
        if other.kind in "vm" and before in other.uses.relations:
            relations = other.uses.relations - {before} | {after}
            other.uses = replace(other.uses, relations=relations)
        if other.owned_by == before:
            other.owned_by = after


def _constraint(constraint: Constraint, old: str, new: str) -> Constraint:
    if old not in constraint.columns and old not in constraint.uses.columns:
        return constraint
    return replace(
        constraint,
        columns=_names(constraint.columns, old, new),
        uses=_uses(constraint.uses, old, new),
        expression=constraint.expression and _expression(constraint.expression, old, new),
    )


def _names(names: Any, old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)


def _uses(uses: Uses, old: str, new: str) -> Uses:
    if old not in uses.columns:
        return uses
    return replace(uses, columns=frozenset(_names(uses.columns, old, new)))


def _expression(node: Any, old: str, new: str) -> Any:
    """Copy a tree with the column renamed."""
    if isinstance(node, list):
        return [_expression(item, old, new) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _expression(value, old, new) for key, value in node.items()}
    fields = copy.get("ColumnRef", {}).get("fields", ())
    if fields and fields[-1].get("String", {}).get("sval") == old:
        copy["ColumnRef"] = copy["ColumnRef"] | {
            "fields": [*fields[:-1], {"String": {"sval": new}}]
        }
    return copy
