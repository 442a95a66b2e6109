"""CREATE TABLE in all its forms: what the new table takes from, and locks of, the tables that exist.

Sources: `DefineRelation`, `MergeAttributes`, `transformCreateStmt`, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrations_portal.risk.bounds import read_bound
from migrations_portal.risk.handlers import constraints, inheritance, keys, partitions
from migrations_portal.risk.handlers.columns import ColumnPlan, read_column, to_column
from migrations_portal.risk.handlers.safe_forms import attached
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.naming import index_name
from migrations_portal.risk.objects import Constraint, Uses
from migrations_portal.risk.render import expression
from migrations_portal.risk.trees import qualified, strings, type_schema

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node

_STRATEGIES = {
    "PARTITION_STRATEGY_RANGE": "range", "PARTITION_STRATEGY_LIST": "list", "PARTITION_STRATEGY_HASH": "hash",
}  # fmt: skip


def create_table(analysis: Analysis, node: Node, *, kind: str = "r") -> Relation | None:
    """CREATE TABLE, CREATE FOREIGN TABLE and CREATE TABLE … PARTITION OF; gives the new table."""
    relation = new_relation(
        analysis, node["relation"], kind, exists_ok=bool(node.get("if_not_exists"))
    )
    if relation is None:
        return None
    relation.persistence = node["relation"].get("relpersistence", "p")
    relation.empty = kind == "r" and relation.born > 0
    if relation.persistence == "u" and analysis.number:
        analysis.find("create-unlogged-table", name=relation.qualified)
    if "partspec" in node:
        relation.kind = "p"
        relation.strategy = _STRATEGIES.get(node["partspec"].get("strategy", ""), "")
        relation.key = tuple(
            _key_part(part["PartitionElem"]) for part in node["partspec"].get("partParams", ())
        )
    if "ofTypename" in node:
        _take_type(analysis, relation, node["ofTypename"])
    bound = node.get("partbound")
    for parent_node in node.get("inhRelations", ()):
        _inherit(analysis, relation, parent_node["RangeVar"], bound)
    plans = _enter_elements(analysis, relation, node)
    for plan in plans:
        _enter_sequence(analysis, relation, plan)
    _enter_constraints(analysis, relation, node, plans)
    return relation


def _key_part(part: Node) -> str:
    """A column of the partition key, or an expression in brackets."""
    name: str | None = part.get("name")
    return name if name is not None else f"({expression(part['expr'])})"


def new_relation(
    analysis: Analysis, name: Node, kind: str, *, exists_ok: bool = False, replaces: bool = False
) -> Relation | None:
    """Enter a new relation; None (with a finding where it would fail) when the name is taken."""
    schema = name.get("schemaname")
    if name.get("relpersistence") == "t":
        schema = "pg_temp"
    schema = schema or analysis.creation_schema()
    old = analysis.schema.get(schema, name["relname"])
    if old is not None and not old.assumed:
        if not exists_ok and not replaces and analysis.number:
            analysis.find("object-exists", at=name.get("location", -1), name=old.qualified)
        if exists_ok:
            analysis.find("exists-already", at=name.get("location", -1), name=old.qualified)
        return None
    if schema not in analysis.schema.schemas and schema != "pg_temp":
        if analysis.schema.complete and analysis.number:
            analysis.find("missing-object", at=name.get("location", -1), name=f"schema {schema}")
        analysis.schema.schemas.add(schema)
    # IF NOT EXISTS where nobody knows what exists: it may be a live table.
    perhaps_there = exists_ok and not analysis.schema.complete
    born = 0 if perhaps_there else analysis.number
    return analysis.schema.add(schema, name["relname"], kind, born=born)


def _take_type(analysis: Analysis, relation: Relation, node: Node) -> None:
    schema, name = qualified(node["names"])
    place = type_schema(analysis, schema, name)
    relation.of_type = (place, name)
    kind = analysis.schema.types.get((place, name))
    for attribute, ref in (kind.attributes if kind else {}).items():
        plan = ColumnPlan(attribute, ref, {})
        relation.columns[attribute] = to_column(analysis, plan)


def _inherit(analysis: Analysis, relation: Relation, name: Node, bound: Node | None) -> None:
    """Take columns and checks from the parent: a partition locks it fully, an inheriting table against changes."""
    parent = analysis.relation(name)
    if parent is None:
        return
    if bound is None:
        analysis.lock(parent, Lock.SHARE_UPDATE_EXCLUSIVE)
        relation.parents.append(parent.oid)
        parent.children.append(relation.oid)
    for column in parent.columns.values():
        relation.columns[column.name] = replace(column, inherited=True)
    for constraint in parent.constraints.values():
        if constraint.kind in "cn" and not constraint.no_inherit:
            relation.constraints[constraint.name] = replace(constraint, inherited=True)
    if bound is not None:
        _become_partition(analysis, parent, relation, bound)


def _become_partition(
    analysis: Analysis, parent: Relation, relation: Relation, bound_node: Node
) -> None:
    analysis.lock(parent, Lock.ACCESS_EXCLUSIVE)
    bound = read_bound(bound_node)
    partitions.read_default(analysis, parent, bound)
    partitions.clone_keys(analysis, parent)
    inheritance.join(analysis, parent, relation, bound)
    _copy_parts(analysis, parent, relation)
    if analysis.live(parent):
        analysis.find(
            "create-partition", table=parent.qualified, partition=relation.qualified,
            statements=attached(parent, relation.qualified, bound_node),
        )  # fmt: skip


def _copy_parts(analysis: Analysis, parent: Relation, relation: Relation) -> None:
    """Give the new partition the parent's foreign keys and indexes."""
    for constraint in parent.constraints.values():
        if constraint.kind == "f":
            copy = replace(constraint, parent=parent.oid, inherited=True)
            analysis.schema.add_key(relation, copy)
    for index in list(parent.indexes.values()):
        part = partitions.add_part(analysis, relation, index)
        if part.constraint:
            kind = "p" if part.primary else "x" if part.exclusion else "u"
            relation.constraints[part.constraint] = Constraint(
                part.constraint, kind, part.columns, index_name=part.name, inherited=True
            )


def _enter_elements(analysis: Analysis, relation: Relation, node: Node) -> list[ColumnPlan]:
    """Enter the columns, and those of LIKE; the constraints come when all columns are there."""
    plans = []
    for element in node.get("tableElts", ()):
        [(kind, body)] = element.items()
        if kind == "ColumnDef" and "colname" in body:
            plan = read_column(analysis, body)
            plans.append(plan)
            if "typeName" not in body and plan.name in relation.columns:
                _refine(relation, plan)
            else:
                relation.columns[plan.name] = to_column(analysis, plan)
        elif kind == "TableLikeClause":
            _copy_like(analysis, relation, body)
    return plans


def _refine(relation: Relation, plan: ColumnPlan) -> None:
    """`column WITH OPTIONS …` of a partition or typed table adds to a column that is there already."""
    column = relation.columns[plan.name]
    relation.columns[plan.name] = replace(
        column, not_null=column.not_null or plan.not_null or plan.primary
    )


_LIKE_DEFAULTS, _LIKE_CONSTRAINTS, _LIKE_GENERATED, _LIKE_IDENTITY, _LIKE_INDEXES = 8, 4, 16, 32, 64


def _copy_like(analysis: Analysis, relation: Relation, node: Node) -> None:
    source = analysis.relation(node["relation"])
    if source is None:
        return
    analysis.lock(source, Lock.ACCESS_SHARE)
    options = node.get("options", 0)
    _copy_columns(source, relation, options)
    if options & _LIKE_CONSTRAINTS:
        checks = {c.name: c for c in source.constraints.values() if c.kind == "c"}
        relation.constraints.update(
            (name, replace(check, inherited=False)) for name, check in checks.items()
        )
    for index in list(source.indexes.values()) if options & _LIKE_INDEXES else ():
        copy = partitions.add_part(analysis, relation, index)
        copy.parent = ""
        if copy.constraint:
            constraints.enter_key(analysis, relation, copy.name, copy.columns, primary=copy.primary)


def _copy_columns(source: Relation, relation: Relation, options: int) -> None:
    for column in source.columns.values():
        kept = (
            column.default
            if options & _LIKE_DEFAULTS or (column.generated and options & _LIKE_GENERATED)
            else None
        )
        relation.columns[column.name] = replace(column, default=kept, inherited=False,
            generated=column.generated if options & _LIKE_GENERATED else "",
            identity=column.identity and bool(options & _LIKE_IDENTITY),
        )  # fmt: skip


def _enter_sequence(analysis: Analysis, relation: Relation, plan: ColumnPlan) -> None:
    if not (plan.serial or plan.identity):
        return
    name = f"{relation.name}_{plan.name}_seq"
    sequence = analysis.schema.add(relation.schema, name, "S", born=analysis.number)
    sequence.owned_by = (relation.oid, plan.name)
    if plan.serial:
        uses = Uses(relations=frozenset({(sequence.oid, "")}))
        relation.columns[plan.name] = replace(relation.columns[plan.name], default=uses)


def _enter_constraints(
    analysis: Analysis, relation: Relation, node: Node, plans: list[ColumnPlan]
) -> None:
    for plan in plans:
        for item in plan.checks:
            _enter_check(analysis, relation, item, [plan.name])
        for item in plan.uniques:
            _enter_key(analysis, relation, item, (plan.name,))
        for item in plan.references:
            _enter_reference(analysis, relation, item, (plan.name,))
    elements = [*node.get("tableElts", ()), *node.get("constraints", ())]
    for element in elements:
        if "Constraint" in element:
            enter_table_constraint(analysis, relation, element["Constraint"])


def enter_table_constraint(analysis: Analysis, relation: Relation, node: Node) -> None:
    """Enter a table constraint of CREATE TABLE."""
    kind = node["contype"]
    if kind == "CONSTR_CHECK":
        _enter_check(analysis, relation, node, [])
    elif kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
        _enter_key(analysis, relation, node, tuple(strings(node.get("keys", []))))
    elif kind == "CONSTR_FOREIGN":
        _enter_reference(analysis, relation, node, tuple(strings(node.get("fk_attrs", []))))
    elif kind == "CONSTR_EXCLUSION":
        elements = [item["List"]["items"][0]["IndexElem"] for item in node.get("exclusions", ())]
        columns = tuple(element.get("name", "") for element in elements)
        name = node.get("conname") or index_name(
            analysis.schema, relation, "_".join(filter(None, columns)), "excl"
        )
        constraints.enter_exclusion(analysis, relation, name, columns, node)
    elif kind == "CONSTR_NOTNULL":
        for column in strings(node.get("keys", [])):
            if column in relation.columns:
                relation.columns[column] = replace(relation.columns[column], not_null=True)


def _enter_check(analysis: Analysis, relation: Relation, node: Node, columns: list[str]) -> None:
    built = constraints.check_constraint(
        analysis, relation, node, columns=columns, name=node.get("conname")
    )
    # CREATE TABLE has no rows yet, so even NOT VALID is entered as valid.
    relation.constraints[built.name] = built if built.validated else replace(built, validated=True)


def _enter_key(
    analysis: Analysis, relation: Relation, node: Node, columns: tuple[str, ...]
) -> None:
    primary = node["contype"] == "CONSTR_PRIMARY"
    name = node.get("conname") or index_name(
        analysis.schema,
        relation,
        "" if primary else "_".join(columns),
        "pkey" if primary else "key",
    )
    constraints.enter_key(analysis, relation, name, columns, primary=primary)


def _enter_reference(
    analysis: Analysis, relation: Relation, node: Node, columns: tuple[str, ...]
) -> None:
    entered = keys.enter_foreign_key(analysis, relation, node, columns=columns)
    if entered is None:
        return
    target, constraint = entered
    if not constraint.validated:
        relation.constraints[constraint.name] = replace(constraint, validated=True)
    if analysis.live(target) and target is not relation and analysis.number:
        analysis.find(
            "foreign-key-on-new-table", at=node.get("location", -1), table=relation.qualified,
            target=target.qualified, constraint=constraint.name, columns=", ".join(columns),
        )  # fmt: skip
