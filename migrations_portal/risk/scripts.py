"""The files that are assessed, and which of their statements share a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from migrations_portal.risk.parser import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from migrations_portal.risk.parser import Node, Statement


class ScriptFile(Struct, frozen=True):
    """SQL that is run as one file; `one_transaction` is None when nobody knows how the tool runs it."""

    name: str
    sql: str
    one_transaction: bool | None = None


_BEGINS = frozenset({"TRANS_STMT_BEGIN", "TRANS_STMT_START"})
_ENDS = frozenset({"TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK", "TRANS_STMT_PREPARE"})


class Placed(Struct, frozen=True):
    """A statement, the transaction it runs in (0 = alone), and whether that is certain."""

    statement: Statement
    transaction: int
    certain: bool
    refuses: str
    """Why the statement cannot run in a transaction; empty when it can."""


KEPT_BYTES = 1_000_000
"""A script up to this length is parsed once and kept; a longer one is parsed again for each pass, so that memory is bounded."""


def placed(script: ScriptFile, *, first: int) -> Iterator[Placed]:
    """Give the statements of a file with the transactions they run in, numbered from `first` on.

    Where nobody knows how the file is run, its statements are taken to share one transaction, as migration tools do it,
    unless it says BEGIN itself or holds a statement that refuses transactions.
    """
    kept = list(parse(script.sql)) if len(script.sql) <= KEPT_BYTES else None
    presumed = script.one_transaction is None and not _decided(kept or parse(script.sql))
    whole = bool(script.one_transaction) or presumed
    number, inside = first, False
    for statement in parse(script.sql) if kept is None else _taken_from(kept):
        kind = statement.node.get("kind", "") if statement.kind == "TransactionStmt" else ""
        if kind in _BEGINS and not inside and not whole:
            inside, number = True, number + 1
        current = number if whole or inside else 0
        reason = "" if presumed else refuses_transactions(statement.kind, statement.node)
        yield Placed(statement, current, current > 0 and not presumed, reason)
        if kind in _ENDS:
            inside, number = False, number + 1


def _decided(statements: Iterable[Statement]) -> bool:
    """Whether a statement shows that its file is not run as one transaction."""
    for statement in statements:
        kind = statement.kind
        if (check := _CHECKS.get(kind)) is not None:
            if check(statement.node):
                return True
        elif kind == "TransactionStmt" and statement.node.get("kind") in _BEGINS:
            return True
    return False


def _taken_from(kept: list[Statement]) -> Iterator[Statement]:
    """Hand the statements over: each tree is freed when its reader is done with it."""
    kept.reverse()
    while kept:
        yield kept.pop()


def _option(options: Sequence[Node], name: str) -> bool:
    return any(
        item["DefElem"]["defname"] == name and "false" not in str(item["DefElem"].get("arg", ""))
        for item in options
    )


def refuses_transactions(kind: str, node: Node) -> str:
    """Name the statement when PostgreSQL refuses to run it in a transaction; empty when it may."""
    check = _CHECKS.get(kind)
    return "" if check is None else check(node)


def _index(node: Node) -> str:
    return "CREATE INDEX CONCURRENTLY" if node.get("concurrent") else ""


def _drop(node: Node) -> str:
    return "DROP INDEX CONCURRENTLY" if node.get("concurrent") else ""


def _vacuum(node: Node) -> str:
    return "VACUUM" if node.get("is_vacuumcmd") else ""


def _cluster(node: Node) -> str:
    return "" if "relation" in node else "CLUSTER of everything"


def _reindex(node: Node) -> str:
    if _option(node.get("params", ()), "concurrently"):
        return "REINDEX CONCURRENTLY"
    one = node["kind"] in ("REINDEX_OBJECT_TABLE", "REINDEX_OBJECT_INDEX")
    return "" if one else "REINDEX of many tables"


def _detach(node: Node) -> str:
    for item in node["cmds"]:
        command = item["AlterTableCmd"]
        if command["subtype"] != "AT_DetachPartition":
            continue
        if command["def"]["PartitionCmd"].get("concurrent"):
            return "DETACH PARTITION … CONCURRENTLY"
    return ""


def _always(words: str) -> Callable[[Node], str]:
    return lambda node: words


_CHECKS: dict[str, Callable[[Node], str]] = {
    "IndexStmt": _index, "DropStmt": _drop, "ReindexStmt": _reindex, "AlterTableStmt": _detach,
    "VacuumStmt": _vacuum, "ClusterStmt": _cluster,
    "CreatedbStmt": _always("CREATE DATABASE"), "DropdbStmt": _always("DROP DATABASE"),
    "AlterSystemStmt": _always("ALTER SYSTEM"),
    "CreateTableSpaceStmt": _always("CREATE TABLESPACE"), "DropTableSpaceStmt": _always("DROP TABLESPACE"),
}  # fmt: skip
"""For each kind of statement that may refuse: the words for it when it does."""
