"""ALTER TABLE on the table as a whole: storage, options, owner, row security, triggers and rules switched on or off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from migrations_portal.risk.levels import Level
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.render import ident
from migrations_portal.risk.trees import strings

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


def catalogue_only(change: TableChange, command: Node) -> None:
    """A command that changes nothing but the table's own entry."""


def change_owner(change: TableChange, command: Node) -> None:
    """OWNER TO: the lock is short, but rights move."""
    _find(change, "change-owner")


def cluster_on(change: TableChange, command: Node) -> None:
    """CLUSTER ON: only marks the index for a later CLUSTER."""
    for index in change.relation.indexes.values():
        index.clustered = index.name == command["name"]


def set_logged(change: TableChange, command: Node) -> None:
    """SET LOGGED: writes the whole table into the log; nothing when it is logged already."""
    _set_persistence(change, "p")


def set_unlogged(change: TableChange, command: Node) -> None:
    """SET UNLOGGED: the table is emptied by a crash from then on, and never reaches a replica."""
    _set_persistence(change, "u")


def _set_persistence(change: TableChange, wanted: str) -> None:
    relation = change.relation
    if relation.persistence == wanted and not relation.assumed:
        return
    relation.persistence = wanted
    change.rewrite(relation)
    _find(change, "set-unlogged" if wanted == "u" else "set-logged")


def set_tablespace(change: TableChange, command: Node) -> None:
    """SET TABLESPACE: copies the files, unless the table is there already."""
    relation, wanted = change.relation, command["name"]
    wanted = "" if wanted == "pg_default" else wanted
    if relation.tablespace != wanted:
        relation.tablespace = wanted
        change.analysis.rewrite(relation)
        _find(change, "set-tablespace")


def set_access_method(change: TableChange, command: Node) -> None:
    """SET ACCESS METHOD: a rewrite, unless the table has it already."""
    relation, wanted = change.relation, command.get("name", "heap")
    if relation.access_method != wanted:
        relation.access_method = wanted
        change.rewrite(relation)
        _find(change, "set-access-method")


def set_options(change: TableChange, command: Node) -> None:
    """SET (…) and RESET (…): harmless, but for switching autovacuum off."""
    for item in command.get("def", {}).get("List", {}).get("items", ()):
        option = item["DefElem"]
        off = option.get("arg", {}).get("String", {}).get("sval") in ("false", "off")
        off = off or "boolval" in option.get("arg", {}).get("Boolean", {"boolval": 1}) is False
        if option["defname"] == "autovacuum_enabled" and _is_false(option.get("arg")):
            _find(change, "autovacuum-off")


def _is_false(argument: Node | None) -> bool:
    if argument is None:
        return False
    [(kind, body)] = argument.items()
    if kind == "Boolean":
        return not body.get("boolval")
    return str(body.get("sval", body.get("ival", ""))).lower() in (
        "false",
        "off",
        "0",
        "no",
        "f",
        "n",
    )


def replica_identity(change: TableChange, command: Node) -> None:
    """REPLICA IDENTITY: what logical replication sends for updates and deletes."""
    _find(change, "replica-identity")


def row_security(change: TableChange, command: Node) -> None:
    """ENABLE, DISABLE, FORCE ROW LEVEL SECURITY: who sees which rows changes at once."""
    relation = change.relation
    if command["subtype"] in ("AT_EnableRowSecurity", "AT_DisableRowSecurity"):
        relation.row_security = command["subtype"] == "AT_EnableRowSecurity"
    _find(change, "row-security")


def enable_trigger(change: TableChange, command: Node) -> None:
    """ENABLE TRIGGER: what it did not do while it was off is not made up for."""
    _reach_triggers(change, command)
    _find(change, "enable-trigger", trigger=command.get("name", "all"))


def disable_trigger(change: TableChange, command: Node) -> None:
    """DISABLE TRIGGER: audit triggers fall silent, and with ALL the foreign keys too."""
    _reach_triggers(change, command)
    _find(change, "disable-trigger", trigger=command.get("name", "all"))


SWITCHES_KEYS_BELOW = 15
"""From this version on, TRIGGER ALL of a partitioned table switches the foreign keys of its partitions too."""
_SWITCHES = (("Disable", "D"), ("EnableReplica", "R"), ("EnableAlways", "A"), ("Enable", "O"))


def _switch(command: Node) -> str:
    """The letter for what ENABLE or DISABLE says of a trigger or rule."""
    word = command["subtype"].removeprefix("AT_")
    return next(letter for start, letter in _SWITCHES if word.startswith(start))


def _reach_triggers(change: TableChange, command: Node) -> None:
    """A row trigger of a partitioned table has copies on the partitions, which are switched with it."""
    name, letter = command.get("name"), _switch(command)
    meant = [t for t in change.relation.triggers.values() if name in (None, t.name)]
    keys = command["subtype"].endswith("TrigAll") and _has_keys_below(change)
    below = change.relation.kind == "p" and (keys or any(t.row for t in meant))
    for member in change.reach() if below else [change.relation]:
        deep = member is change.relation or change.analysis.version >= SWITCHES_KEYS_BELOW
        if deep and command["subtype"].endswith("TrigAll"):
            member.keys_off = letter == "D"
        for trigger in meant:
            if trigger.name in member.triggers and (trigger.row or member is change.relation):
                own = member.triggers[trigger.name]
                member.triggers[trigger.name] = replace(own, switch=letter)


def _has_keys_below(change: TableChange) -> bool:
    """Whether the partitions have triggers of foreign keys, on either side, that are switched with those of the table."""
    schema, relation = change.analysis.schema, change.relation
    own = any(constraint.kind == "f" for constraint in relation.constraints.values())
    known = own or any(True for _ in schema.referencing(relation))
    return known and change.analysis.version >= SWITCHES_KEYS_BELOW


def change_rule(change: TableChange, command: Node) -> None:
    """ENABLE or DISABLE RULE: what a query on the table does changes at once."""
    rules, name = change.relation.rules, command["name"]
    if name in rules:
        rules[name] = replace(rules[name], switch=_switch(command))
    _find(change, "rule-change")


def _find(change: TableChange, rule: str, **values: Any) -> None:
    if change.analysis.live(change.relation):
        change.analysis.find(rule, table=change.relation.qualified, **values)


def alter_index(analysis: Analysis, relation: Relation, name: str, node: Node) -> None:
    """ALTER INDEX …: the index is locked, not its table; attaching a part touches both indexes and marks the parent."""
    for item in node["cmds"]:
        command = item["AlterTableCmd"]
        if command["subtype"] == "AT_SetTableSpace" and analysis.live(relation):
            index, place = f"{ident(relation.schema)}.{ident(name)}", ident(command["name"])
            analysis.find(
                "index-tablespace", table=relation.qualified, index=index, tablespace=place
            )
        if command["subtype"] != "AT_AttachPartition":
            continue
        part_name = command["def"]["PartitionCmd"]["name"]
        found = analysis.index(part_name.get("schemaname"), part_name["relname"])
        if found is not None:
            part_table, part = found
            analysis.lock(part_table, Lock.ACCESS_SHARE)
            analysis.lock(relation, Lock.ACCESS_SHARE)
            part_table.indexes[part].parent = name


def alter_unknown(analysis: Analysis, kind: str, node: Node) -> None:
    """ALTER INDEX or ALTER SEQUENCE on a name that the schema does not have."""
    if kind == "OBJECT_INDEX" and analysis.schema.complete and not node.get("missing_ok"):
        analysis.find("missing-object", name=f"index {node['relation']['relname']}")


def alter_composite(analysis: Analysis, node: Node) -> None:
    """ALTER TYPE … ADD/DROP/ALTER ATTRIBUTE: refused while a table stores the type; typed tables follow with CASCADE."""
    for relation in lock_typed_tables(analysis, node["relation"]):
        for item in node["cmds"]:
            if item["AlterTableCmd"]["subtype"] == "AT_DropColumn":
                relation.columns.pop(item["AlterTableCmd"]["name"], None)
    analysis.find("alter-composite-type", level=Level.HIGH, name=node["relation"]["relname"])


def lock_typed_tables(analysis: Analysis, type_name: Node) -> list[Relation]:
    """The tables made OF a type, which change with it."""
    schema, name = type_name.get("schemaname"), type_name["relname"]
    places = (schema,) if schema else analysis.path
    typed = [
        relation
        for relation in analysis.schema.relations.values()
        if relation.of_type is not None
        and relation.of_type[0] in places
        and relation.of_type[1] == name
    ]
    for relation in typed:
        analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
    return typed


def option_names(node: Node) -> list[str]:
    """The names of the options in a WITH (…) list."""
    return [item["DefElem"]["defname"] for item in node.get("options", ())]


__all__ = ["strings"]
