"""What a stored query (of a view, a rule, a policy) depends on: relations with their columns, and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrations_portal.risk.handlers.reach import sources_of
from migrations_portal.risk.objects import NOTHING, Uses
from migrations_portal.risk.trees import below, functions_called, strings, uses_of

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


def query_uses(analysis: Analysis, query: Node) -> Uses:
    """The relations, columns and functions that a stored statement depends on."""
    [tree] = query.values()
    relations: dict[str, Relation] = {}
    target = [tree["relation"]] if "relname" in tree.get("relation", {}) else []
    for source in (*sources_of(query), *target):
        relation = analysis.lookup(source.get("schemaname"), source["relname"])
        if relation is not None:
            relations[source.get("alias", {}).get("aliasname", relation.name)] = relation
    used = {(relation.oid, "") for relation in relations.values()}
    functions: set[tuple[str, str]] = set()
    for body in below(tree, "ColumnRef"):
        used |= _columns_meant(strings(body["fields"]), relations)
    for body in below(tree, "ResTarget") if target else ():
        if body.get("name"):
            used |= _columns_meant([body["name"]], relations)
    for body in below(tree, "FuncCall"):
        for function in functions_called(analysis, body["funcname"]) or ():
            functions.add((function.schema, function.name))
    return Uses(functions=frozenset(functions), relations=frozenset(used))


def _columns_meant(fields: list[str], relations: dict[str, Relation]) -> set[tuple[int, str]]:
    name = fields[-1]
    owners = (
        [relations[fields[-2]]]
        if len(fields) > 1 and fields[-2] in relations
        else list(relations.values())
    )
    if name == "*":
        return {(relation.oid, column) for relation in owners for column in relation.columns}
    return {
        (relation.oid, name) for relation in owners if name in relation.columns or relation.assumed
    }


def expression_uses(analysis: Analysis, relation: Relation, *expressions: Node | None) -> Uses:
    """What expressions over a table depend on, with what their subqueries read."""
    listed = list(expressions)
    uses = uses_of(analysis, listed, relation)
    for body in below(listed, "SubLink"):
        if "subselect" in body:
            uses = joined(uses, query_uses(analysis, body["subselect"]))
    return uses


def joined(*several: Uses) -> Uses:
    """All uses together."""
    total = NOTHING
    for uses in several:
        total = replace(total, columns=total.columns | uses.columns, functions=total.functions | uses.functions,
            relations=total.relations | uses.relations, types=total.types | uses.types,
        )  # fmt: skip
    return total
