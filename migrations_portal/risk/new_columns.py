"""Tables and columns that statements make, by name: a new column can hold PHI before anybody has tagged it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrations_portal.risk.naming_words import short
from migrations_portal.risk.parser import parse
from migrations_portal.risk.phi_reasons import column_looks_like_phi, table_looks_like_phi

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def made(sql: str) -> Iterator[tuple[str, str]]:
    """Give (`schema.table`, column) for what the statements make; an empty column stands for a new table itself."""
    for statement in parse(sql):
        if statement.problem is not None:
            continue
        if statement.kind == "CreateStmt":
            table = _name(statement.node["relation"])
            yield table, ""
            yield from _columns(table, statement.node.get("tableElts", ()))
        elif statement.kind == "AlterTableStmt":
            commands = [item["AlterTableCmd"] for item in statement.node.get("cmds", ())]
            added = [each["def"] for each in commands if each["subtype"] == "AT_AddColumn"]
            yield from _columns(_name(statement.node["relation"]), added)


def _name(relation: Mapping[str, Any]) -> str:
    return f"{relation.get('schemaname') or 'public'}.{relation['relname']}"


def _columns(table: str, definitions: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in definitions:
        if "ColumnDef" in each:
            yield table, each["ColumnDef"]["colname"]


def new_phi(sqls: Iterable[str]) -> dict[str, str]:
    """Say for each new table or column whose name looks like PHI that it makes the plan PHI: name → sentence."""
    found = {}
    for sql in sqls:
        for table, column in made(sql):
            if column and column_looks_like_phi(column):
                name = f"{table}.{column}"
                found[name] = f"The new column {short(name)} looks like PHI by its name."
            elif not column and table_looks_like_phi(table.partition(".")[2]):
                found[table] = f"The new table {short(table)} looks like PHI by its name."
    return found
