"""RENAME, SET SCHEMA, OWNER TO and COMMENT: changes of the catalogue only, which break code that knows the old name.

Sources: `RenameRelation`, `renameatt`, `rename_constraint_internal`, `AlterTableNamespace`, `CommentObject`; checked on servers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from migrations_portal.risk.handlers.column_names import rename_column
from migrations_portal.risk.handlers.drops import ASSUMED_KINDS
from migrations_portal.risk.handlers.table_settings import lock_typed_tables
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import TABLE_KINDS, Relation
from migrations_portal.risk.trees import qualified, rangevar, strings, type_schema, with_heirs

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.parser import Node

_RELATIONS = frozenset({
    "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE", "OBJECT_SEQUENCE", "OBJECT_INDEX",
})  # fmt: skip


def rename(analysis: Analysis, node: Node) -> None:
    """ALTER … RENAME, by kind of object."""
    kind = node["renameType"]
    if kind in _RELATIONS:
        _rename_relation(analysis, node)
        return
    handler = _RENAMERS.get(kind)
    if handler is not None:
        handler(analysis, node)


def _rename_relation(analysis: Analysis, node: Node) -> None:
    name, new = node["relation"], node["newname"]
    found = analysis.index(name.get("schemaname"), name["relname"])
    if found is not None:
        relation, old = found
        _rename_index(analysis, relation, old, new)
        return
    if node["renameType"] == "OBJECT_INDEX" and analysis.schema.complete:
        if not node.get("missing_ok"):
            analysis.find("missing-object", name=f"index {name['relname']}")
        return
    if node["renameType"] == "OBJECT_INDEX":
        return
    table = analysis.relation(name, missing_ok=bool(node.get("missing_ok")))
    if table is None:
        return
    if table.assumed:
        table.kind = ASSUMED_KINDS.get(node["renameType"], "r")
    analysis.lock(table, Lock.ACCESS_EXCLUSIVE)
    if analysis.live(table) and table.kind in TABLE_KINDS | {"v"}:
        rule = "rename-table" if table.kind in TABLE_KINDS else "rename-view"
        analysis.find(rule, table=table.qualified, new=new, view=f"{table.schema}.{new}")
    analysis.schema.rename(table, schema=table.schema, name=new)


def _rename_index(analysis: Analysis, relation: Relation, old: str, new: str) -> None:
    index = relation.indexes[old]
    analysis.schema.drop_index(relation, old)
    index.name = new
    if index.constraint and (constraint := relation.constraints.pop(index.constraint, None)):
        index.constraint = new
        relation.constraints[new] = replace(constraint, name=new, index_name=new)
    analysis.schema.add_index(relation, index)
    if analysis.live(relation):
        analysis.find("rename-index", index=old, new=new)


def _rename_column(analysis: Analysis, node: Node) -> None:
    if node.get("relationType") == "OBJECT_TYPE":
        _rename_attribute(analysis, node)
        return
    relation = analysis.relation(node["relation"], missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    old, new = node["subname"], node["newname"]
    members = analysis.lock_tree(relation, Lock.ACCESS_EXCLUSIVE)
    if not with_heirs(node["relation"]):
        members = [relation]
    for member in members:
        rename_column(analysis, member, old, new)
    if analysis.live(relation):
        column = relation.columns.get(new)
        known: dict[str, Any] = (
            {"type": column.type} if column is not None and column.type is not None else {}
        )
        analysis.find("rename-column", table=relation.qualified, column=old, new=new, **known)


def _rename_attribute(analysis: Analysis, node: Node) -> None:
    for relation in lock_typed_tables(analysis, node["relation"]):
        rename_column(analysis, relation, node["subname"], node["newname"])
    analysis.find("alter-composite-type", name=node["relation"]["relname"])


def _rename_constraint(analysis: Analysis, node: Node) -> None:
    relation = analysis.relation(node["relation"], missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    old, new = node["subname"], node["newname"]
    constraint = relation.constraints.get(old)
    analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
    members = [relation]
    if constraint is not None and constraint.kind in "cn" and not constraint.no_inherit:
        members = analysis.lock_tree(relation, Lock.ACCESS_EXCLUSIVE)
    for member in members:
        own = member.constraints.pop(old, None)
        if own is not None:
            behind = new if own.index_name else ""
            member.constraints[new] = replace(own, name=new, index_name=behind)
            if own.index_name and (index := member.indexes.get(own.index_name)):
                analysis.schema.drop_index(member, own.index_name)
                index.name = index.constraint = new
                analysis.schema.add_index(member, index)
    if analysis.live(relation):
        analysis.find("rename-constraint", table=relation.qualified, constraint=old, new=new)


def _rename_on_table(analysis: Analysis, node: Node) -> None:
    """Triggers, rules and policies: the table is locked while its entry changes."""
    relation = analysis.relation(node["relation"], missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
    old, new = node["subname"], node["newname"]
    members = [relation]
    if node["renameType"] == "OBJECT_TRIGGER" and relation.kind == "p" and analysis.version >= 15:  # noqa: PLR2004
        members = analysis.lock_tree(relation, Lock.ACCESS_EXCLUSIVE)
    for member in members:
        if (trigger := member.triggers.pop(old, None)) is not None:
            member.triggers[new] = replace(trigger, name=new)
    if (rule := relation.rules.pop(old, None)) is not None:
        relation.rules[new] = rule
    if (policy := relation.policies.pop(old, None)) is not None:
        relation.policies[new] = policy


def _rename_schema(analysis: Analysis, node: Node) -> None:
    old, new = node["subname"], node["newname"]
    inside = [r for r in analysis.schema.relations.values() if r.schema == old]
    if any(analysis.live(r) for r in inside) or not analysis.schema.complete:
        analysis.find("rename-schema", name=old, new=new)
    for relation in inside:
        analysis.schema.rename(relation, schema=new, name=relation.name)
    types = analysis.schema.types
    for key in [key for key in types if key[0] == old]:
        kind = types.pop(key)
        kind.schema = new
        types[new, kind.name] = kind
    analysis.schema.schemas.discard(old)
    analysis.schema.schemas.add(new)


def _rename_type(analysis: Analysis, node: Node) -> None:
    items = node["object"]["List"]["items"]
    schema, name = qualified(items)
    place = type_schema(analysis, schema, name)
    kind = analysis.schema.types.pop((place, name), None)
    new = node["newname"]
    if kind is not None:
        kind.name = new
        analysis.schema.types[place, new] = kind
        for relation in analysis.schema.relations.values():
            for column in relation.columns.values():
                if column.type is not None and (column.type.schema, column.type.name) == (
                    place,
                    name,
                ):
                    relation.columns[column.name] = replace(
                        column, type=replace(column.type, name=new)
                    )
    analysis.find("rename-type", name=name, new=new)


def _rename_database(analysis: Analysis, node: Node) -> None:
    analysis.find("change-database", name=node.get("subname", ""))


def _rename_function(analysis: Analysis, node: Node) -> None:
    analysis.find("rename-function", new=node["newname"])


_RENAMERS: dict[str, Callable[[Analysis, Node], None]] = {
    "OBJECT_COLUMN": _rename_column,
    "OBJECT_ATTRIBUTE": _rename_attribute,
    "OBJECT_TABCONSTRAINT": _rename_constraint,
    "OBJECT_TRIGGER": _rename_on_table,
    "OBJECT_RULE": _rename_on_table,
    "OBJECT_POLICY": _rename_on_table,
    "OBJECT_SCHEMA": _rename_schema,
    "OBJECT_TYPE": _rename_type,
    "OBJECT_DOMAIN": _rename_type,
    "OBJECT_DATABASE": _rename_database,
    "OBJECT_FUNCTION": _rename_function,
    "OBJECT_PROCEDURE": _rename_function,
    "OBJECT_ROUTINE": _rename_function,
}


def set_schema(analysis: Analysis, node: Node) -> None:
    """ALTER … SET SCHEMA: code that does not find the new schema on its path breaks."""
    new = node["newschema"]
    if node["objectType"] not in _RELATIONS:
        analysis.find("move-object", new=new)
        return
    relation = analysis.relation(node["relation"], missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
    if analysis.live(relation):
        analysis.find(
            "set-schema", table=relation.qualified, new=new, view=f"{new}.{relation.name}"
        )
    for other in list(analysis.schema.relations.values()):
        if other.owned_by is not None and other.owned_by[0] == relation.oid:
            analysis.schema.rename(other, schema=new, name=other.name)
    analysis.schema.rename(relation, schema=new, name=relation.name)


def comment(analysis: Analysis, node: Node) -> None:
    """COMMENT ON: a short lock that nobody who reads or writes notices."""
    kind = node["objtype"]
    items = node["object"].get("List", {}).get("items", [])
    if kind in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"):
        _lock_named(analysis, items, Lock.SHARE_UPDATE_EXCLUSIVE)
    elif kind == "OBJECT_COLUMN" and not _is_composite(analysis, items[:-1]):
        _lock_named(analysis, items[:-1], Lock.SHARE_UPDATE_EXCLUSIVE)
    elif kind in ("OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY"):
        _lock_named(analysis, items[:-1], Lock.ACCESS_SHARE)


def _is_composite(analysis: Analysis, items: list[Node]) -> bool:
    """Whether the owner of a column is no table but a composite type, whose attributes are commented on in the same words."""
    schema, name = qualified(items)
    kind = analysis.schema.types.get((type_schema(analysis, schema, name), name))
    return kind is not None and kind.kind == "c"


def _lock_named(analysis: Analysis, items: list[Node], lock: Lock) -> None:
    if len(strings(items)) == 0:
        return
    relation = analysis.relation(rangevar(items))
    if relation is not None:
        analysis.lock(relation, lock)
