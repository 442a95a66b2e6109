"""What the conditions of a join say about each of its tables, so that partitions can be ruled out there too.

Only inner joins: a condition on the far side of an outer one keeps no row out. `a.x = b.y` hands a value on, as PostgreSQL's
equivalence classes do: with `b.y = 5` it holds that `a.x = 5`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.bounds import conjuncts
from migrations_portal.risk.trees import below, constant, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.parser import Node


def condition_on(select: Node, source: Node) -> Node | None:
    """The part of a SELECT's conditions that is about one table of its inner joins alone; None when there is none."""
    facts = list(_facts(select))
    if not facts or not any(item is source for item in _joined(select)):
        return None
    name = source.get("alias", {}).get("aliasname", source["relname"])
    known = [fact for fact in facts if _tables(fact) == {name}]
    known += [handed for fact in facts for handed in _handed_on(fact, facts, name)]
    return {"BoolExpr": {"boolop": "AND_EXPR", "args": known}} if known else None


def _joined(select: Node) -> Iterator[Node]:
    """The tables of a FROM that stand on no far side of an outer join."""
    waiting = list(select.get("fromClause", ()))
    while waiting:
        item = waiting.pop()
        if "RangeVar" in item:
            yield item["RangeVar"]
        else:
            waiting += _near(item.get("JoinExpr", {}))


def _near(join: Node) -> list[Node]:
    """The sides of a join of which it gives no row more than there is."""
    sides = {
        "JOIN_INNER": ("larg", "rarg"),
        "JOIN_LEFT": ("larg",),
        "JOIN_RIGHT": ("rarg",),
    }  # codespell:ignore
    return [join[side] for side in sides.get(join.get("jointype", ""), ())]


def _facts(select: Node) -> Iterator[Node]:
    if "whereClause" in select:
        yield from conjuncts(select["whereClause"])
    waiting = list(select.get("fromClause", ()))
    while waiting:
        join = waiting.pop().get("JoinExpr", {})
        waiting += _near(join)
        if join.get("jointype") == "JOIN_INNER" and "quals" in join:
            yield from conjuncts(join["quals"])


def _tables(fact: Node) -> set[str]:
    """The tables that the columns of a condition belong to; an empty name for one that does not say."""
    if below(fact, "SubLink"):
        return {""}
    names = [strings(reference["fields"]) for reference in below(fact, "ColumnRef")]
    return {name[-2] if len(name) > 1 else "" for name in names}


def _handed_on(fact: Node, facts: list[Node], name: str) -> Iterator[Node]:
    """`name.column = value`, where the condition is `name.column = other.column` and another says `other.column = value`."""
    for own, other in _equal_sides(fact):
        reference = own.get("ColumnRef")
        if (
            reference is None
            or "ColumnRef" not in other
            or strings(reference["fields"])[:-1] != [name]
        ):
            continue
        wanted = strings(other["ColumnRef"]["fields"])
        for said in facts:
            for column, value in _equal_sides(said):
                known = column.get("ColumnRef")
                if (
                    known is not None
                    and strings(known["fields"]) == wanted
                    and constant(value) is not None
                ):
                    yield {"A_Expr": said["A_Expr"] | {"lexpr": own, "rexpr": value}}


def _equal_sides(fact: Node) -> list[tuple[Node, Node]]:
    """Both ways to read `left = right`; nothing for any other condition."""
    body = fact.get("A_Expr", {})
    if body.get("kind") != "AEXPR_OP" or strings(body["name"]) != ["="] or "lexpr" not in body:
        return []
    return [(body["lexpr"], body["rexpr"]), (body["rexpr"], body["lexpr"])]
