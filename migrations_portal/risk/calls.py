"""Which line of a Sequelize file sent a statement, where that can be known: the one call that fits it best.

The file is read as text and never run here. Two calls that fit equally well mean that it is not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CALL = re.compile(r"\.\s*(\w+)\s*\(")
_DOWN = re.compile(r"\bdown\b\s*(?:[:(=]|\bfunction\b)")
_NAME = re.compile(r"[A-Za-z_]\w+")
_KINDS = (
    (r"ALTER TABLE .* ADD COLUMN", ("addColumn",)),
    (r"ALTER TABLE .* DROP COLUMN", ("removeColumn",)),
    (r"ALTER TABLE .* RENAME COLUMN", ("renameColumn",)),
    (r"ALTER TABLE .* RENAME TO", ("renameTable",)),
    (r"ALTER TABLE .* ADD CONSTRAINT", ("addConstraint", "addColumn", "changeColumn")),
    (r"ALTER TABLE .* DROP CONSTRAINT", ("removeConstraint",)),
    (r"ALTER TABLE .* ALTER COLUMN", ("changeColumn",)),
    (r"CREATE TYPE", ("createTable", "addColumn", "changeColumn")),
    (r"CREATE TABLE", ("createTable",)),
    (r"DROP TABLE", ("dropTable",)),
    (r"CREATE (UNIQUE )?INDEX", ("addIndex",)),
    (r"DROP INDEX", ("removeIndex",)),
    (r"INSERT INTO", ("bulkInsert",)),
    (r"UPDATE", ("bulkUpdate",)),
    (r"DELETE FROM", ("bulkDelete",)),
)
"""Statement → the query interface's calls that send it (sequelize 6). `query` may send anything."""
_LONGEST_CALL = 4_000
_ENOUGH = 2
"""So many names of a statement stand in its call at least: the table and what is done to it."""
_WORDS = frozenset({
    "alter", "table", "add", "column", "drop", "create", "index", "unique", "constraint", "not", "null", "default", "set",
    "type", "varchar", "integer", "text", "boolean", "timestamp", "with", "time", "zone", "references", "update", "where",
    "from", "into", "values", "public", "primary", "key", "foreign", "if", "exists", "on", "cascade", "delete", "insert",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A call in the file: its method, its text up to the closing bracket, its line, and which way it belongs to."""

    method: str
    text: str
    line: int
    down: bool


def line_of(sql: str, *, text: str, down: bool) -> int | None:
    """Return the line of the call that sent `sql`, None when no call, or more than one, fits best."""
    flat = " ".join(sql.split())
    names = {name for name in _NAME.findall(flat) if name.lower() not in _WORDS}
    scored = sorted(
        ((_score(call, flat, names), call.line) for call in _calls(text) if call.down is down),
        reverse=True,
    )
    if not scored or scored[0][0] < _ENOUGH:
        return None
    if len(scored) > 1 and scored[1][0] == scored[0][0]:
        return None
    return scored[0][1]


def _score(call: Call, sql: str, names: set[str]) -> int:
    inside = set(_NAME.findall(call.text))
    if call.method == "query":
        flat = " ".join(call.text.split()).rstrip(";`'\" ")
        return 1_000 if sql.rstrip("; ")[:60] in flat else len(names & inside) - 1
    fits = [methods for pattern, methods in _KINDS if re.match(pattern, sql, re.IGNORECASE)]
    return len(names & inside) if fits and call.method in fits[0] else 0


def _calls(text: str) -> list[Call]:
    turn = _DOWN.search(text)
    border = turn.start() if turn else len(text)
    return [
        Call(
            method=found[1],
            text=_until_closed(text, found.end()),
            line=text.count("\n", 0, found.start()) + 1,
            down=found.start() > border,
        )
        for found in _CALL.finditer(text)
        if found[1] == "query" or found[1] in _METHODS
    ]


_METHODS = frozenset(method for _, methods in _KINDS for method in methods)


def _until_closed(text: str, start: int) -> str:
    depth = 1
    for place in range(start, min(len(text), start + _LONGEST_CALL)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    return text[start : start + _LONGEST_CALL]
