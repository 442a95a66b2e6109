"""ALTER TABLE on constraints: check, NOT NULL, unique, primary key, exclude; drop, validate, alter, rename.

Sources: `ATExecAddConstraint`, `ATExecAddIndex`, `ATExecValidateConstraint` in tablecmds.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from migrations_portal.risk.handlers import keys, programs
from migrations_portal.risk.handlers.not_null import require_not_null
from migrations_portal.risk.handlers.safe_forms import key_index
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.naming import constraint_name, index_name
from migrations_portal.risk.objects import Constraint, Index
from migrations_portal.risk.render import Text, ident
from migrations_portal.risk.trees import strings, uses_of

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node

HEIRS_LOCKED = 18
"""From this version on, ADD CONSTRAINT of any kind first locks all that inherit, like the table itself."""


def add_constraint(change: TableChange, command: Node) -> None:
    """ADD CONSTRAINT of any kind."""
    node = command["def"]["Constraint"]
    kind = node["contype"]
    if change.analysis.version >= HEIRS_LOCKED:
        change.reach()
    if kind == "CONSTR_CHECK":
        add_check(change, node)
    elif kind == "CONSTR_NOTNULL":
        add_not_null(change, node)
    elif kind == "CONSTR_FOREIGN":
        change.validate_keys = True
        columns = tuple(strings(node.get("fk_attrs", [])))
        keys.add_foreign_key(change, node, columns=columns, at=node.get("location", -1))
    elif kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
        add_key(change, node)
    elif kind == "CONSTR_EXCLUSION":
        add_exclusion(change, node)


def add_check(change: TableChange, node: Node) -> None:
    """ADD CHECK: a scan unless it is NOT VALID (or NOT ENFORCED)."""
    analysis, relation = change.analysis, change.relation
    inherits = not node.get("is_no_inherit")
    enforced = bool(node.get("is_enforced"))
    scanned = enforced and not node.get("skip_validation")
    members = change.reach() if inherits else [relation]
    name = node.get("conname")
    for member in members:
        if name in member.constraints and member is not relation:
            continue
        if scanned:
            change.check(member)
    if scanned:
        programs.evaluate(analysis, node.get("raw_expr"))
    entered = enter_check(change, node, [])
    if analysis.live(relation):
        rule = "add-check" if scanned else "add-check-not-valid"
        analysis.find(
            rule, at=node.get("location", -1), table=relation.qualified, constraint=entered,
            expression=Text(node.get("raw_expr")), ending="" if inherits else " NO INHERIT",
        )  # fmt: skip


def enter_check(change: TableChange, node: Node, columns: list[str]) -> str:
    """Enter a CHECK in the catalogue of the table and of those that inherit it; gives its name."""
    analysis, relation = change.analysis, change.relation
    members = [relation]
    if change.inherit and not node.get("is_no_inherit"):
        members += analysis.schema.descendants(relation)
    name = node.get("conname")
    for member in members:
        constraint = check_constraint(analysis, member, node, columns=columns, name=name)
        name = constraint.name
        own = constraint if member is relation else replace(constraint, inherited=True)
        member.constraints.setdefault(name, own)
    return name or ""


def check_constraint(
    analysis: Analysis, relation: Relation, node: Node, *, columns: list[str], name: str | None
) -> Constraint:
    """Build a CHECK from its node."""
    expression = node.get("raw_expr")
    uses = uses_of(analysis, expression, relation)
    used = sorted(uses.columns)
    label = columns[0] if columns else (used[0] if len(used) == 1 else "")
    return Constraint(
        name or constraint_name(relation, label, "check"), "c", tuple(used),
        validated=not node.get("skip_validation"), enforced=bool(node.get("is_enforced")),
        expression=expression, uses=uses, no_inherit=bool(node.get("is_no_inherit")),
    )  # fmt: skip


def add_not_null(change: TableChange, node: Node) -> None:
    """ADD CONSTRAINT … NOT NULL column (PostgreSQL 18): like SET NOT NULL, or unproven with NOT VALID."""
    analysis, relation = change.analysis, change.relation
    [column] = strings(node["keys"])
    if node.get("skip_validation"):
        for member in change.reach():
            name = node.get("conname") or constraint_name(member, column, "not_null")
            member.constraints[name] = Constraint(name, "n", (column,), validated=False)
        return
    no_inherit = bool(node.get("is_no_inherit"))
    scanned = require_not_null(change, column, inherits=not no_inherit)
    name = node.get("conname") or constraint_name(relation, column, "not_null")
    relation.constraints[name] = Constraint(name, "n", (column,), no_inherit=no_inherit)
    if analysis.live(relation):
        rule = "set-not-null" if scanned else "set-not-null-proven"
        analysis.find(rule, at=node.get("location", -1), table=relation.qualified, column=column)


def add_key(change: TableChange, node: Node, *, judged: bool = False) -> None:
    """ADD UNIQUE or PRIMARY KEY: builds an index under ACCESS EXCLUSIVE, or takes over a ready one."""
    analysis, relation = change.analysis, change.relation
    primary = node["contype"] == "CONSTR_PRIMARY"
    ready = relation.indexes.get(node["indexname"]) if node.get("indexname") else None
    columns = ready.columns if ready else tuple(strings(node.get("keys", [])))
    unproven = [c for c in columns if primary and c not in change.new_columns]
    unproven = [c for c in unproven if require_not_null(change, c)]
    name = node.get("conname") or (ready.name if ready else "")
    if not node.get("indexname"):
        name = _build_key(change, node, relation, columns, parent="")
    elif ready is None and primary and relation.assumed:
        # Whether the columns of an unknown index may be NULL cannot be said.
        change.check(relation)
        unproven = list(columns) or [""]
    elif ready is not None:
        if unfit := _unfit(ready):
            analysis.find(
                "key-index-unfit", index=ready.name, table=relation.qualified, reason=unfit
            )
        _take_over(analysis, relation, ready, name, primary=primary)
    if analysis.live(relation) and not judged:
        rule = _key_rule(primary=primary, ready=bool(node.get("indexname")), scanned=bool(unproven))
        safe = {} if relation.kind == "p" else _safe_key(relation, name, node, unproven)
        analysis.find(
            rule, at=node.get("location", -1), table=relation.qualified, columns=", ".join(columns),
            constraint=name, kind="PRIMARY KEY" if primary else "UNIQUE", **safe,
        )  # fmt: skip


def _safe_key(relation: Relation, name: str, node: Node, unproven: list[str]) -> dict[str, Any]:
    """What the safe form of a key consists of: proofs of NOT NULL, the index, and the ending of the constraint."""
    table = ".".join(map(ident, (relation.schema, relation.name)))
    proofs = [_proof(table, column) for column in unproven if column]
    ending = " DEFERRABLE" if node.get("deferrable") else ""
    ending += " INITIALLY DEFERRED" if node.get("initdeferred") else ""
    return {
        "proofs": "".join(proofs), "index_statement": key_index(relation, name, node), "ending": ending,
    }  # fmt: skip


def _proof(table: str, column: str) -> str:
    proof, name = ident(f"{column}_set"), ident(column)
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT {proof} CHECK ({name} IS NOT NULL) NOT VALID;\n"
        f"-- in a transaction of its own:\nALTER TABLE {table} VALIDATE CONSTRAINT {proof};\n-- then:\n"
        f"ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL;\n"
        f"ALTER TABLE {table} DROP CONSTRAINT {proof};\n"
    )


def _unfit(index: Index) -> str:
    """Why PostgreSQL refuses to make a key of an index; empty when it does not. Source: transformIndexConstraint."""
    if not index.unique:
        return "is not unique"
    if index.partial:
        return "covers only part of the rows"
    return "is built over an expression" if "" in index.columns else ""


def _key_rule(*, primary: bool, ready: bool, scanned: bool) -> str:
    if not ready:
        return "add-primary-key" if primary else "add-unique"
    return "primary-key-using-nullable-index" if scanned else "add-key-using-index"


def _build_key(
    change: TableChange, node: Node, member: Relation, columns: tuple[str, ...], *, parent: str
) -> str:
    """Build the index of a key on a table and, part by part, on its partitions; gives the key's name."""
    analysis, primary = change.analysis, node["contype"] == "CONSTR_PRIMARY"
    if member is not change.relation:
        analysis.lock(member, _part_lock(change, node))
    analysis.scan(member)
    own = node.get("conname") if member is change.relation else None
    label = "pkey" if primary else "key"
    name: str = own or index_name(
        analysis.schema, member, "" if primary else "_".join(columns), label
    )
    enter_key(analysis, member, name, columns, primary=primary)
    member.indexes[name].parent = parent
    for oid in member.children if member.kind == "p" and change.inherit else ():
        if (child := analysis.schema.relations.get(oid)) is not None:
            _build_key(change, node, child, columns, parent=name)
    return name


def _part_lock(change: TableChange, node: Node) -> Lock:
    """The lock on a partition whose part of a key is built; a deferrable one needs a trigger as well."""
    if change.analysis.version >= HEIRS_LOCKED:
        return change.lock
    return Lock.SHARE_ROW_EXCLUSIVE if node.get("deferrable") else Lock.SHARE


def enter_key(
    analysis: Analysis, relation: Relation, name: str, columns: tuple[str, ...], *, primary: bool
) -> None:
    """Enter a unique or primary key and the index behind it."""
    index = Index(
        name, relation.schema, relation.oid, columns, unique=True, primary=primary, constraint=name
    )
    analysis.schema.add_index(relation, index)
    relation.constraints[name] = Constraint(name, "p" if primary else "u", columns, index_name=name)
    if primary:
        for column in columns:
            if column in relation.columns:
                relation.columns[column] = replace(relation.columns[column], not_null=True)


def _take_over(
    analysis: Analysis, relation: Relation, index: Index, name: str, *, primary: bool
) -> None:
    analysis.schema.drop_index(relation, index.name)
    index.name, index.primary, index.constraint = name, primary, name
    analysis.schema.add_index(relation, index)
    kind = "p" if primary else "u"
    relation.constraints[name] = Constraint(name, kind, index.columns, index_name=name)


def add_exclusion(change: TableChange, node: Node) -> None:
    """ADD EXCLUDE: builds an index and checks it against itself, under ACCESS EXCLUSIVE."""
    analysis, relation = change.analysis, change.relation
    elements = [item["List"]["items"][0]["IndexElem"] for item in node.get("exclusions", ())]
    columns = tuple(element.get("name", "") for element in elements)
    name = node.get("conname") or index_name(
        analysis.schema, relation, "_".join(filter(None, columns)), "excl"
    )
    tree = relation.kind == "p" and change.inherit
    for member in (relation, *(analysis.schema.descendants(relation) if tree else ())):
        if member is not relation:
            analysis.lock(member, _part_lock(change, node))
        analysis.scan(member)
    enter_exclusion(analysis, relation, name, columns, node)
    if analysis.live(relation):
        analysis.find(
            "add-exclusion", at=node.get("location", -1), table=relation.qualified, constraint=name
        )


def enter_exclusion(
    analysis: Analysis, relation: Relation, name: str, columns: tuple[str, ...], node: Node
) -> None:
    """Enter an exclusion constraint and its index."""
    uses = uses_of(analysis, [node.get("exclusions"), node.get("where_clause")], relation)
    index = Index(
        name, relation.schema, relation.oid, columns, method=node.get("access_method", "gist"),
        constraint=name, exclusion=True, partial="where_clause" in node, uses=uses,
    )  # fmt: skip
    analysis.schema.add_index(relation, index)
    relation.constraints[name] = Constraint(name, "x", columns, index_name=name, uses=uses)
