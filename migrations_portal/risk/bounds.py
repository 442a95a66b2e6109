"""Partition bounds: reading them, which partition takes a value, and whether a CHECK already proves them.

Source: `ConstraintImpliedByRelConstraint` in tablecmds.c with `predicate_implied_by`: a validated CHECK (or NOT NULL) that is at
least as narrow as the bound spares the scan of ATTACH PARTITION.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrations_portal.risk.objects import Bound
from migrations_portal.risk.render import expression
from migrations_portal.risk.trees import constant, last_name, rejects_null

if TYPE_CHECKING:
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node

MINIMUM, MAXIMUM = "-infinity", "+infinity"


def read_bound(node: Node) -> Bound:
    """Read FOR VALUES … or DEFAULT."""
    if node.get("is_default"):
        return Bound(default=True)
    strategy = node.get("strategy", "")
    if strategy == "l":
        return Bound(values=tuple(_datum(item) for item in node.get("listdatums", ())))
    if strategy == "r":
        lower = tuple(_datum(item, MINIMUM) for item in node.get("lowerdatums", ()))
        upper = tuple(_datum(item, MAXIMUM) for item in node.get("upperdatums", ()))
        return Bound(lower=lower, upper=upper)
    return Bound(modulus=node.get("modulus", 0), remainder=node.get("remainder", 0))


def _datum(node: Node, unbounded: str = "") -> str:
    reference = node.get("ColumnRef")
    if reference is not None:
        word = last_name(reference["fields"]).lower()
        return {"minvalue": MINIMUM, "maxvalue": MAXIMUM}.get(word, word)
    value = constant(node)
    return unbounded or "NULL" if value is None else value


def order(value: str) -> tuple[int, float, str]:
    """A sort key for literals: numbers by size, text (dates are ISO) by its letters, infinities at the ends."""
    if value == MINIMUM:
        return (-1, 0.0, "")
    if value == MAXIMUM:
        return (2, 0.0, "")
    try:
        return (0, float(value), "")
    except ValueError:
        return (0, 0.0, value) if not value[:4].isdigit() else (1, 0.0, value)


def takes(bound: Bound, strategy: str, value: str) -> bool | None:
    """Whether a partition takes this value of the (first) key column; None when that cannot be said."""
    if bound.default:
        return None
    if strategy == "list":
        return value in bound.values
    if strategy == "range" and value == "NULL":
        return False
    if strategy == "range" and bound.lower and bound.upper:
        low, high, here = order(bound.lower[0]), order(bound.upper[0]), order(value)
        if len(bound.lower) > 1 and here == high:
            return None
        return low <= here < high or (here == high and len(bound.upper) > 1)
    return None


def implied(relation: Relation, key: tuple[str, ...], strategy: str, bound: Bound) -> bool:
    """Whether the table's own constraints prove that all its rows fit the bound."""
    if len(key) != 1 or not key[0] or bound.default:
        return False
    column = key[0]
    own = relation.columns.get(column)
    proofs = [
        c.expression for c in relation.constraints.values()
        if c.kind == "c" and c.validated and c.enforced and c.expression is not None
    ]  # fmt: skip
    not_null = (own is not None and own.not_null) or any(rejects_null(p, column) for p in proofs)
    takes_null = strategy == "list" and "NULL" in bound.values
    if not not_null and not takes_null:
        return False
    facts = [fact for proof in proofs for fact in conjuncts(proof)]
    if strategy == "list":
        return any(_within(fact, column, bound.values) for fact in facts)
    if strategy == "range":
        return _covers(facts, column, bound)
    return False


def conjuncts(expression: Node) -> list[Node]:
    """Give the parts of an expression that are joined by AND; BETWEEN is two of them, as in PostgreSQL."""
    body = expression.get("BoolExpr")
    if body is not None and body["boolop"] == "AND_EXPR":
        return [fact for part in body["args"] for fact in conjuncts(part)]
    between = expression.get("A_Expr")
    if between is None or between["kind"] != "AEXPR_BETWEEN":
        return [expression]
    lower, upper = between["rexpr"]["List"]["items"]
    return [_compared(between, ">=", lower), _compared(between, "<=", upper)]


def _compared(between: Node, operator: str, bound: Node) -> Node:
    name = [{"String": {"sval": operator}}]
    return {"A_Expr": between | {"kind": "AEXPR_OP", "name": name, "rexpr": bound}}


_NOTHING: Node = {}


_FOLDED = re.compile(r"\((lower|upper)\((\w+)\)\)")


def key_value(key: str, row: dict[str, str | None]) -> str | None:
    """The value of a part of the partition key in a literal row; None when it cannot be said."""
    folded = _FOLDED.fullmatch(key)
    if folded is None:
        return row.get(key)
    value = row.get(folded[2])
    if value in (None, "NULL"):
        return value
    return value.lower() if folded[1] == "lower" else value.upper()


def alternatives(fact: Node) -> list[Node]:
    """Give the parts of a condition that are joined by OR; nothing for any other condition."""
    body = fact.get("BoolExpr", _NOTHING)
    return body["args"] if body.get("boolop") == "OR_EXPR" else []


def comparison(fact: Node, column: str) -> tuple[str, str] | None:
    """Read `column operator literal` (either way round) as (operator, literal)."""
    body = fact.get("A_Expr")
    if body is None or body.get("kind") != "AEXPR_OP":
        return None
    left, right = body.get("lexpr"), body.get("rexpr")
    operator = last_name(body["name"])
    if _is_column(left, column) and (value := constant(right)) is not None:
        return operator, value
    if _is_column(right, column) and (value := constant(left)) is not None:
        return {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(operator, operator), value
    return None


def _is_column(node: Node | None, column: str) -> bool:
    """Whether an operand is the column, or the expression in brackets that a partition key has in its place."""
    if column.startswith("("):
        return node is not None and f"({expression(node)})" == column
    while node and "TypeCast" in node:
        node = node["TypeCast"].get("arg")
    reference = (node or {}).get("ColumnRef")
    return reference is not None and last_name(reference["fields"]) == column


def listed(fact: Node, column: str) -> list[str] | None:
    """Read `column IN (…)`, `column = ANY (ARRAY[…])` or `column = literal` as the list of its literals."""
    found = comparison(fact, column)
    if found is not None:
        return [found[1]] if found[0] == "=" else None
    body = fact.get("A_Expr", {})
    if body.get("kind") not in ("AEXPR_IN", "AEXPR_OP_ANY") or not _is_column(
        body.get("lexpr"), column
    ):
        return None
    if last_name(body["name"]) != "=":
        return None
    right = body["rexpr"]
    while "TypeCast" in right:
        right = right["TypeCast"]["arg"]
    items = right.get("List", {}).get("items") or right.get("A_ArrayExpr", {}).get("elements") or []
    values = [constant(item) for item in items]
    return [v for v in values if v is not None] if all(v is not None for v in values) else None


def spanned(facts: list[Node], column: str, bounds: list[Bound]) -> bool:
    """Whether every value that the conditions leave over for the column lies in one of these ranges."""
    found = [compared for fact in facts if (compared := comparison(fact, column)) is not None]
    lows = [order(value) for operator, value in found if operator in (">", ">=")]
    highs = [
        (order(value), operator == "<=") for operator, value in found if operator in ("<", "<=")
    ]
    if not lows or not highs:
        return False
    reached, (end, included) = max(lows), min(highs)
    for bound in sorted(bounds, key=lambda each: order(each.lower[0])):
        if order(bound.lower[0]) <= reached:
            reached = max(reached, order(bound.upper[0]))
    return reached > end or (reached == end and not included)


def _within(fact: Node, column: str, values: tuple[str, ...]) -> bool:
    found = listed(fact, column)
    return bool(found) and set(found or ()) <= set(values)


def _covers(facts: list[Node], column: str, bound: Bound) -> bool:
    """Range: a lower and an upper comparison at least as tight as the bound's."""
    low, high = order(bound.lower[0]), order(bound.upper[0])
    low_proven, high_proven = bound.lower[0] == MINIMUM, bound.upper[0] == MAXIMUM
    for fact in facts:
        found = comparison(fact, column)
        if found is None:
            continue
        operator, value = found[0], order(found[1])
        if operator in (">=", ">", "="):
            low_proven |= value >= low
        if operator in ("<", "="):
            high_proven |= value < high or (operator == "<" and value == high)
        if operator == "<=":
            high_proven |= value < high
    return low_proven and high_proven
