"""The only door to PostgreSQL's own parser (`postgast`): a script becomes statements with trees and places.

Trees are plain dictionaries in the JSON shape of libpg_query (grammar of PostgreSQL 18): a child node is a dictionary of one
key, its kind. Locations are byte offsets into the text that was parsed; `Statement.place` turns them into line and column.

The C parser recurses without a limit when it prints a tree, so `too_deep` bounds the nesting *before* a text goes in;
huge scripts are parsed piece by piece, so that memory stays bounded.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, json
from msgspec.structs import replace
from postgast.native import lib

from migrations_portal.risk.scanning import (
    blank_end,
    opens_comments_without_end,
    too_deep,
    whole_bodies,
    with_gaps,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Node: TypeAlias = dict[str, Any]

PIECE_BYTES = 64_000
"""A script longer than this is parsed statement by statement."""
LARGEST_STATEMENT_BYTES = 1_000_000
"""A statement longer than this is not judged: its tree would take hundreds of megabytes."""
MOST_STATEMENTS = 50_000
"""A file with more is not judged further: it is no migration, and each statement's tree takes 7 KB."""
SURELY_SHALLOW_BYTES = 6_000


class SyntaxProblem(Struct, frozen=True):
    """Why a piece of text is not SQL that we can judge: a rule id and PostgreSQL's or our sentence."""

    rule: str
    message: str


class Statement(Struct):
    """One statement: its kind and tree, its text, and where it stands in the file (line and column from 1)."""

    kind: str
    node: Node
    sql: str
    line: int
    column: int
    start: int
    """Byte offset of the first word in the parsed piece: node locations count from the piece's begin."""
    problem: SyntaxProblem | None = None

    def place(self, location: int) -> tuple[int, int]:
        """Turn a node's location into line and column of the file."""
        sql, width = self.sql, location - self.start
        if width <= 0:
            return self.line, self.column
        if not sql.isascii():
            width = len(sql.encode()[:width].decode(errors="replace"))
        width = min(width, len(sql))
        last = sql.rfind("\n", 0, width)
        if last < 0:
            return self.line, self.column + width
        return self.line + sql.count("\n", 0, width), width - last


def parse(sql: str) -> Iterator[Statement]:
    """Give the statements of a script in order; what cannot be parsed comes as a statement with a `problem`."""
    statements = _parsed(sql)
    yield from islice(statements, MOST_STATEMENTS)
    for statement in islice(statements, 1):
        message = f"The file has more than {MOST_STATEMENTS:,} statements; from here on none is judged. Split it."
        yield replace(statement, problem=SyntaxProblem("statement-too-large", message))


def _parsed(sql: str) -> Iterator[Statement]:
    try:
        raw = sql.encode()
    except UnicodeEncodeError:
        yield _problem(b"", 0, "not-text", "The text is not valid Unicode.", _Cursor(b""))
        return
    cursor = _Cursor(raw)
    if b"\0" in raw:
        line, column = cursor.place(raw.index(b"\0"))
        message = (
            f"A NUL byte stands at line {line}, column {column}; SQL is text without NUL bytes."
        )
        yield _problem(raw, 0, "not-text", message, _Cursor(raw))
        return
    if opens_comments_without_end(raw):
        message = "The text opens hundreds of comments in comments; it cannot be judged."
        yield _problem(raw, 0, "too-deep", message, cursor)
        return
    if len(raw) <= PIECE_BYTES and (len(raw) <= SURELY_SHALLOW_BYTES or not too_deep(raw)):
        tree = _tree(raw)
        if not isinstance(tree, SyntaxProblem):
            for entry in tree:
                yield _statement(entry, raw, 0, cursor)
            return
    yield from _piecewise(raw, cursor)


def parse_expression(text: str) -> Node | None:
    """Parse one SQL expression (as `pg_get_expr` prints it); None when it is not one."""
    tree = _tree(f"SELECT {text}".encode()) if not too_deep(text.encode()) else None
    if not isinstance(tree, list) or len(tree) != 1:
        return None
    targets = tree[0]["stmt"].get("SelectStmt", {}).get("targetList", [])
    value: Node | None = targets[0]["ResTarget"]["val"] if len(targets) == 1 else None
    return value


def is_column_name(name: str) -> bool:
    """Whether a name may stand for a column without quotes: it is no reserved word."""
    return isinstance(_tree(f"CREATE TABLE t ({name} int)".encode()), list)


def parse_plpgsql(function_sql: str) -> list[Node] | SyntaxProblem:
    """Parse a `CREATE FUNCTION … LANGUAGE plpgsql` statement into the JSON tree of its body."""
    raw = function_sql.encode()
    if len(raw) > LARGEST_STATEMENT_BYTES:
        return SyntaxProblem("statement-too-large", "The body is too large to be read.")
    result = lib.pg_query_parse_plpgsql(raw)
    try:
        if result.error:
            return _problem_of(result.error.contents)
        # The library writes one bracket too many after each variable of a trigger function (TG_OP and its like).
        parsed: list[Node] = json.decode(result.plpgsql_funcs.replace(b",{}}", b",{}"))
    except (RecursionError, ValueError):
        return SyntaxProblem("too-deep", "The body cannot be read by the PL/pgSQL parser.")
    else:
        return parsed
    finally:
        lib.pg_query_free_plpgsql_parse_result(result)


class _Cursor:
    """Counts lines forward through the text, so that a file of n bytes costs n steps in total."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._offset = 0
        self._line = 1

    def place(self, offset: int) -> tuple[int, int]:
        """Give line and column (in characters, from 1) of a byte offset; offsets must not go back."""
        raw = self._raw
        self._line += raw.count(b"\n", self._offset, offset)
        self._offset = offset
        begin = raw.rfind(b"\n", 0, offset) + 1
        if begin == offset:
            return self._line, 1
        return self._line, len(raw[begin:offset].decode(errors="replace")) + 1


def _tree(raw: bytes) -> list[Node] | SyntaxProblem:
    result = lib.pg_query_parse(raw)
    try:
        if result.error:
            return _problem_of(result.error.contents)
        statements: list[Node] = json.decode(result.parse_tree).get("stmts", [])
    except RecursionError:
        return SyntaxProblem("too-deep", "The statement is nested too deeply to be judged.")
    else:
        return statements
    finally:
        lib.pg_query_free_parse_result(result)


def _problem_of(error: Any) -> SyntaxProblem:
    message = error.message.decode(errors="replace") if error.message else "unknown error"
    return SyntaxProblem("syntax-error", f"{message} (character {error.cursorpos})")


def _statement(entry: Node, raw: bytes, base: int, cursor: _Cursor) -> Statement:
    """Build a statement from an entry of the tree; `raw` is the piece, `base` its offset in the file."""
    begin = entry.get("stmt_location", 0)
    length = entry.get("stmt_len", 0)
    end = begin + length if length else len(raw)
    start = blank_end(raw, begin, end)
    line, column = cursor.place(base + start)
    [(kind, node)] = entry["stmt"].items()
    return Statement(kind, node, raw[start:end].decode().rstrip(), line, column, start)


def _problem(raw: bytes, base: int, rule: str, message: str, cursor: _Cursor) -> Statement:
    start = blank_end(raw, 0, len(raw))
    line, column = cursor.place(base + start)
    text = raw[start:].decode(errors="replace").strip()
    return Statement("", {}, text, line, column, start, SyntaxProblem(rule, message))


def _piecewise(raw: bytes, cursor: _Cursor) -> Iterator[Statement]:
    """Parse each statement on its own, so that one bad statement hides no other."""
    for begin, end in whole_bodies(raw, with_gaps(raw, _split(raw))):
        yield from _one_piece(raw[begin:end], begin, cursor)


def _one_piece(piece: bytes, base: int, cursor: _Cursor) -> Iterator[Statement]:
    if len(piece) > LARGEST_STATEMENT_BYTES:
        message = f"One statement of {len(piece):,} bytes is too large to be judged."
        yield _problem(piece, base, "statement-too-large", message, cursor)
        return
    if len(piece) > SURELY_SHALLOW_BYTES and too_deep(piece):
        message = "The statement is nested too deeply to be judged."
        yield _problem(piece, base, "too-deep", message, cursor)
        return
    tree = _tree(piece)
    if isinstance(tree, SyntaxProblem):
        yield from _broken_piece(piece, base, tree, cursor)
        return
    for entry in tree:
        yield _statement(entry, piece, base, cursor)


_META_LINE = re.compile(rb"[ \t]*(\\[^\n]*)(?:\n|$)")
_COPY_STDIN = re.compile(rb"\s*COPY\b[^;]*\bFROM\s+STDIN\b", re.IGNORECASE)


def _broken_piece(
    piece: bytes, base: int, problem: SyntaxProblem, cursor: _Cursor
) -> Iterator[Statement]:
    """Say what is wrong with a piece: psql's own commands before it are named, the rest is a syntax error."""
    begin = 0
    start = blank_end(piece, 0, len(piece))
    while (line := _META_LINE.match(piece, start)) is not None:
        command = line.group(1).decode(errors="replace").strip()
        message = f"{command.split()[0]} is a command of psql, not SQL; only psql understands it."
        yield _problem(piece[start : line.end()], base + start, "psql-command", message, cursor)
        begin = line.end()
        start = blank_end(piece, begin, len(piece))
    if begin and piece[start:].strip(b"; \t\r\n"):
        yield from _one_piece(piece[begin:], base + begin, cursor)
    elif not begin:
        rule = "psql-command" if b"\\" in piece and _mentions_psql(piece) else problem.rule
        yield _problem(piece, base, rule, problem.message, cursor)


def _mentions_psql(piece: bytes) -> bool:
    return any(_META_LINE.match(line) is not None for line in piece.splitlines())


def _split(raw: bytes) -> list[tuple[int, int]]:
    """Cut a script at its top-level semicolons with PostgreSQL's scanner; one cut when even that fails."""
    result = lib.pg_query_split_with_scanner(raw)
    try:
        if result.error:
            return [(0, len(raw))]
        cuts = []
        for index in range(result.n_stmts):
            part = result.stmts[index].contents
            cuts.append((part.stmt_location, part.stmt_location + part.stmt_len))
        return cuts
    finally:
        lib.pg_query_free_split_result(result)
