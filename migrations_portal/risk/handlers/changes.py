"""What a data-changing statement says it will do, read from its tree: the event, the columns, the literal rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from migrations_portal.risk.trees import constant, is_null, last_name

if TYPE_CHECKING:
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


class Change(Struct, frozen=True):
    """A data change on one table: what is done to it, and the columns it sets (None = all of them)."""

    event: str
    columns: frozenset[str] | None
    where: Node | None = None
    nulls: frozenset[str] = frozenset()
    """Columns that get NULL in every row: a foreign key over one of them has nothing to look up."""
    same: frozenset[str] = frozenset()
    """Columns that are set to what they are: no key changes."""
    rows: tuple[dict[str, str | None], ...] = ()
    """The literal rows of an INSERT … VALUES."""


def changes_of(kind: str, body: Node, target: Relation) -> list[Change]:
    where = body.get("whereClause")
    if kind == "InsertStmt":
        changes = [_insert(target, body)]
        conflict = body.get("onConflictClause")
        if conflict is not None and conflict.get("action") == "ONCONFLICT_UPDATE":
            changes.append(Change("update", set_columns(conflict.get("targetList", ()))))
        return changes
    if kind == "UpdateStmt":
        return [_update(body.get("targetList", ()), where)]
    if kind == "DeleteStmt":
        return [Change("delete", None, where)]
    return [
        change
        for item in body.get("mergeWhenClauses", ())
        if (change := _merge(item["MergeWhenClause"]))
    ]


def _insert(target: Relation, body: Node) -> Change:
    """The rows are read only where a foreign key has to look something up for them."""
    keyed = any(constraint.kind == "f" for constraint in target.constraints.values())
    if not keyed and not target.children:
        return Change("insert", None)
    return Change(
        "insert", None, nulls=_inserted_nulls(target, body), rows=tuple(rows_of(target, body))
    )


def _update(targets: list[Node], where: Node | None) -> Change:
    items = [target["ResTarget"] for target in targets]
    nulls = frozenset(item.get("name", "") for item in items if is_null(item.get("val")))
    same = frozenset(item["name"] for item in items if "name" in item and _is_itself(item))
    return Change("update", set_columns(targets), where, nulls, same)


def _is_itself(item: Node) -> bool:
    reference = item.get("val", {}).get("ColumnRef")
    return reference is not None and last_name(reference["fields"]) == item["name"]


def _inserted_nulls(target: Relation, body: Node) -> frozenset[str]:
    """Columns that are NULL in every row of VALUES: said so, or left out without a default."""
    lists = body.get("selectStmt", {}).get("SelectStmt", {}).get("valuesLists", ())
    if target.assumed or not lists:
        return frozenset()
    given = [item["ResTarget"]["name"] for item in body.get("cols", ())] or list(target.columns)
    said = [
        {name for name, value in zip(given, row["List"]["items"], strict=False) if is_null(value)}
        for row in lists
    ]
    left_out = {
        column.name
        for column in target.columns.values()
        if column.name not in given and column.default is None and not column.identity
    }
    return frozenset(set.intersection(*said) | left_out)


def _merge(clause: Node) -> Change | None:
    kind = clause.get("commandType")
    if kind == "CMD_INSERT":
        return Change("insert", None)
    if kind == "CMD_UPDATE":
        return Change("update", set_columns(clause.get("targetList", ())))
    return Change("delete", None) if kind == "CMD_DELETE" else None


def set_columns(targets: list[Node]) -> frozenset[str]:
    return frozenset(target["ResTarget"].get("name", "") for target in targets)


def rows_of(target: Relation, body: Node) -> list[dict[str, str | None]]:
    """Literal rows of VALUES by column, with NULL for what is left out and has no default; nothing when they come from a query."""
    names = [item["ResTarget"]["name"] for item in body.get("cols", ())] or list(target.columns)
    select = body.get("selectStmt", {}).get("SelectStmt", {})
    lists = [row["List"]["items"] for row in select.get("valuesLists", ())]
    empty: dict[str, str | None] = {
        column.name: "NULL" for column in target.columns.values()
        if column.default is None and not column.identity
    }  # fmt: skip
    return [empty | dict(zip(names, map(_literal, row), strict=False)) for row in lists]


def _literal(node: Node) -> str | None:
    return "NULL" if is_null(node) else constant(node)
