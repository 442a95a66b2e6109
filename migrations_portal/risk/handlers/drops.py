"""DROP of tables, views, types, schemas, functions, triggers and the rest.

Sources: `RemoveRelations`, `RemoveObjects`, `performMultipleDeletions`, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.handlers import dependencies, drop_used, indexes
from migrations_portal.risk.levels import Level
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import TABLE_KINDS
from migrations_portal.risk.trees import last_name, qualified, rangevar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node

_RELATION_KINDS = {
    "OBJECT_TABLE": "table", "OBJECT_VIEW": "view", "OBJECT_MATVIEW": "materialised view",
    "OBJECT_FOREIGN_TABLE": "foreign table", "OBJECT_SEQUENCE": "sequence",
}  # fmt: skip


ASSUMED_KINDS = {
    "OBJECT_VIEW": "v", "OBJECT_MATVIEW": "m", "OBJECT_SEQUENCE": "S", "OBJECT_FOREIGN_TABLE": "f",
}  # fmt: skip
"""What a relation is that nobody has described: what the statement calls it."""


def drop(analysis: Analysis, node: Node) -> None:
    """DROP …, by kind of object."""
    kind = node["removeType"]
    cascade = node.get("behavior") == "DROP_CASCADE"
    if kind == "OBJECT_INDEX":
        indexes.drop_indexes(analysis, node)
    elif kind in _RELATION_KINDS:
        _drop_relations(analysis, node, kind, cascade=cascade)
    else:
        handler = _HANDLERS.get(kind)
        if handler is not None:
            for item in node["objects"]:
                handler(analysis, item, node)
        elif kind not in _HARMLESS:
            analysis.find(
                "drop-object", kind=kind.removeprefix("OBJECT_").replace("_", " ").lower()
            )


_HARMLESS = frozenset({
    "OBJECT_COLLATION", "OBJECT_CONVERSION", "OBJECT_TSCONFIGURATION", "OBJECT_TSDICTIONARY", "OBJECT_TSPARSER",
    "OBJECT_TSTEMPLATE", "OBJECT_EVENT_TRIGGER",
})  # fmt: skip


def _drop_relations(analysis: Analysis, node: Node, kind: str, *, cascade: bool) -> None:
    named = []
    for item in node["objects"]:
        relation = analysis.relation(
            rangevar(item["List"]["items"]), missing_ok=bool(node.get("missing_ok"))
        )
        if relation is not None:
            if relation.assumed:
                relation.kind = ASSUMED_KINDS.get(kind, "r")
            named.append(relation)
    names = {relation.oid for relation in named}
    for relation in named:
        if relation.oid not in analysis.schema.relations:
            continue
        if not cascade and (blockers := _dependants(analysis, relation, names)):
            analysis.find("has-dependants", name=relation.qualified, dependants=", ".join(blockers))
        _judge_drop(analysis, relation, kind, cascade=cascade)
        dependencies.drop_relation(analysis, relation, cascade=cascade)


def _dependants(analysis: Analysis, relation: Relation, names: set[int]) -> list[str]:
    views = [
        f"view {v.qualified}"
        for v in dependencies.views_on(analysis, relation, None)
        if v.oid not in names
    ]
    keys = [
        f"foreign key {key.name} of {holder.qualified}"
        for target in (relation, *dependencies.ancestors(analysis, relation))
        for holder, key in analysis.schema.referencing(target)
        if holder.oid not in names and holder is not relation and not key.parent
    ]
    children = [
        f"table {child.qualified}" for child in analysis.schema.descendants(relation)
        if not child.is_partition and child.oid not in names
    ]  # fmt: skip
    stored = [
        word
        for word in dependencies.stored_on(analysis, relation, None)
        if not any(
            word.endswith(f" of {analysis.schema.relations[oid].qualified}") for oid in names
        )
    ]
    return views + keys + children + stored


def _judge_drop(analysis: Analysis, relation: Relation, kind: str, *, cascade: bool) -> None:
    if not analysis.live(relation):
        return
    what = _RELATION_KINDS[kind]
    if kind in ("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"):
        partners = [
            h.qualified for h, _ in analysis.schema.referencing(relation) if h is not relation
        ]
        partners += [
            t.qualified for c in relation.constraints.values()
            if c.kind == "f" and (t := analysis.schema.relations.get(c.ref)) and t is not relation
        ]  # fmt: skip
        analysis.seen.destroys = True
        analysis.find(
            "drop-table",
            table=relation.qualified,
            partners=", ".join(sorted(set(partners))) or "none",
        )
    elif kind == "OBJECT_SEQUENCE":
        analysis.find("drop-sequence", name=relation.qualified)
    else:
        analysis.find("drop-view", name=relation.qualified, kind=what)
    if cascade:
        analysis.find("cascade", name=relation.qualified)


def _drop_schema(analysis: Analysis, item: Node, node: Node) -> None:
    name = item["String"]["sval"]
    if name not in analysis.schema.schemas and analysis.schema.complete:
        if not node.get("missing_ok"):
            analysis.find("missing-object", name=f"schema {name}")
        return
    inside = [r for r in analysis.schema.relations.values() if r.schema == name]
    live = any(analysis.live(r) for r in inside) or not analysis.schema.complete
    for relation in inside:
        dependencies.drop_relation(analysis, relation, cascade=True)
    for key in [key for key in analysis.schema.types if key[0] == name]:
        drop_used.drop_columns_of_type(analysis, key)
        analysis.schema.types.pop(key, None)
    for key in [key for key in analysis.schema.functions if key[0] == name]:
        drop_used.drop_uses_of_function(analysis, key)
        del analysis.schema.functions[key]
    analysis.schema.schemas.discard(name)
    if live:
        analysis.seen.destroys = True
        analysis.find(
            "drop-schema",
            name=name,
            tables=", ".join(r.name for r in inside if r.kind in TABLE_KINDS),
        )


def _on_table(analysis: Analysis, item: Node) -> tuple[Relation, str] | None:
    """Read `name ON table`: the table and the name."""
    items = item["List"]["items"]
    relation = analysis.relation(rangevar(items[:-1]))
    return None if relation is None else (relation, last_name(items))


def _drop_trigger(analysis: Analysis, item: Node, node: Node) -> None:
    found = _on_table(analysis, item)
    if found is None:
        return
    relation, name = found
    if _is_missing(analysis, relation, name, relation.triggers, node):
        return
    trigger = relation.triggers.pop(name, None)
    members = [relation]
    if trigger is not None and trigger.row and relation.kind == "p":
        members += analysis.schema.descendants(relation)
    for member in members:
        analysis.lock(member, Lock.ACCESS_EXCLUSIVE)
        member.triggers.pop(name, None)
    if analysis.live(relation):
        analysis.find("drop-trigger", table=relation.qualified, trigger=name)


def _is_missing(
    analysis: Analysis, relation: Relation, name: str, there: Collection[str], node: Node
) -> bool:
    """Whether what is to be dropped from a table is not there; without IF EXISTS the statement fails."""
    if name in there or relation.assumed or not analysis.schema.complete:
        return False
    if not node.get("missing_ok"):
        what = node["removeType"].removeprefix("OBJECT_").lower()
        analysis.find("missing-object", name=f"{what} {name} of {relation.qualified}")
    return True


def _drop_rule(analysis: Analysis, item: Node, node: Node) -> None:
    found = _on_table(analysis, item)
    if found is not None and not _is_missing(analysis, *found, found[0].rules, node):
        relation, name = found
        relation.rules.pop(name, None)
        analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
        if analysis.live(relation):
            analysis.find("rule-change", table=relation.qualified)


def _drop_policy(analysis: Analysis, item: Node, node: Node) -> None:
    found = _on_table(analysis, item)
    if found is not None and not _is_missing(analysis, *found, found[0].policies, node):
        relation, name = found
        relation.policies.pop(name, None)
        analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
        if analysis.live(relation):
            analysis.find("row-security", table=relation.qualified)


def _drop_statistics(analysis: Analysis, item: Node, node: Node) -> None:
    _, name = qualified(item["List"]["items"])
    for relation in analysis.schema.relations.values():
        if relation.statistics.pop(name, None) is not None:
            analysis.lock(relation, Lock.SHARE_UPDATE_EXCLUSIVE)


def _drop_publication(analysis: Analysis, item: Node, node: Node) -> None:
    name = item["String"]["sval"]
    analysis.schema.publications.pop(name, None)
    analysis.schema.published = {each for each in analysis.schema.published if each[0] != name}
    analysis.find("publication", level=Level.HIGH, name=name)


def _drop_server(analysis: Analysis, item: Node, node: Node) -> None:
    name = item["String"]["sval"]
    analysis.schema.servers.pop(name, None)
    analysis.find("foreign-server", name=name)
    reached = [r for r in analysis.schema.relations.values() if r.kind == "f" and r.server == name]
    for relation in reached:
        if node.get("behavior") == "DROP_CASCADE":
            _judge_drop(analysis, relation, "OBJECT_FOREIGN_TABLE", cascade=True)
            dependencies.drop_relation(analysis, relation, cascade=True)
        else:
            analysis.find("has-dependants", name=name, dependants=relation.qualified)


def _drop_wrapper(analysis: Analysis, item: Node, node: Node) -> None:
    name = item["String"]["sval"]
    analysis.find("foreign-server", name=name)
    for server, wrapper in list(analysis.schema.servers.items()):
        if wrapper == name:
            _drop_server(analysis, {"String": {"sval": server}}, node)


def _drop_extension(analysis: Analysis, item: Node, node: Node) -> None:
    analysis.find("drop-extension", name=item["String"]["sval"])


_HANDLERS: dict[str, Callable[[Analysis, Node, Node], None]] = {
    "OBJECT_SCHEMA": _drop_schema,
    "OBJECT_TYPE": drop_used.drop_type,
    "OBJECT_DOMAIN": drop_used.drop_type,
    "OBJECT_TRIGGER": _drop_trigger,
    "OBJECT_RULE": _drop_rule,
    "OBJECT_POLICY": _drop_policy,
    "OBJECT_STATISTIC_EXT": _drop_statistics,
    "OBJECT_FUNCTION": drop_used.drop_function,
    "OBJECT_PROCEDURE": drop_used.drop_function,
    "OBJECT_ROUTINE": drop_used.drop_function,
    "OBJECT_AGGREGATE": drop_used.drop_function,
    "OBJECT_PUBLICATION": _drop_publication,
    "OBJECT_EXTENSION": _drop_extension,
    "OBJECT_FOREIGN_SERVER": _drop_server,
    "OBJECT_FDW": _drop_wrapper,
}
