"""DROP of types, domains and functions: what tables use, so that the tables are locked when it goes.

Source: `performMultipleDeletions`, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrations_portal.risk.handlers import dependencies
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.trees import qualified, type_ref

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Column, Relation
    from migrations_portal.risk.parser import Node


def drop_type(analysis: Analysis, item: Node, node: Node) -> None:
    """DROP TYPE and DROP DOMAIN: with CASCADE the columns of the type go too."""
    ref = type_ref(analysis, item["TypeName"])
    if ref is None:
        return
    key = (ref.schema, ref.name)
    cascade = node.get("behavior") == "DROP_CASCADE"
    if not cascade and (used := _columns_of_type(analysis, key)):
        analysis.find("has-dependants", name=f"type {ref}", dependants=", ".join(used))
        return
    used = drop_columns_of_type(analysis, key)
    analysis.schema.types.pop(key, None)
    if cascade and not analysis.schema.complete:
        used = used or ["every column of the type"]
    if used:
        analysis.seen.destroys = True
        analysis.find("drop-type-in-use", name=str(ref), columns=", ".join(used))
    else:
        analysis.find("drop-type", name=str(ref))


def _columns_of_type(analysis: Analysis, key: tuple[str, str]) -> list[str]:
    return [
        f"{relation.qualified}.{column.name}"
        for relation in analysis.schema.relations.values()
        for column in relation.columns.values()
        if column.type is not None and (column.type.schema, column.type.name) == key
    ] + [
        *(f"table {r.qualified}" for r in analysis.schema.relations.values() if r.of_type == key),
        *(f"domain {schema}.{name}" for schema, name in _domains_over(analysis, key)),
    ]


def _domains_over(analysis: Analysis, key: tuple[str, str]) -> list[tuple[str, str]]:
    return [
        own
        for own, kind in analysis.schema.types.items()
        if kind.base is not None and (kind.base.schema, kind.base.name) == key
    ]


def drop_columns_of_type(analysis: Analysis, key: tuple[str, str]) -> list[str]:
    """With CASCADE, each column of the type, or of a domain over it, is dropped, under a lock on its table."""
    used = []
    for domain in _domains_over(analysis, key):
        used += drop_columns_of_type(analysis, domain)
        analysis.schema.types.pop(domain, None)
    for relation in list(analysis.schema.relations.values()):
        for column in list(relation.columns.values()):
            if column.type is not None and (column.type.schema, column.type.name) == key:
                used.append(f"{relation.qualified}.{column.name}")
                analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
                dependencies.drop_column(analysis, relation, column.name, cascade=True)
        if relation.of_type == key:
            dependencies.drop_relation(analysis, relation, cascade=True)
    return used


def drop_function(analysis: Analysis, item: Node, node: Node) -> None:
    """DROP FUNCTION and its like: with CASCADE the triggers, defaults and indexes that call it go too."""
    body = item["ObjectWithArgs"]
    schema, name = qualified(body["objname"])
    key = next(((str(p), name) for p in ((schema,) if schema else analysis.path)
                if (str(p), name) in analysis.schema.functions), None)  # fmt: skip
    if key is None:
        return
    if node.get("behavior") == "DROP_CASCADE":
        drop_uses_of_function(analysis, key)
    else:
        used = _users_of_function(analysis, key)
        if used:
            analysis.find("has-dependants", name=f"function {name}", dependants=", ".join(used))
    arguments = len(body.get("objargs", ()))
    left = [f for f in analysis.schema.functions[key] if f.arguments != arguments]
    analysis.schema.functions[key] = left
    analysis.find("drop-function", name=name)


def _users_of_function(analysis: Analysis, key: tuple[str, str]) -> list[str]:
    relations = analysis.schema.relations.values()
    views = [r.qualified for r in relations if r.kind in "vm" and key in r.uses.functions]
    return views + [
        f"{relation.qualified}.{name}"
        for relation in relations
        for name in (
            [t.name for t in relation.triggers.values() if t.function == key]
            + [
                c.name
                for c in relation.columns.values()
                if c.default and key in c.default.functions
            ]
            + [c.name for c in relation.constraints.values() if key in c.uses.functions]
            + [i.name for i in relation.indexes.values() if key in i.uses.functions]
            + [name for name, uses in relation.policies.items() if key in uses.functions]
            + [r.name for r in relation.rules.values() if key in r.uses.functions]
        )
    ]


def drop_uses_of_function(analysis: Analysis, key: tuple[str, str]) -> None:
    """Drop what calls a function: triggers, columns, constraints, indexes, policies, views, each under a lock on its table."""
    for relation in list(analysis.schema.relations.values()):
        for constraint in [c for c in relation.constraints.values() if key in c.uses.functions]:
            dependencies.drop_constraint(analysis, relation, constraint)
            analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
        for index in [i for i in relation.indexes.values() if key in i.uses.functions]:
            dependencies.drop_index(analysis, relation, index.name)
        for column in list(relation.columns.values()):
            if column.default and key in column.default.functions:
                analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
                _lose_function(analysis, relation, column)
        if _forget_stored(relation, key):
            analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
        if relation.kind in "vm" and key in relation.uses.functions:
            dependencies.drop_relation(analysis, relation, cascade=True)


def _lose_function(analysis: Analysis, relation: Relation, column: Column) -> None:
    """A default goes; a generated column goes with its values."""
    if not column.generated:
        relation.columns[column.name] = replace(column, default=None)
        return
    analysis.seen.destroys |= analysis.live(relation)
    dependencies.drop_column(analysis, relation, column.name, cascade=True)


def _forget_stored(relation: Relation, key: tuple[str, str]) -> bool:
    """Drop the triggers, policies and rules that call a function; says whether there were any."""
    triggers = [t.name for t in relation.triggers.values() if t.function == key]
    policies = [name for name, uses in relation.policies.items() if key in uses.functions]
    rules = [rule.name for rule in relation.rules.values() if key in rule.uses.functions]
    for name in triggers:
        del relation.triggers[name]
    for name in policies:
        del relation.policies[name]
    for name in rules:
        del relation.rules[name]
    return bool(triggers or policies or rules)
