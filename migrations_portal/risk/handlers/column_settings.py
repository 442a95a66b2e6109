"""ALTER COLUMN without a new type: defaults, identity, generated expressions, storage, statistics.

Sources: `ATExecColumnDefault`, `ATExecAddIdentity`, `ATExecSetExpression` in tablecmds.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrations_portal.risk.handlers import programs
from migrations_portal.risk.trees import uses_of

if TYPE_CHECKING:
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.parser import Node


def set_default(change: TableChange, command: Node) -> None:
    """SET or DROP DEFAULT: only rows that come later are concerned."""
    name, expression = command["name"], command.get("def")
    for member in change.reach():
        if (column := member.columns.get(name)) is not None:
            uses = uses_of(change.analysis, expression) if expression else None
            member.columns[name] = replace(column, default=uses)


def add_identity(change: TableChange, command: Node) -> None:
    """ADD GENERATED … AS IDENTITY on an existing column: new rows only."""
    relation, name = change.relation, command["name"]
    if change.analysis.version >= 17 and relation.kind == "p":  # noqa: PLR2004 - PostgreSQL 17
        change.reach()
    if (column := relation.columns.get(name)) is not None:
        relation.columns[name] = replace(column, identity=True)
    if command["subtype"] == "AT_AddIdentity" and change.analysis.live(relation):
        change.analysis.find("set-identity", table=relation.qualified, column=name)


def drop_identity(change: TableChange, command: Node) -> None:
    """DROP IDENTITY: the column keeps its values and loses its sequence."""
    relation, name = change.relation, command["name"]
    column = relation.columns.get(name)
    idle = column is not None and not column.identity
    if change.analysis.version >= 17 and relation.kind == "p" and not idle:  # noqa: PLR2004 - PostgreSQL 17
        change.reach()
    if column is not None:
        relation.columns[name] = replace(column, identity=False)
    if change.analysis.live(relation):
        change.analysis.find("drop-identity", table=relation.qualified, column=name)


def set_expression(change: TableChange, command: Node) -> None:
    """SET EXPRESSION on a generated column: a stored one is computed again for every row (PostgreSQL 17 and newer)."""
    analysis, relation, name = change.analysis, change.relation, command["name"]
    column = relation.columns.get(name)
    virtual = column is not None and column.generated == "v"
    programs.evaluate(analysis, command.get("def"))
    for member in change.reach():
        if not virtual:
            change.rewrite(member)
        elif any(name in c.columns for c in member.constraints.values() if c.kind in "cn"):
            change.check(member)
        if (own := member.columns.get(name)) is not None:
            member.columns[name] = replace(own, default=uses_of(analysis, command.get("def")))
    if analysis.live(relation) and not virtual:
        analysis.find("set-expression", table=relation.qualified, column=name)


def drop_expression(change: TableChange, command: Node) -> None:
    """DROP EXPRESSION: the column keeps its values and becomes an ordinary one."""
    name = command["name"]
    for member in change.reach():
        if (column := member.columns.get(name)) is not None:
            member.columns[name] = replace(column, generated="", default=None)


def column_setting(change: TableChange, command: Node) -> None:
    """SET STATISTICS, SET STORAGE: settings that reach all that inherit."""
    change.reach()
    if command["subtype"] == "AT_SetStorage":
        _find_storage(change, command)


def own_setting(change: TableChange, command: Node) -> None:
    """Settings of the table itself that reach nothing else."""
    if command["subtype"] == "AT_SetCompression":
        _find_storage(change, command)


def _find_storage(change: TableChange, command: Node) -> None:
    relation = change.relation
    if change.analysis.live(relation):
        change.analysis.find("column-storage", table=relation.qualified, column=command["name"])
