"""The safe form of a statement as a tree: what the advice of a finding offers to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.render import Sql, Text, ident, sql
from migrations_portal.risk.trees import WITH_HEIRS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Constraint, Index, Relation
    from migrations_portal.risk.parser import Node


def _named(schema: str, name: str, *, heirs: bool = True) -> Node:
    return {"schemaname": schema, "relname": name, WITH_HEIRS: heirs, "relpersistence": "p"}


def concurrent_index(relation: Relation, name: str, node: Node) -> Sql:
    """The same index, built while writes go on."""
    return sql("IndexStmt", _index(relation, name, node) | {"concurrent": True})


def _index(relation: Relation, name: str, node: Node, *, heirs: bool = True) -> Node:
    table = _named(relation.schema, relation.name, heirs=heirs)
    kept = {key: value for key, value in node.items() if key != "if_not_exists"}
    return kept | {"relation": table, "idxname": name}


def index_by_parts(analysis: Analysis, parent: Relation, index: Index, node: Node) -> Sql:
    """The index of a partitioned table, part by part: ON ONLY the parent, CONCURRENTLY below, then attached."""
    return Sql(tuple(_parts(analysis, parent, index, node)))


def _parts(
    analysis: Analysis, parent: Relation, index: Index, node: Node
) -> list[tuple[str, Node]]:
    found: list[tuple[str, Node]] = []
    found.append(("IndexStmt", _index(parent, index.name, node, heirs=False)))
    for oid in parent.children:
        child = analysis.schema.relations.get(oid)
        part = (
            next((i for i in child.indexes.values() if i.parent == index.name), None)
            if child
            else None
        )
        if child is None or part is None:
            continue
        if child.kind == "p":
            found += _parts(analysis, child, part, node)
        else:
            found.append(("IndexStmt", _index(child, part.name, node) | {"concurrent": True}))
        found.append(("AlterTableStmt", _attached(index, part)))
    return found


def _attached(index: Index, part: Index) -> Node:
    command = {
        "subtype": "AT_AttachPartition", "behavior": "DROP_RESTRICT",
        "def": {"PartitionCmd": {"name": _named(part.schema, part.name)}},
    }  # fmt: skip
    return {
        "relation": _named(index.schema, index.name), "objtype": "OBJECT_INDEX",
        "cmds": [{"AlterTableCmd": command}],
    }  # fmt: skip


def concurrent_reindex(node: Node) -> Sql:
    """The same REINDEX, while reads and writes go on."""
    return sql("ReindexStmt", _concurrently(node))


def _concurrently(node: Node) -> Node:
    option = {"DefElem": {"defname": "concurrently", "defaction": "DEFELEM_UNSPEC"}}
    return node | {"params": [option]}


def concurrent_reindex_by_parts(partitions: Iterable[Relation], node: Node) -> Sql:
    """The same for each partition that holds rows, one after the other."""
    return Sql(
        tuple(
            ("ReindexStmt", _concurrently(node | {"relation": _named(part.schema, part.name)}))
            for part in partitions
            if part.has_storage
        )
    )


def without_rows(node: Node) -> Sql:
    """CREATE TABLE AS … WITH NO DATA."""
    return sql("CreateTableAsStmt", node | {"into": node["into"] | {"skipData": True}})


def _element(column: str) -> Node:
    order = {"ordering": "SORTBY_DEFAULT", "nulls_ordering": "SORTBY_NULLS_DEFAULT"}
    return {"IndexElem": {"name": column, **order}}


def key_index(relation: Relation, name: str, node: Node) -> Sql:
    """The unique index of a key, built while writes go on."""
    elements = [_element(key["String"]["sval"]) for key in node.get("keys", ())]
    included = [_element(key["String"]["sval"]) for key in node.get("including", ())]
    statement: Node = {
        "idxname": name, "relation": _named(relation.schema, relation.name), "accessMethod": "btree",
        "indexParams": elements, "unique": True, "concurrent": True,
    }  # fmt: skip
    if included:
        statement["indexIncludingParams"] = included
    if node.get("nulls_not_distinct"):
        statement["nulls_not_distinct"] = True
    return sql("IndexStmt", statement)


def attached(parent: Relation, partition: str, bound: Node) -> Sql:
    """ATTACH PARTITION with this bound."""
    schema, _, name = partition.partition(".")
    definition = {"PartitionCmd": {"name": _named(schema, name), "bound": bound}}
    return sql("AlterTableStmt", _altered(parent, "AT_AttachPartition", definition))


def bound_check(parent: Relation, bound: Node) -> str:
    """The condition that proves a bound over one column; empty where that cannot be written down."""
    if len(parent.key) != 1 or not parent.key[0] or bound.get("is_default"):
        return ""
    column = ident(parent.key[0])
    if bound.get("strategy") == "l":
        values = ", ".join(str(Text(item)) for item in bound.get("listdatums", ()))
        return f"{column} IS NOT NULL AND {column} IN ({values})"
    if bound.get("strategy") != "r":
        return ""
    ends = ((">=", bound["lowerdatums"]), ("<", bound["upperdatums"]))
    facts = [f"{column} {word} {Text(item)}" for word, [item] in ends if "ColumnRef" not in item]
    return " AND ".join([f"{column} IS NOT NULL", *facts])


def unvalidated_key(relation: Relation, key: Constraint, node: Node) -> Sql:
    """ADD FOREIGN KEY … NOT VALID."""
    columns = [{"String": {"sval": column}} for column in key.columns]
    constraint = node | {
        "conname": key.name, "fk_attrs": columns, "skip_validation": True, "initially_valid": False,
    }  # fmt: skip
    return sql("AlterTableStmt", _altered(relation, "AT_AddConstraint", {"Constraint": constraint}))


def _altered(relation: Relation, subtype: str, definition: Node) -> Node:
    command = {"subtype": subtype, "behavior": "DROP_RESTRICT", "def": definition}
    return {
        "relation": _named(relation.schema, relation.name), "objtype": "OBJECT_TABLE",
        "cmds": [{"AlterTableCmd": command}],
    }  # fmt: skip
