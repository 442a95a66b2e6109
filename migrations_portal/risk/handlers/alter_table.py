"""ALTER TABLE: the lock of each command, the order PostgreSQL runs them in, and who handles which.

Source: `AlterTableGetLockLevel` and `ATPrepCmd` in tablecmds.c, checked on servers 13 to 18. The statement takes the strongest
lock that any of its commands needs, on the table and on each table that the commands reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from migrations_portal.risk.handlers import (
    column_settings,
    column_types,
    columns,
    constraint_changes,
    constraints,
    inheritance,
    partitions,
    table_settings,
)
from migrations_portal.risk.handlers.not_null import require_not_null
from migrations_portal.risk.handlers.table_change import TableChange
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.trees import with_heirs

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.parser import Node

_AE, _SRE, _SUE = Lock.ACCESS_EXCLUSIVE, Lock.SHARE_ROW_EXCLUSIVE, Lock.SHARE_UPDATE_EXCLUSIVE


class Command(NamedTuple):
    """One kind of ALTER TABLE command: its lock, the pass it runs in, and the function that works it out."""

    lock: Lock
    order: int
    handle: Callable[[TableChange, Node], None]


# Passes, in PostgreSQL's order: drops first, settings of columns before constraints, the rest last.
_DROP, _TYPE, _ADD, _EXPRESSION, _COLUMN, _CONSTRAINT, _MISC = range(7)

COMMANDS: dict[str, Command] = {
    "AT_AddColumn": Command(_AE, _ADD, columns.add_column),
    "AT_DropColumn": Command(_AE, _DROP, columns.drop_column),
    "AT_SetNotNull": Command(_AE, _COLUMN, columns.set_not_null),
    "AT_DropNotNull": Command(_AE, _DROP, columns.drop_not_null),
    "AT_ColumnDefault": Command(_AE, _COLUMN, column_settings.set_default),
    "AT_AlterColumnType": Command(_AE, _TYPE, column_types.alter_type),
    "AT_AddIdentity": Command(_AE, _COLUMN, column_settings.add_identity),
    "AT_SetIdentity": Command(_AE, _COLUMN, column_settings.add_identity),
    "AT_DropIdentity": Command(_AE, _DROP, column_settings.drop_identity),
    "AT_SetExpression": Command(_AE, _EXPRESSION, column_settings.set_expression),
    "AT_DropExpression": Command(_AE, _DROP, column_settings.drop_expression),
    "AT_SetStatistics": Command(_SUE, _MISC, column_settings.column_setting),
    "AT_SetOptions": Command(_SUE, _MISC, column_settings.own_setting),
    "AT_ResetOptions": Command(_SUE, _MISC, column_settings.own_setting),
    "AT_SetStorage": Command(_AE, _MISC, column_settings.column_setting),
    "AT_SetCompression": Command(_AE, _MISC, column_settings.own_setting),
    "AT_AddConstraint": Command(_AE, _CONSTRAINT, constraints.add_constraint),
    "AT_DropConstraint": Command(_AE, _DROP, constraint_changes.drop_constraint),
    "AT_ValidateConstraint": Command(_SUE, _MISC, constraint_changes.validate_constraint),
    "AT_AlterConstraint": Command(_AE, _MISC, constraint_changes.alter_constraint),
    "AT_AttachPartition": Command(_SUE, _MISC, partitions.attach),
    "AT_DetachPartition": Command(_AE, _MISC, partitions.detach),
    "AT_DetachPartitionFinalize": Command(_SUE, _MISC, partitions.finalize),
    "AT_AddInherit": Command(_AE, _MISC, inheritance.inherit),
    "AT_DropInherit": Command(_AE, _MISC, inheritance.no_inherit),
    "AT_AddOf": Command(_AE, _MISC, table_settings.catalogue_only),
    "AT_DropOf": Command(_AE, _MISC, table_settings.catalogue_only),
    "AT_ChangeOwner": Command(_AE, _MISC, table_settings.change_owner),
    "AT_ClusterOn": Command(_SUE, _MISC, table_settings.cluster_on),
    "AT_DropCluster": Command(_SUE, _MISC, table_settings.catalogue_only),
    "AT_DropOids": Command(_AE, _MISC, table_settings.catalogue_only),
    "AT_SetLogged": Command(_AE, _MISC, table_settings.set_logged),
    "AT_SetUnLogged": Command(_AE, _MISC, table_settings.set_unlogged),
    "AT_SetTableSpace": Command(_AE, _MISC, table_settings.set_tablespace),
    "AT_SetAccessMethod": Command(_AE, _MISC, table_settings.set_access_method),
    "AT_SetRelOptions": Command(_SUE, _MISC, table_settings.set_options),
    "AT_ResetRelOptions": Command(_SUE, _MISC, table_settings.set_options),
    "AT_ReplaceRelOptions": Command(_SUE, _MISC, table_settings.set_options),
    "AT_ReplicaIdentity": Command(_AE, _MISC, table_settings.replica_identity),
    "AT_EnableRowSecurity": Command(_AE, _MISC, table_settings.row_security),
    "AT_DisableRowSecurity": Command(_AE, _MISC, table_settings.row_security),
    "AT_ForceRowSecurity": Command(_AE, _MISC, table_settings.row_security),
    "AT_NoForceRowSecurity": Command(_AE, _MISC, table_settings.row_security),
    "AT_EnableTrig": Command(_SRE, _MISC, table_settings.enable_trigger),
    "AT_EnableTrigAll": Command(_SRE, _MISC, table_settings.enable_trigger),
    "AT_EnableTrigUser": Command(_SRE, _MISC, table_settings.enable_trigger),
    "AT_EnableAlwaysTrig": Command(_SRE, _MISC, table_settings.enable_trigger),
    "AT_EnableReplicaTrig": Command(_SRE, _MISC, table_settings.disable_trigger),
    "AT_DisableTrig": Command(_SRE, _MISC, table_settings.disable_trigger),
    "AT_DisableTrigAll": Command(_SRE, _MISC, table_settings.disable_trigger),
    "AT_DisableTrigUser": Command(_SRE, _MISC, table_settings.disable_trigger),
    "AT_EnableRule": Command(_AE, _MISC, table_settings.change_rule),
    "AT_EnableAlwaysRule": Command(_AE, _MISC, table_settings.change_rule),
    "AT_EnableReplicaRule": Command(_AE, _MISC, table_settings.change_rule),
    "AT_DisableRule": Command(_AE, _MISC, table_settings.change_rule),
    "AT_GenericOptions": Command(_AE, _MISC, table_settings.catalogue_only),
    "AT_AlterColumnGenericOptions": Command(_AE, _MISC, table_settings.catalogue_only),
}
_STRONG_OPTIONS = frozenset(
    {"user_catalog_table", "security_barrier", "security_invoker", "check_option"}
)
_OPTION_COMMANDS = frozenset({"AT_SetRelOptions", "AT_ResetRelOptions", "AT_ReplaceRelOptions"})
TABLE_TYPES = frozenset({"OBJECT_TABLE", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE", "OBJECT_VIEW"})


def alter_table(analysis: Analysis, node: Node) -> None:
    """ALTER TABLE, ALTER MATERIALIZED VIEW, ALTER VIEW, ALTER INDEX and their like."""
    kind = node.get("objtype", "OBJECT_TABLE")
    name = node["relation"]
    found = analysis.index(name.get("schemaname"), name["relname"])
    if found is not None:
        table_settings.alter_index(analysis, *found, node)
        return
    if kind in ("OBJECT_INDEX", "OBJECT_SEQUENCE"):
        table_settings.alter_unknown(analysis, kind, node)
        return
    if kind == "OBJECT_TYPE":
        table_settings.alter_composite(analysis, node)
        return
    relation = analysis.relation(name, missing_ok=bool(node.get("missing_ok")))
    if relation is None:
        return
    commands = [item["AlterTableCmd"] for item in node["cmds"]]
    lock = max(map(lock_of, commands))
    change = TableChange(analysis, relation, lock, inherit=with_heirs(name))
    analysis.lock(relation, lock)
    if len(commands) > 1:
        commands.sort(key=_order)
    for command in commands:
        COMMANDS[command["subtype"]].handle(change, command)
    change.finish()


def lock_of(command: Node) -> Lock:
    """The lock that one command asks for on the table."""
    kind = command["subtype"]
    if kind == "AT_AddConstraint" and command["def"]["Constraint"]["contype"] == "CONSTR_FOREIGN":
        return _SRE
    if kind == "AT_DetachPartition" and command["def"]["PartitionCmd"].get("concurrent"):
        return _SUE
    if kind in _OPTION_COMMANDS:
        names = {
            item["DefElem"]["defname"]
            for item in command.get("def", {}).get("List", {}).get("items", ())
        }
        return _AE if names & _STRONG_OPTIONS else _SUE
    return COMMANDS[kind].lock if kind in COMMANDS else _AE


def _order(command: Node) -> int:
    kind = command["subtype"]
    if kind == "AT_ColumnDefault" and "def" not in command:
        return _DROP
    return COMMANDS[kind].order if kind in COMMANDS else _MISC


__all__ = ["COMMANDS", "alter_table", "require_not_null"]
