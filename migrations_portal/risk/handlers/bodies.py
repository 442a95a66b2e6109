"""The SQL statements inside a function's body or a DO block, found without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.handlers import dynamic
from migrations_portal.risk.parser import SyntaxProblem, parse, parse_plpgsql
from migrations_portal.risk.trees import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Function
    from migrations_portal.risk.parser import Node


def statements_in(analysis: Analysis, function: Function) -> Iterator[tuple[str, Node]]:
    """Give the SQL statements of a body as (kind, node); None-like kind `?` where SQL is put together at run time."""
    if function.language == "sql":
        for statement in parse(function.body):
            yield ("?", {}) if statement.problem else (statement.kind, statement.node)
    elif function.language == "plpgsql":
        yield from plpgsql_statements(function.body, arguments=function.argument_names)
    else:
        yield "?", {}


def plpgsql_statements(body: str, *, arguments: tuple[str, ...] = ()) -> Iterator[tuple[str, Node]]:
    """Give the SQL statements of a PL/pgSQL body."""
    parsed = _parsed(body, arguments)
    if parsed is None:
        yield "?", {}
        return
    for kind, node in walk(parsed):
        if kind in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"):
            yield from _dynamic(node.get("query", {}), parsed)
        elif kind == "PLpgSQL_expr":
            yield from _expression(node)


_HEADS = (
    "RETURNS void", "RETURNS trigger", "RETURNS integer", "RETURNS SETOF integer", "RETURNS TABLE (wco_value integer)",
)  # fmt: skip
"""What RETURN may say depends on the head; the real one may use types that the parser does not know."""


def _parsed(body: str, arguments: tuple[str, ...]) -> list[Node] | None:
    tag = "$wco$"
    while tag in body:
        tag = tag[:-1] + "x$"
    declared = ", ".join(f'"{name}" text' if name else "text" for name in arguments)
    for head in _HEADS:
        given = "" if head == "RETURNS trigger" else declared
        parsed = parse_plpgsql(
            f"CREATE FUNCTION f({given}) {head} LANGUAGE plpgsql AS {tag}{body}{tag}"
        )
        if not isinstance(parsed, SyntaxProblem):
            return parsed
    return None


_PLAIN_STEPS = frozenset({
    "PLpgSQL_stmt_block", "PLpgSQL_stmt_execsql", "PLpgSQL_stmt_return", "PLpgSQL_stmt_raise",
})  # fmt: skip
_NOT_PLAIN = frozenset({
    "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "SelectStmt", "CallStmt", "DoStmt", "CopyStmt", "?",
})  # fmt: skip


def is_plain(body: str, statements: list[tuple[str, Node]]) -> bool:
    """Whether a block is nothing but schema changes one after the other, perhaps with "if it exists, let it be" behind.

    Tools write this around CREATE TYPE and ADD CONSTRAINT, which know no IF NOT EXISTS; it hides nothing.
    """
    parsed = _parsed(body, ())
    if parsed is None or not statements or any(kind in _NOT_PLAIN for kind, _ in statements):
        return False
    for kind, node in walk(parsed):
        if kind.startswith("PLpgSQL_stmt_") and kind not in _PLAIN_STEPS:
            return False
        if kind == "PLpgSQL_exception" and any(k == "PLpgSQL_stmt_execsql" for k, _ in walk(node)):
            return False
    return True


def _dynamic(expression: Node, body: list[Node]) -> Iterator[tuple[str, Node]]:
    """EXECUTE of what the body itself says is as good as the statement; what comes from elsewhere cannot be seen."""
    made = dynamic.texts(expression.get("PLpgSQL_expr", {}).get("query", ""), body)
    if made is None:
        yield "?", {}
    for text in made or ():
        for inner in parse(text):
            yield ("?", {}) if inner.problem else (inner.kind, inner.node)


_MODES_OF_EXPRESSIONS = (2, 3, 4, 5)


def _expression(node: Node) -> Iterator[tuple[str, Node]]:
    query, mode = node.get("query", ""), node.get("parseMode", 0)
    if mode in _MODES_OF_EXPRESSIONS:
        if "select" not in query.lower() and "(" not in query:
            return
        query = f"SELECT {query.split(':=', 1)[-1]}"
    for statement in parse(query):
        if statement.problem is None:
            yield statement.kind, statement.node
