"""SQL that a PL/pgSQL body puts together at run time, where the body itself says from what.

`EXECUTE 'DROP TABLE ' || name` can be read when every value that `name` may have stands in the body as a literal: in its
declaration, an assignment, or the list that a loop goes over. What a query, an argument or a row gives stays unknown. Which branch
assigns last does not matter here: each value that is possible counts.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from migrations_portal.risk.parser import parse
from migrations_portal.risk.render import ident
from migrations_portal.risk.trees import below, constant, last_name, strings, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migrations_portal.risk.parser import Node

MOST = 64
"""Texts that one EXECUTE may stand for before it counts as unknown."""
_PASSES = 3
"""How often variables are looked up in one another: `list`, then the loop over it, then what is made of its items."""
Values = dict[str, list[str]]


class _Source(NamedTuple):
    """A place that gives a variable its value, or each item of a list in turn; without an expression it may be anything."""

    variable: int
    expression: Node | None
    each: bool = False


def texts(query: str, body: list[Node]) -> list[str] | None:
    """Every text that an expression of a body may give; None when something in it is not known."""
    return _all(_expression(query), _variables(body))


def _variables(body: list[Node]) -> Values:
    """The variables of a body with every value that they may have; the ones that may have others are left out."""
    functions = below(body, "PLpgSQL_function")
    datums = functions[0].get("datums", []) if functions else []
    names = [next(iter(datum.values())).get("refname", "") for datum in datums]
    sources = list(_sources(body, datums))
    known: Values = {}
    lists: Values = {}
    for _ in range(_PASSES):
        for number, name in enumerate(names):
            own = [source for source in sources if source.variable == number]
            if not own or names.count(name) > 1:
                continue
            values = [
                _items(s.expression, lists) if s.each else _all(s.expression, known) for s in own
            ]
            _enter(known, name, values)
            _enter(lists, name, [None if s.each else _items(s.expression, lists) for s in own])
    return known


def _enter(known: Values, name: str, found: list[list[str] | None]) -> None:
    if None not in found:
        known[name] = list(dict.fromkeys(value for values in found for value in values or ()))


def _sources(body: list[Node], datums: list[Node]) -> Iterator[_Source]:
    for number, datum in enumerate(datums):
        variable = datum.get("PLpgSQL_var", {})
        if "default_val" in variable:
            yield _Source(number, _expression(_query(variable["default_val"])))
    for kind, node in walk(body):
        if kind == "PLpgSQL_stmt_assign":
            right = _query(node.get("expr")).split(":=", 1)[-1]
            yield _Source(node.get("varno", 0), _expression(right))
        elif kind == "PLpgSQL_stmt_foreach_a":
            yield _Source(node.get("varno", 0), _expression(_query(node.get("expr"))), each=True)
        elif kind == "PLpgSQL_diag_item":
            yield _Source(node.get("target", 0), None)
        else:
            rows = [node[place] for place in ("target", "var") if isinstance(node.get(place), dict)]
            over = _rows(node) if kind == "PLpgSQL_stmt_fors" else None
            for field in (f for row in below(rows, "PLpgSQL_row") for f in row.get("fields", ())):
                yield _Source(field.get("varno", 0), over, each=True)


def _query(expression: Node | None) -> str:
    return str((expression or {}).get("PLpgSQL_expr", {}).get("query", ""))


def _expression(text: str) -> Node | None:
    """The tree of one SQL expression."""
    statements = list(parse(f"SELECT {text}"))
    if len(statements) != 1 or statements[0].problem is not None:
        return None
    targets = statements[0].node.get("targetList", [])
    value: Node | None = targets[0]["ResTarget"].get("val") if len(targets) == 1 else None
    return value


def _rows(loop: Node) -> Node | None:
    """What a loop over a query gives, when that is `SELECT unnest(list)`."""
    for statement in parse(_query(loop.get("query"))):
        targets = statement.node.get("targetList", [])
        call = targets[0]["ResTarget"].get("val", {}).get("FuncCall") if len(targets) == 1 else None
        plain = "fromClause" not in statement.node and statement.problem is None
        if plain and call is not None and last_name(call["funcname"]) == "unnest":
            over: Node = call["args"][0]
            return over
    return None


def _items(node: Node | None, lists: Values) -> list[str] | None:
    """The items of `ARRAY['a', 'b']`, or of a variable that holds such a list."""
    while node is not None and "TypeCast" in node:
        node = node["TypeCast"].get("arg")
    if node is None:
        return None
    if "ColumnRef" in node:
        return lists.get(_name(node["ColumnRef"]))
    items = [constant(item) for item in node.get("A_ArrayExpr", {}).get("elements", ())]
    return [item for item in items if item is not None] if items and None not in items else None


def _all(expression: Node | None, known: Values) -> list[str] | None:
    """What an expression gives for each choice of its variables' values."""
    if expression is None:
        return None
    names = sorted({_name(reference) for reference in below(expression, "ColumnRef")})
    if any(name not in known for name in names):
        return None
    choices = [known[name] for name in names]
    results = []
    for count, values in enumerate(product(*choices)):
        text = _fold(expression, dict(zip(names, values, strict=True)))
        if text is None or count >= MOST:
            return None
        results.append(text)
    return results


def _name(reference: Node) -> str:
    return ".".join(strings(reference["fields"]))


def _fold(node: Node, values: dict[str, str]) -> str | None:
    """The text that an expression gives; None for anything but literals, variables, `||` and the functions below."""
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    if "ColumnRef" in node:
        return values.get(_name(node["ColumnRef"]))
    if "A_Expr" in node and strings(node["A_Expr"]["name"]) == ["||"]:
        return _joined([node["A_Expr"].get("lexpr", {}), node["A_Expr"].get("rexpr", {})], values)
    if "FuncCall" in node:
        call = node["FuncCall"]
        parts = [_fold(part, values) for part in call.get("args", ())]
        made = _FUNCTIONS.get(last_name(call["funcname"]))
        given = [part for part in parts if part is not None]
        return made(given) if made is not None and given and len(given) == len(parts) else None
    return constant(node)


def _joined(nodes: list[Node], values: dict[str, str]) -> str | None:
    parts = [_fold(node, values) for node in nodes]
    return None if None in parts else "".join(part for part in parts if part is not None)


_PLACE = re.compile(r"%(?:(\d+)\$)?(?:-?\d+)?([sIL%])")


def _format(parts: list[str]) -> str | None:
    """`format` with %s, %I, %L and %%, each perhaps with the position of its value."""
    pattern, *given = parts
    turn = iter(range(len(given)))

    def put(match: re.Match[str]) -> str:
        position, kind = match.groups()
        if kind == "%":
            return "%"
        value = given[int(position) - 1 if position else next(turn)]
        return _WRITTEN[kind](value)

    try:
        return _PLACE.sub(put, pattern)
    except (IndexError, StopIteration):
        return None


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_WRITTEN: dict[str, Callable[[str], str]] = {"s": str, "I": ident, "L": _literal}
_FUNCTIONS: dict[str, Callable[[list[str]], str | None]] = {
    "format": _format,
    "concat": "".join,
    "quote_ident": lambda parts: ident(parts[0]),
    "quote_literal": lambda parts: _literal(parts[0]),
    "lower": lambda parts: parts[0].lower(),
    "upper": lambda parts: parts[0].upper(),
}
