"""How many rows a statement changed, and in which table: from its text and the server's command tag ("DELETE 5").

What the tag cannot say is not guessed: a MERGE, an upsert, a TRUNCATE, or a change inside a WITH or a DO block makes the
count of its table inexact, and says so. Pure: fed by the socket door, read by the verification.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from migrations_portal.risk.parser import Node, parse

SOMEWHERE = ""
"""The table of a change that cannot be attributed."""


@dataclass(frozen=True)
class RowChange:
    """Rows that came into and went out of one table."""

    table: str
    """As the statement names it, `table` or `schema.table`; empty when it cannot be told."""
    inserted: int = 0
    deleted: int = 0
    exact: bool = True

    def __add__(self, other: "RowChange") -> "RowChange":
        """Add the counts of the same table."""
        return replace(
            self,
            inserted=self.inserted + other.inserted,
            deleted=self.deleted + other.deleted,
            exact=self.exact and other.exact,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the change as JSON values."""
        return {
            "table": self.table,
            "inserted": self.inserted,
            "deleted": self.deleted,
            "exact": self.exact,
        }


@dataclass
class RowTally:
    """Row changes by table, summed up."""

    by_table: dict[str, RowChange] = field(default_factory=dict)

    def add(self, changes: Iterable[RowChange]) -> None:
        """Add changes."""
        for each in changes:
            known = self.by_table.get(each.table)
            self.by_table[each.table] = each if known is None else known + each

    def changes(self) -> tuple[RowChange, ...]:
        """Return one change per table, by name."""
        return tuple(self.by_table[name] for name in sorted(self.by_table))


@dataclass(frozen=True)
class TableWrite:
    """That a statement changes rows of a table."""

    table: str
    kind: str
    """The parser's word, such as `DeleteStmt`."""
    exact: bool
    """Whether the command tag will count the rows."""

    def counted(self, tag: str) -> RowChange:
        """Return the change, as the server's command tag counts it."""
        change = RowChange(self.table, exact=self.exact)
        words = tag.split()
        if not self.exact or not words or not words[-1].isdigit():
            return change
        count = int(words[-1])
        if words[0] in {"INSERT", "COPY"}:
            return replace(change, inserted=count)
        return replace(change, deleted=count) if words[0] == "DELETE" else change


def tables_written(sql: str) -> frozenset[str]:
    """Return the tables whose number of rows a script's statements may change, as they name them."""
    return frozenset(each.table for each in writes_of(sql) if each.table)


@lru_cache(maxsize=512)
def writes_of(sql: str) -> tuple[TableWrite, ...]:
    """Return which tables' numbers of rows the statements of a text may change."""
    found: list[TableWrite] = []
    for statement in parse(sql):
        if statement.problem is not None:
            found.append(TableWrite(SOMEWHERE, "", exact=False))
        else:
            found += _of_statement(statement.kind, statement.node)
    return tuple(found)


def _of_statement(kind: str, node: Node) -> Iterator[TableWrite]:
    if kind in _OPAQUE or (kind == "DoStmt" and _CHANGING_BODY.search(str(node))):
        yield TableWrite(SOMEWHERE, kind, exact=False)
    for inner_kind, inner in _inside_with(node):
        for each in _of_statement(inner_kind, inner):
            yield replace(each, exact=False)
    if kind == "TruncateStmt":
        for relation in node.get("relations", ()):
            yield TableWrite(_name(relation["RangeVar"]), kind, exact=False)
    elif kind in _CHANGES and "relation" in node:
        if kind == "CopyStmt" and not node.get("is_from"):
            return
        upsert = node.get("onConflictClause", {}).get("action") == "ONCONFLICT_UPDATE"
        yield TableWrite(_name(node["relation"]), kind, exact=kind != "MergeStmt" and not upsert)


_CHANGES = frozenset({"InsertStmt", "DeleteStmt", "MergeStmt", "CopyStmt"})
_CHANGING_BODY = re.compile(
    r"\b(insert|delete|merge|truncate|copy|execute|perform|call)\b", re.IGNORECASE
)
"""Words of a DO block that may change the number of rows somewhere; Sequelize's own blocks create enum types only."""
_OPAQUE = frozenset({"CallStmt", "ExecuteStmt", "ExplainStmt"})
"""What may change rows of any table without naming it."""


def _inside_with(node: Node) -> Iterator[tuple[str, Node]]:
    for item in node.get("withClause", {}).get("ctes", ()):
        [(kind, body)] = item["CommonTableExpr"]["ctequery"].items()
        yield kind, body


def _name(relation: Mapping[str, Any]) -> str:
    schema = relation.get("schemaname", "")
    return f"{schema}.{relation['relname']}" if schema else str(relation["relname"])
