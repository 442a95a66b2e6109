"""Which handler works out which kind of statement. A kind that nobody knows is never taken for harmless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.handlers import (
    alter_table,
    create_table,
    data_changes,
    drops,
    indexes,
    maintenance,
    programs,
    queries,
    renames,
    session,
    triggers,
    type_ddl,
    views,
)
from migrations_portal.risk.locks import ACCESS_SHARE, Lock
from migrations_portal.risk.trees import qualified, rangevar

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.parser import Node

Handler = "Callable[[Analysis, Node], None]"


def _data(kind: str) -> Callable[[Analysis, Node], None]:
    def handle(analysis: Analysis, node: Node) -> None:
        queries.read_query(analysis, {kind: node})
        session.run_functions(analysis, node)

    return handle


def _harmless(analysis: Analysis, node: Node) -> None:
    """Changes nothing that a table's user could notice."""


def _rule(rule: str, name: str = "", *, lost: bool = False) -> Callable[[Analysis, Node], None]:
    def handle(analysis: Analysis, node: Node) -> None:
        analysis.seen.destroys |= lost
        value = node.get(name, "")
        analysis.find(rule, name=value if isinstance(value, str) else "")

    return handle


def _create_schema(analysis: Analysis, node: Node) -> None:
    analysis.schema.schemas.add(node.get("schemaname", ""))
    path = analysis.path
    analysis.path = (node.get("schemaname", ""), *path)
    for element in node.get("schemaElts", ()):
        [(kind, body)] = element.items()
        apply(analysis, kind, body)
    analysis.path = path


def _create_sequence(analysis: Analysis, node: Node) -> None:
    sequence = create_table.new_relation(
        analysis, node["sequence"], "S", exists_ok=bool(node.get("if_not_exists"))
    )
    if sequence is not None:
        _own_sequence(analysis, sequence.oid, node)


def _alter_sequence(analysis: Analysis, node: Node) -> None:
    sequence = analysis.lookup(node["sequence"].get("schemaname"), node["sequence"]["relname"])
    if sequence is None:
        return
    _own_sequence(analysis, sequence.oid, node)
    if any(
        item["DefElem"]["defname"] == "restart" for item in node.get("options", ())
    ) and analysis.live(sequence):
        analysis.find("restart-sequence", name=sequence.qualified)


def _own_sequence(analysis: Analysis, oid: int, node: Node) -> None:
    for item in node.get("options", ()):
        if item["DefElem"]["defname"] != "owned_by":
            continue
        names = item["DefElem"]["arg"]["List"]["items"]
        sequence = analysis.schema.relations[oid]
        if len(names) == 1:
            sequence.owned_by = None
            continue
        table = analysis.relation(rangevar(names[:-1]))
        if table is not None:
            analysis.lock(table, Lock.ACCESS_SHARE)
            sequence.owned_by = (table.oid, qualified(names)[1])


def _create_extension(analysis: Analysis, node: Node) -> None:
    analysis.schema.extensions[node["extname"]] = "public"
    analysis.find("create-extension", name=node["extname"])


def _create_table(analysis: Analysis, node: Node) -> None:
    create_table.create_table(analysis, node)


def _foreign_table(analysis: Analysis, node: Node) -> None:
    made = create_table.create_table(analysis, node["base"], kind="f")
    if made is not None:
        made.server = node.get("servername", "")


def _create_server(analysis: Analysis, node: Node) -> None:
    analysis.schema.servers[node["servername"]] = node.get("fdwname", "")
    analysis.find("foreign-server", name=node["servername"])


def _publication_objects(analysis: Analysis, node: Node) -> None:
    """ALTER … OWNER of anything that is not a relation."""


def _depend_on_extension(analysis: Analysis, node: Node) -> None:
    """ALTER … DEPENDS ON EXTENSION: a trigger is looked up on its table, a materialised view is locked."""
    locks = {"OBJECT_TRIGGER": ACCESS_SHARE, "OBJECT_MATVIEW": Lock.ACCESS_EXCLUSIVE}
    lock = locks.get(node["objectType"])
    relation = analysis.relation(node["relation"]) if lock is not None else None
    if lock is not None and relation is not None:
        analysis.lock(relation, lock)


def _alter_owner(analysis: Analysis, node: Node) -> None:
    analysis.find(
        "change-owner", table=str(node.get("objectType", "object")).removeprefix("OBJECT_").lower()
    )


HANDLERS: dict[str, Callable[[Analysis, Node], None]] = {
    "AlterTableStmt": alter_table.alter_table,
    "CreateStmt": _create_table,
    "CreateForeignTableStmt": _foreign_table,
    "CreateTableAsStmt": views.create_table_as,
    "ViewStmt": views.create_view,
    "RefreshMatViewStmt": views.refresh,
    "IndexStmt": indexes.create_index,
    "ReindexStmt": indexes.reindex,
    "DropStmt": drops.drop,
    "RenameStmt": renames.rename,
    "AlterObjectSchemaStmt": renames.set_schema,
    "AlterOwnerStmt": _alter_owner,
    "AlterObjectDependsStmt": _depend_on_extension,
    "CommentStmt": renames.comment,
    "SecLabelStmt": maintenance.security_label,
    "CreateEnumStmt": type_ddl.create_enum,
    "AlterEnumStmt": type_ddl.alter_enum,
    "CreateDomainStmt": type_ddl.create_domain,
    "AlterDomainStmt": type_ddl.alter_domain,
    "CompositeTypeStmt": type_ddl.create_composite,
    "CreateRangeStmt": type_ddl.create_range,
    "AlterTypeStmt": type_ddl.alter_type_options,
    "DefineStmt": type_ddl.define,
    "CreateCastStmt": type_ddl.create_cast,
    "CreateFunctionStmt": programs.create_function,
    "AlterFunctionStmt": _rule("replace-function"),
    "DoStmt": programs.do_block,
    "CallStmt": programs.call,
    "CreateTrigStmt": triggers.create_trigger,
    "RuleStmt": programs.create_rule,
    "CreatePolicyStmt": programs.create_policy,
    "AlterPolicyStmt": programs.create_policy,
    "InsertStmt": _data("InsertStmt"),
    "UpdateStmt": _data("UpdateStmt"),
    "DeleteStmt": _data("DeleteStmt"),
    "MergeStmt": _data("MergeStmt"),
    "SelectStmt": session.select,
    "ExplainStmt": session.explain,
    "PrepareStmt": session.prepare,
    "ExecuteStmt": session.execute,
    "DeclareCursorStmt": session.cursor,
    "CopyStmt": maintenance.copy,
    "TruncateStmt": maintenance.truncate,
    "VacuumStmt": maintenance.vacuum,
    "ClusterStmt": maintenance.cluster,
    "LockStmt": maintenance.lock_table,
    "CreateStatsStmt": maintenance.create_statistics,
    "AlterStatsStmt": _harmless,
    "CreatePublicationStmt": maintenance.create_publication,
    "AlterPublicationStmt": maintenance.alter_publication,
    "CreateSubscriptionStmt": maintenance.subscription,
    "AlterSubscriptionStmt": maintenance.subscription,
    "DropSubscriptionStmt": maintenance.subscription,
    "GrantStmt": maintenance.grant,
    "AlterDefaultPrivilegesStmt": _rule("default-privileges"),
    "GrantRoleStmt": _rule("role-change"),
    "CreateRoleStmt": _rule("role-change", "role"),
    "AlterRoleStmt": _rule("role-change"),
    "AlterRoleSetStmt": _rule("role-change"),
    "DropRoleStmt": _rule("role-change"),
    "DropOwnedStmt": _rule("drop-owned", lost=True),
    "ReassignOwnedStmt": _rule("drop-owned"),
    "CreateSchemaStmt": _create_schema,
    "CreateSeqStmt": _create_sequence,
    "AlterSeqStmt": _alter_sequence,
    "CreateExtensionStmt": _create_extension,
    "AlterExtensionStmt": _rule("alter-extension", "extname"),
    "AlterExtensionContentsStmt": _rule("alter-extension", "extname"),
    "VariableSetStmt": session.set_variable,
    "VariableShowStmt": _harmless,
    "TransactionStmt": session.transaction,
    "ConstraintsSetStmt": session.set_constraints,
    "ListenStmt": _harmless,
    "UnlistenStmt": _harmless,
    "NotifyStmt": _harmless,
    "DeallocateStmt": _harmless,
    "FetchStmt": session.fetch,
    "ClosePortalStmt": _harmless,
    "DiscardStmt": session.discard,
    "CheckPointStmt": _rule("checkpoint"),
    "LoadStmt": _rule("server-change"),
    "AlterSystemStmt": _rule("server-change"),
    "CreatedbStmt": _rule("change-database", "dbname"),
    "DropdbStmt": _rule("drop-database", "dbname", lost=True),
    "AlterDatabaseStmt": _rule("change-database", "dbname"),
    "AlterDatabaseSetStmt": _rule("change-database", "dbname"),
    "CreateTableSpaceStmt": _rule("server-change"),
    "DropTableSpaceStmt": _rule("server-change"),
    "AlterTableSpaceOptionsStmt": _rule("server-change"),
    "AlterTableMoveAllStmt": _rule("server-change"),
    "AlterDatabaseRefreshCollStmt": _rule("change-database", "dbname"),
    "CreateEventTrigStmt": _rule("event-trigger", "trigname"),
    "AlterEventTrigStmt": _rule("event-trigger", "trigname"),
    "CreateFdwStmt": _rule("foreign-server"),
    "CreateForeignServerStmt": _create_server,
    "AlterForeignServerStmt": _rule("foreign-server", "servername"),
    "AlterFdwStmt": _rule("foreign-server", "fdwname"),
    "CreateUserMappingStmt": _rule("foreign-server", "servername"),
    "AlterUserMappingStmt": _rule("foreign-server", "servername"),
    "DropUserMappingStmt": _rule("foreign-server", "servername"),
    "ImportForeignSchemaStmt": _rule("foreign-server"),
    "CreateOpClassStmt": _harmless,
    "CreateOpFamilyStmt": _harmless,
    "AlterOpFamilyStmt": _harmless,
    "AlterOperatorStmt": _harmless,
    "CreateConversionStmt": _harmless,
    "CreateAmStmt": _rule("server-change"),
    "CreatePLangStmt": _rule("server-change"),
    "CreateTransformStmt": _harmless,
    "AlterTSDictionaryStmt": _harmless,
    "AlterTSConfigurationStmt": _harmless,
    "AlterCollationStmt": _harmless,
}


def apply(analysis: Analysis, kind: str, node: Node) -> None:
    """Work out one statement: its locks and work, its findings, and what it leaves in the catalogue."""
    handler = HANDLERS.get(kind)
    if handler is None:
        analysis.find("not-understood", kind=kind)
        return
    handler(analysis, node)


def read_only(analysis: Analysis, query: Node, *, rewritten: bool = False) -> None:
    """Note the locks of a query that is analysed (and perhaps rewritten: views are followed) but not run."""
    queries.read_query(analysis, query, runs=False, views=rewritten, heirs=False)


__all__ = ["HANDLERS", "apply", "data_changes", "read_only"]
