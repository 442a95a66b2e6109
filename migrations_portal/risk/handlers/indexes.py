"""CREATE INDEX, DROP INDEX, REINDEX.

Sources: `DefineIndex`, `ReindexIndex`, `ReindexTable` in indexcmds.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrations_portal.risk.handlers import dependencies, programs
from migrations_portal.risk.handlers.safe_forms import (
    concurrent_index,
    concurrent_reindex,
    concurrent_reindex_by_parts,
    index_by_parts,
)
from migrations_portal.risk.levels import Level
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.naming import index_name
from migrations_portal.risk.objects import NOTHING, Index
from migrations_portal.risk.trees import rangevar, uses_of, with_heirs

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation, Uses
    from migrations_portal.risk.parser import Node


def create_index(analysis: Analysis, node: Node) -> None:
    """CREATE INDEX: SHARE and a scan, on the table and its partitions; CONCURRENTLY only SHARE UPDATE EXCLUSIVE."""
    relation = analysis.relation(node["relation"])
    if relation is None:
        return
    concurrent = bool(node.get("concurrent"))
    lock = Lock.SHARE_UPDATE_EXCLUSIVE if concurrent else Lock.SHARE
    analysis.lock(relation, lock)
    analysis.seen.concurrent |= concurrent
    name = node.get("idxname")
    if name and (relation.schema, name) in analysis.schema.indexes:
        _name_taken(analysis, relation, name, node)
        return
    if concurrent and relation.kind == "p":
        analysis.find("concurrent-on-partitioned", table=relation.qualified)
    only = not with_heirs(node["relation"])
    index = _read_index(analysis, relation, node)
    index.only = only
    analysis.schema.add_index(relation, index)
    analysis.scan(relation)
    if not _only_columns(node):
        programs.evaluate(analysis, *node.get("indexParams", ()), node.get("whereClause"))
    if relation.kind == "p" and not only:
        _build_parts(analysis, relation, index, lock, node)
    if analysis.live(relation) and not (relation.kind == "p" and only):
        _judge(analysis, relation, index, node, concurrent=concurrent)


def _name_taken(analysis: Analysis, relation: Relation, name: str, node: Node) -> None:
    if not node.get("if_not_exists"):
        analysis.find("object-exists", name=f"index {name}")
        return
    analysis.find("exists-already", name=f"index {name}", index=f"{relation.schema}.{name}")


def _read_index(analysis: Analysis, relation: Relation, node: Node) -> Index:
    elements = [item["IndexElem"] for item in node.get("indexParams", ())]
    columns = tuple(element.get("name", "") for element in elements)
    label = "_".join(element.get("name", "expr") for element in elements)
    included = tuple(
        item["IndexElem"].get("name", "") for item in node.get("indexIncludingParams", ())
    )
    name = node.get("idxname") or index_name(analysis.schema, relation, label, "idx")
    return Index(
        name, relation.schema, relation.oid, columns,
        unique=bool(node.get("unique")), partial="whereClause" in node,
        uses=NOTHING if _only_columns(node) else _index_uses(analysis, relation, node),
        method=node.get("accessMethod", "btree"), included=included,
        plain=not any(e.get("opclass") or e.get("collation") for e in elements),
    )  # fmt: skip


def _only_columns(node: Node) -> bool:
    """Whether the index has neither an expression nor a condition."""
    return "whereClause" not in node and all(
        "expr" not in item["IndexElem"] for item in node.get("indexParams", ())
    )


def _index_uses(analysis: Analysis, relation: Relation, node: Node) -> Uses:
    return uses_of(analysis, [node.get("indexParams"), node.get("whereClause")], relation)


def _build_parts(
    analysis: Analysis, parent: Relation, index: Index, lock: Lock, node: Node
) -> None:
    """Build the index on each partition, unless one that fits is there and can be attached."""
    for oid in parent.children:
        child = analysis.schema.relations.get(oid)
        if child is None:
            continue
        analysis.lock(child, lock)
        match = next((own for own in child.indexes.values() if _fits(own, index)), None)
        if match is not None:
            match.parent = index.name
            for member in analysis.schema.descendants(child):
                analysis.lock(member, lock)
            continue
        part = _read_index(analysis, child, node | {"idxname": ""})
        part.parent = index.name
        analysis.schema.add_index(child, part)
        analysis.scan(child)
        if child.kind == "p":
            _build_parts(analysis, child, part, lock, node)


def _fits(own: Index, index: Index) -> bool:
    same = (own.columns, own.included, own.method, own.unique) == (
        index.columns, index.included, index.method, index.unique,
    )  # fmt: skip
    return (
        same and not own.parent and not own.partial and not index.partial and "" not in own.columns
    )


def _judge(
    analysis: Analysis, relation: Relation, index: Index, node: Node, *, concurrent: bool
) -> None:
    name = f"{relation.schema}.{index.name}"
    safe = concurrent_index(relation, index.name, node)
    if not concurrent and relation.kind == "p":
        parts = index_by_parts(analysis, relation, index, node)
        analysis.find("create-index-on-partitioned", table=relation.qualified, statements=parts)
    elif not concurrent:
        analysis.find("create-index", table=relation.qualified, statements=safe)
    elif node.get("if_not_exists"):
        analysis.find("concurrent-if-not-exists", index=name, statements=safe)


def drop_indexes(analysis: Analysis, node: Node) -> None:
    """DROP INDEX: ACCESS EXCLUSIVE on the table; CONCURRENTLY lets reads and writes go on."""
    concurrent = bool(node.get("concurrent"))
    for item in node["objects"]:
        name = rangevar(item["List"]["items"])
        found = analysis.index(name.get("schemaname"), name["relname"])
        if found is None:
            if not concurrent or analysis.schema.complete:
                _unknown_index(analysis, name["relname"], node)
            continue
        relation, index_name_ = found
        index = relation.indexes[index_name_]
        if index.constraint:
            owner: dict[str, Any] = {} if index.primary else {"owner": relation.qualified}
            analysis.find(
                "index-of-constraint",
                index=index_name_,
                constraint=index.constraint,
                table=relation.qualified,
                **owner,
            )
        if concurrent:
            analysis.lock(relation, Lock.SHARE_UPDATE_EXCLUSIVE)
            analysis.schema.drop_index(relation, index_name_)
        else:
            dependencies.drop_index(analysis, relation, index_name_)
        if analysis.live(relation) and not concurrent:
            analysis.find(
                "drop-index", table=relation.qualified, index=f"{relation.schema}.{index_name_}"
            )


def _unknown_index(analysis: Analysis, name: str, node: Node) -> None:
    if not analysis.schema.complete:
        analysis.find("drop-unknown-index", index=name)
    elif not node.get("missing_ok"):
        analysis.find("missing-object", name=f"index {name}")


_REINDEX_TABLES = {"REINDEX_OBJECT_TABLE", "REINDEX_OBJECT_INDEX"}


REINDEXES_PARTITIONED = 14
"""Before this version, REINDEX passes over a partitioned table with a warning."""


def reindex(analysis: Analysis, node: Node) -> None:
    """REINDEX: SHARE on the table, ACCESS EXCLUSIVE on its indexes (so that even planning a query waits).

    With CONCURRENTLY a partitioned table's partitions are still locked in SHARE, while PostgreSQL lists them.
    """
    concurrent = any(
        item["DefElem"]["defname"] == "concurrently" and _switched_on(item["DefElem"])
        for item in node.get("params", ())
    )
    lock = Lock.SHARE_UPDATE_EXCLUSIVE if concurrent else Lock.SHARE
    analysis.seen.concurrent |= concurrent
    one_index = node["kind"] == "REINDEX_OBJECT_INDEX"
    for relation in _reindexed(analysis, node):
        tree = relation.kind == "p" and analysis.version >= REINDEXES_PARTITIONED
        below = list(analysis.schema.descendants(relation)) if tree else []
        for member in (relation, *below):
            if one_index and member is not relation and member.kind == "p":
                continue  # Of the tables between, only the index is locked.
            listed = concurrent and not one_index and member is not relation
            analysis.lock(member, Lock.SHARE if listed else lock)
            if member.indexes or member.assumed:
                analysis.scan(member)
        if concurrent and not one_index and tree and analysis.live(relation):
            parts = concurrent_reindex_by_parts(below, node)
            analysis.find(
                "reindex-partitioned-concurrently", table=relation.qualified, statements=parts
            )
        if analysis.live(relation) and not concurrent:
            analysis.find("reindex", table=relation.qualified, statements=concurrent_reindex(node))
    if node["kind"] not in _REINDEX_TABLES:
        analysis.find("reindex-many", level=Level.MEDIUM if concurrent else Level.HIGH)


def _switched_on(option: Node) -> bool:
    argument = option.get("arg")
    return argument is None or "false" not in str(argument)


def _reindexed(analysis: Analysis, node: Node) -> list[Relation]:
    kind = node["kind"]
    if kind == "REINDEX_OBJECT_INDEX":
        name = node["relation"]
        found = analysis.index(name.get("schemaname"), name["relname"])
        if found is None:
            _unknown_index(analysis, name["relname"], {})
        return [found[0]] if found else []
    if kind == "REINDEX_OBJECT_TABLE":
        relation = analysis.relation(node["relation"])
        return [relation] if relation is not None else []
    relations = analysis.schema.relations.values()
    if kind == "REINDEX_OBJECT_SCHEMA":
        return [r for r in relations if r.schema == node.get("name") and r.has_storage]
    return [r for r in relations if r.has_storage] if kind == "REINDEX_OBJECT_DATABASE" else []
