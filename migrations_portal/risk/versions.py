"""What a statement says that only newer servers understand: the parser knows the words of PostgreSQL 18.

Source: the release notes of PostgreSQL 14 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.trees import below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from migrations_portal.risk.parser import Node

_COMMANDS = {
    "AT_SetExpression": ("SET EXPRESSION", 17), "AT_SetCompression": ("SET COMPRESSION", 14),
    "AT_SetAccessMethod": ("SET ACCESS METHOD", 15), "AT_DetachPartitionFinalize": ("FINALIZE", 14),
}  # fmt: skip
_NEWER_COMMANDS = frozenset(
    {*_COMMANDS, "AT_DetachPartition", "AT_AddConstraint", "AT_AlterConstraint"}
)
"""Commands that are new, or that have got new words."""
_DECLARING = frozenset({"AT_AddColumn", "AT_AddConstraint"})
_OLD = frozenset({"CONSTR_NOTNULL", "CONSTR_NULL", "CONSTR_DEFAULT", "CONSTR_IDENTITY"})
_CONSTRAINTS = {
    "CONSTR_ATTR_NOT_ENFORCED": ("NOT ENFORCED", 18),
    "CONSTR_ATTR_ENFORCED": ("ENFORCED", 18),
}


NEWEST = 18
"""The version whose grammar the parser has: nothing is newer."""


def too_new(kind: str, node: Node, version: int) -> Iterable[tuple[str, int]]:
    """Give what the statement says and the version that it needs, where that is above the server's."""
    if version >= NEWEST or (read := _READERS.get(kind)) is None:
        return ()
    found = dict(read(node))
    return [(what, needed) for what, needed in found.items() if needed > version] if found else ()


def _alter_table(node: Node) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    constraints: list[Node] = []
    for item in node["cmds"]:
        command = item["AlterTableCmd"]
        subtype = command["subtype"]
        if subtype in _NEWER_COMMANDS:
            found += _of_command(command)
        if subtype in _DECLARING:
            constraints += _declared(command["def"])
    return found + _of_constraints(constraints) if constraints else found


def _create_table(node: Node) -> list[tuple[str, int]]:
    constraints: list[Node] = []
    for element in (*node.get("tableElts", ()), *node.get("constraints", ())):
        constraints += _declared(element)
    return _of_constraints(constraints)


def _anywhere(node: Node) -> list[tuple[str, int]]:
    return _of_constraints(below(node, "Constraint"))


def _declared(element: Node) -> list[Node]:
    """The constraints that an element of a table is or, for a column, has."""
    column = element.get("ColumnDef")
    if column is not None:
        declared = column.get("constraints")
        return [] if declared is None else [item["Constraint"] for item in declared]
    return [element["Constraint"]] if "Constraint" in element else []


def _of_constraints(constraints: Iterable[Node]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for constraint in constraints:
        if constraint["contype"] not in _OLD:
            found += _of_constraint(constraint)
    return found


def _merge(node: Node) -> Iterator[tuple[str, int]]:
    yield "MERGE", 15
    if "returningClause" in node or "returningList" in node:
        yield "MERGE … RETURNING", 17


def _create_function(node: Node) -> Iterator[tuple[str, int]]:
    if "sql_body" in node:
        yield "A function body without quotes", 14


def _create_index(node: Node) -> Iterator[tuple[str, int]]:
    if node.get("nulls_not_distinct"):
        yield "NULLS NOT DISTINCT", 15


def _publication(node: Node) -> Iterator[tuple[str, int]]:
    if "IN_SCHEMA" in str(node.get("pubobjects")):
        yield "TABLES IN SCHEMA", 15


_READERS: dict[str, Callable[[Node], Iterable[tuple[str, int]]]] = {
    "AlterTableStmt": _alter_table, "CreateStmt": _create_table, "CreateForeignTableStmt": _anywhere,
    "CreateSchemaStmt": _anywhere, "IndexStmt": _create_index, "MergeStmt": _merge, "CreateFunctionStmt": _create_function,
    "CreatePublicationStmt": _publication, "AlterPublicationStmt": _publication,
}  # fmt: skip
"""The statements that have got new words since PostgreSQL 13."""


def _of_command(body: Node) -> Iterator[tuple[str, int]]:
    subtype, definition = body["subtype"], body.get("def", {})
    if subtype in _COMMANDS:
        yield _COMMANDS[subtype]
    elif subtype == "AT_DetachPartition" and definition["PartitionCmd"].get("concurrent"):
        yield "DETACH PARTITION … CONCURRENTLY", 14
    elif subtype == "AT_AddConstraint" and definition["Constraint"]["contype"] == "CONSTR_NOTNULL":
        yield "ADD CONSTRAINT … NOT NULL", 18
    elif definition.get("ATAlterConstraint", {}).get("alterEnforceability"):
        yield "ALTER CONSTRAINT … ENFORCED", 18


def _of_constraint(body: Node) -> Iterator[tuple[str, int]]:
    kind = body["contype"]
    if kind == "CONSTR_GENERATED" and body.get("generated_kind") == "v":
        yield "GENERATED … VIRTUAL", 18
    elif kind in _CONSTRAINTS:
        yield _CONSTRAINTS[kind]
    if body.get("nulls_not_distinct"):
        yield "NULLS NOT DISTINCT", 15
    if body.get("without_overlaps") or body.get("fk_with_period"):
        yield "WITHOUT OVERLAPS or PERIOD", 18
    if kind in ("CONSTR_CHECK", "CONSTR_FOREIGN") and not body.get("is_enforced"):
        yield "NOT ENFORCED", 18
