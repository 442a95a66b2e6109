"""ALTER TABLE on columns: add, drop, NOT NULL, defaults, generated and identity columns.

Sources: `ATExecAddColumn`, `ATExecDropColumn`, `ATExecSetNotNull` in tablecmds.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from migrations_portal.risk.handlers import constraints, dependencies, keys, programs
from migrations_portal.risk.handlers.not_null import NEVER_TWICE, require_not_null
from migrations_portal.risk.naming import object_name
from migrations_portal.risk.objects import NOTHING, Column, TypeRef
from migrations_portal.risk.render import Text, TypeText, ident
from migrations_portal.risk.trees import (
    is_null,
    is_serial,
    strings,
    type_ref,
    uses_of,
    volatile,
)
from migrations_portal.risk.type_changes import domain_constrained, unknown_type

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


class ColumnPlan(Struct):
    """A column definition, read: what a new column needs beyond its name."""

    name: str
    type: TypeRef | None
    node: Node
    serial: bool = False
    not_null: bool = False
    primary: bool = False
    identity: bool = False
    generated: str = ""
    default: Node | None = None
    checks: tuple[Node, ...] = ()
    uniques: tuple[Node, ...] = ()
    references: tuple[Node, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether rows that are there get NULL."""
        return not (self.serial or self.identity) and (
            self.default is None or is_null(self.default)
        )


def read_column(analysis: Analysis, node: Node) -> ColumnPlan:
    """Read a ColumnDef with its inline constraints."""
    kind = node.get("typeName")
    serial = is_serial(kind)
    plan = ColumnPlan(
        node["colname"],
        type_ref(analysis, kind),
        node,
        serial=serial,
        not_null=serial or bool(node.get("is_not_null")),
        default=node.get("raw_default"),
    )
    if "constraints" in node:
        items = [item["Constraint"] for item in node["constraints"]]
        for item in _with_attributes(items) if len(items) > 1 else items:
            _read_inline(plan, item)
    return plan


_ATTRIBUTES: dict[str, Node] = {
    "CONSTR_ATTR_NOT_ENFORCED": {"is_enforced": False, "skip_validation": True},
    "CONSTR_ATTR_DEFERRABLE": {"deferrable": True},
    "CONSTR_ATTR_DEFERRED": {"deferrable": True, "initdeferred": True},
}


def _with_attributes(items: list[Node]) -> list[Node]:
    """NOT ENFORCED, DEFERRABLE and their like stand behind the constraint that they belong to."""
    read: list[Node] = []
    for item in items:
        attributes = _ATTRIBUTES.get(item["contype"])
        if attributes is not None and read:
            read[-1] = read[-1] | attributes
        else:
            read.append(item)
    return read


def _read_inline(plan: ColumnPlan, item: Node) -> None:
    kind = item["contype"]
    if kind == "CONSTR_NOTNULL":
        plan.not_null = True
    elif kind == "CONSTR_DEFAULT":
        plan.default = item.get("raw_expr")
    elif kind == "CONSTR_IDENTITY":
        plan.identity = plan.not_null = True
    elif kind == "CONSTR_GENERATED":
        plan.generated = item.get("generated_kind", "s")
        plan.default = item.get("raw_expr")
    elif kind == "CONSTR_CHECK":
        plan.checks += (item,)
    elif kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
        plan.primary |= kind == "CONSTR_PRIMARY"
        plan.uniques += (item,)
    elif kind == "CONSTR_FOREIGN":
        plan.references += (item,)


def to_column(analysis: Analysis, plan: ColumnPlan, *, inherited: bool = False) -> Column:
    """Build the catalogue's column from its definition."""
    has_default = plan.serial or (plan.default is not None and not is_null(plan.default))
    uses = uses_of(analysis, plan.default) if plan.default is not None else NOTHING
    clause = plan.node.get("collClause")
    return Column(
        plan.name,
        plan.type,
        not_null=plan.not_null or plan.primary,
        default=uses if has_default else None,
        generated=plan.generated,
        identity=plan.identity,
        collation=".".join(strings(clause["collname"])) if clause else "",
        inherited=inherited,
    )


def add_column(change: TableChange, command: Node) -> None:
    """ADD COLUMN, on the table and all that inherit from it."""
    analysis, relation = change.analysis, change.relation
    plan = read_column(analysis, command["def"]["ColumnDef"])
    if plan.name in relation.columns:
        if not command.get("missing_ok"):
            analysis.find(
                "object-exists", at=plan.node.get("location", -1), name=f"column {plan.name}"
            )
        return
    change.new_columns.add(plan.name)
    if plan.empty:
        change.empty_columns.add(plan.name)
    programs.evaluate(analysis, plan.default, *[item.get("raw_expr") for item in plan.checks])
    work = _work_of(analysis, plan)
    for member in change.reach_lacking(plan.name):
        if plan.name not in member.columns:
            analysis.new_columns.add((member.oid, plan.name))
            _fill(change, member, plan, rewritten=bool(work))
    if plan.serial or plan.identity:
        _add_sequence(analysis, relation, plan)
    if analysis.live(relation):
        _judge_new_column(analysis, relation, plan, work)
    _add_inline_constraints(change, plan)


def _fill(change: TableChange, member: Relation, plan: ColumnPlan, *, rewritten: bool) -> None:
    """Give one table the column: written into each row, or checked against each row, or neither."""
    if rewritten:
        change.rewrite(member)
    elif _read_for_not_null(plan):
        change.check(member)
    inherited = member is not change.relation
    member.columns[plan.name] = to_column(change.analysis, plan, inherited=inherited)


def _work_of(analysis: Analysis, plan: ColumnPlan) -> str:
    """Why the new column rewrites the table: a rule id, or an empty string when it does not."""
    if plan.generated:
        return "add-generated-column" if plan.generated == "s" else ""
    if plan.identity:
        return "add-identity-column"
    if plan.serial:
        return "add-serial-column"
    if domain_constrained(analysis, plan.type):
        return "add-domain-column"
    changing = plan.default is not None and volatile(analysis, plan.default)
    return "add-volatile-default" if changing else ""


def _unproven_not_null(plan: ColumnPlan) -> bool:
    """NOT NULL without a default must be checked against the rows (and fails unless there are none)."""
    required = plan.not_null or plan.primary
    return required and (plan.default is None or is_null(plan.default))


def _read_for_not_null(plan: ColumnPlan) -> bool:
    """A virtual column stores nothing: what it gives for each row must be looked at."""
    return _unproven_not_null(plan) or (plan.not_null and plan.generated == "v")


def _judge_new_column(analysis: Analysis, relation: Relation, plan: ColumnPlan, work: str) -> None:
    unknown = not work and unknown_type(analysis, plan.type)
    required = plan.not_null or plan.primary
    if not (work or unknown or required or plan.checks or plan.uniques):
        return
    at, values = plan.node.get("location", -1), _words(relation, plan)
    if work:
        analysis.find(work, at=at, **values)
    elif unknown:
        analysis.find("unknown-type", at=at, **values)
    elif _unproven_not_null(plan):
        analysis.find("add-required-column", at=at, **values)
    if required:
        analysis.find("add-not-null-column", at=at, **values)
    if plan.checks:
        analysis.find("add-column-check", at=at, checks=_checks(relation, plan), **values)
    if plan.uniques:
        analysis.find("add-column-unique", at=at, **values)


def _words(relation: Relation, plan: ColumnPlan) -> dict[str, Any]:
    return {
        "table": relation.qualified, "column": plan.name, "type": _type_words(plan), "default": Text(plan.default),
        "sequence": f"{relation.schema}.{object_name(relation.name, plan.name, 'seq')}",
        "required": plan.not_null or plan.primary,
    }  # fmt: skip


def _type_words(plan: ColumnPlan) -> object:
    if plan.serial or "typeName" not in plan.node:
        return str(plan.type or "the type")
    return TypeText(plan.node["typeName"])


def _checks(relation: Relation, plan: ColumnPlan) -> str:
    """The column's CHECKs, each added for new rows first and validated after."""
    table = ".".join(map(ident, (relation.schema, relation.name)))
    lines = []
    for number, item in enumerate(plan.checks):
        name = ident(item.get("conname") or f"{plan.name}_check{number or ''}")
        condition = Text(item.get("raw_expr"))
        lines.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID;")
        lines.append(
            f"-- in a transaction of its own:\nALTER TABLE {table} VALIDATE CONSTRAINT {name};"
        )
    return "\n".join(lines)


def _add_inline_constraints(change: TableChange, plan: ColumnPlan) -> None:
    at = plan.node.get("location", -1)
    if (plan.not_null or plan.primary) and change.analysis.version >= NEVER_TWICE:
        require_not_null(change, plan.name, anew=True)
    for item in plan.checks:
        constraints.enter_check(change, item, [plan.name])
        for member in change.reach() if item.get("is_enforced") else ():
            change.check(member)
    for item in plan.uniques:
        constraints.add_key(change, item | {"keys": [{"String": {"sval": plan.name}}]}, judged=True)
    if plan.default is not None:
        change.validate_keys = True
    for item in plan.references:
        keys.add_foreign_key(change, item, columns=(plan.name,), at=at)


def _add_sequence(analysis: Analysis, relation: Relation, plan: ColumnPlan) -> None:
    name = f"{relation.name}_{plan.name}_seq"
    sequence = analysis.schema.add(relation.schema, name, "S", born=analysis.number)
    sequence.owned_by = (relation.oid, plan.name)
    column = relation.columns.get(plan.name)
    if column is not None and plan.serial:
        uses = replace(NOTHING, relations=frozenset({(sequence.oid, "")}))
        relation.columns[plan.name] = replace(column, default=uses)


def drop_column(change: TableChange, command: Node) -> None:
    """DROP COLUMN, with everything that hangs on the column."""
    analysis, relation, name = change.analysis, change.relation, command["name"]
    if name not in relation.columns and not relation.assumed:
        if not command.get("missing_ok"):
            analysis.find("missing-object", name=f"column {relation.qualified}.{name}")
        return
    cascade = command.get("behavior") == "DROP_CASCADE"
    if not change.inherit:
        change.lock_heirs()
    for member in change.reach():
        if member is relation or name in member.columns:
            dependencies.drop_column(analysis, member, name, cascade=cascade)
    analysis.seen.destroys |= analysis.live(relation)
    if analysis.live(relation):
        analysis.find("drop-column", table=relation.qualified, column=name)


def set_not_null(change: TableChange, command: Node) -> None:
    """SET NOT NULL: a scan, unless a validated CHECK already proves it (PostgreSQL 12 and newer)."""
    scanned = require_not_null(change, command["name"])
    relation = change.relation
    if not change.analysis.live(relation):
        return
    rule = "set-not-null" if scanned else "set-not-null-proven"
    change.analysis.find(rule, table=relation.qualified, column=command["name"])


def drop_not_null(change: TableChange, command: Node) -> None:
    """DROP NOT NULL: a change of the catalogue only; it can be undone only while no NULL has come in."""
    name = command["name"]
    own = change.relation.columns.get(name)
    idle = own is not None and not own.not_null and change.analysis.version >= NEVER_TWICE
    for member in [] if idle else change.reach():
        if (column := member.columns.get(name)) is not None:
            member.columns[name] = replace(column, not_null=False)
    relation = change.relation
    if change.analysis.live(relation):
        change.analysis.find("drop-not-null", table=relation.qualified, column=name)
