"""What a statement says that only newer servers understand: the parser knows the words of PostgreSQL 18.

Source: the release notes of PostgreSQL 14 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.trees import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_CHANGING = frozenset({
    "AlterTableStmt", "CreateStmt", "CreateForeignTableStmt", "CreateSchemaStmt", "IndexStmt", "MergeStmt", "CreateFunctionStmt",
    "CreatePublicationStmt", "AlterPublicationStmt",
})  # fmt: skip
"""Statements that have got new words since PostgreSQL 13."""


def too_new(kind: str, node: Node, version: int) -> Iterator[tuple[str, int]]:
    """Give what the statement says and the version that it needs, where that is above the server's."""
    if version >= NEWEST or kind not in _CHANGING:
        return
    found = list(_of_statement(kind, node))
    for item in node.get("cmds", ()):
        command = item["AlterTableCmd"]
        if command["subtype"] in _NEWER_COMMANDS:
            found += _of_command(command)
    for constraint in _constraints(kind, node):
        if constraint["contype"] not in _OLD:
            found += _of_constraint(constraint)
    if found:
        yield from ((what, needed) for what, needed in dict(found).items() if needed > version)


def _constraints(kind: str, node: Node) -> list[Node]:
    """The constraints that a statement declares, of tables and of their columns."""
    if kind == "AlterTableStmt":
        elements = [
            command["def"]
            for item in node["cmds"]
            if (command := item["AlterTableCmd"])["subtype"] in _DECLARING
        ]
    elif kind == "CreateStmt":
        elements = [*node.get("tableElts", ()), *node.get("constraints", ())]
    elif kind in ("CreateForeignTableStmt", "CreateSchemaStmt"):
        elements = [{k: v} for k, v in walk(node) if k == "Constraint"]
    else:
        return []
    found = []
    for element in elements:
        if "ColumnDef" in element:
            found += [item["Constraint"] for item in element["ColumnDef"].get("constraints", ())]
        elif "Constraint" in element:
            found.append(element["Constraint"])
    return found


def _of_statement(kind: str, node: Node) -> Iterator[tuple[str, int]]:
    if kind == "MergeStmt":
        yield "MERGE", 15
        if "returningClause" in node or "returningList" in node:
            yield "MERGE … RETURNING", 17
    elif kind == "CreateFunctionStmt" and "sql_body" in node:
        yield "A function body without quotes", 14
    elif kind == "IndexStmt" and node.get("nulls_not_distinct"):
        yield "NULLS NOT DISTINCT", 15
    elif kind in ("CreatePublicationStmt", "AlterPublicationStmt") and "IN_SCHEMA" in str(
        node.get("pubobjects")
    ):
        yield "TABLES IN SCHEMA", 15


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
