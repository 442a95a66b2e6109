"""Queries and data changes: which tables they lock and how, which they read from end to end, what they set off.

Source: `AcquireRewriteLocks` in rewriteHandler.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.handlers import data_changes
from migrations_portal.risk.handlers.reach import Reading, lock_source
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.trees import walk, with_heirs

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.parser import Node

_TARGET_STATEMENTS = ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt")


def read_query(
    analysis: Analysis, query: Node, *, runs: bool = True, expand: bool = True, depth: int = 0
) -> None:
    """Note the locks (and scans, when it runs) of a SELECT, or of a data change with all that it sets off."""
    [(kind, body)] = query.items()
    common = {inner["ctename"] for name, inner in walk(body) if name == "CommonTableExpr"}
    _read(Reading(analysis, runs, expand, common, depth), kind, body)


def _read(reading: Reading, kind: str, body: Node) -> None:
    target = None
    if kind in _TARGET_STATEMENTS:
        target = body["relation"]
    _read_sources(reading, kind, body)
    for inner, statement in walk(body):
        if inner in _TARGET_STATEMENTS:
            data_changes.write(reading, inner, statement)
    if target is not None:
        data_changes.write(reading, kind, body)


def _read_sources(reading: Reading, kind: str, body: Node) -> None:
    """Lock every table in a FROM, at the strength that FOR UPDATE and its like ask for."""
    strong = _locked_rows(body) if kind == "SelectStmt" else {}
    limited = kind == "SelectStmt" and _single_source(body)
    for inner, source in walk(body):
        if inner == "RangeVar":
            _read_source(reading, source, body if limited else None, strong)
        elif inner == "SelectStmt" and "lockingClause" in source:
            strong |= _locked_rows(source)


def _single_source(body: Node) -> bool:
    return len(body.get("fromClause", ())) == 1 and "RangeVar" in body["fromClause"][0]


def _locked_rows(select: Node) -> dict[str, Lock]:
    """Names (or `*`) whose rows a locking clause takes."""
    names: dict[str, Lock] = {}
    for item in select.get("lockingClause", ()):
        relations = item["LockingClause"].get("lockedRels")
        if not relations:
            names["*"] = Lock.ROW_SHARE
        for relation in relations or ():
            names[relation["RangeVar"]["relname"]] = Lock.ROW_SHARE
    return names


def _read_source(
    reading: Reading, source: Node, select: Node | None, strong: dict[str, Lock]
) -> None:
    name = source["relname"]
    if "schemaname" not in source and name in reading.common:
        return
    relation = reading.analysis.relation(source)
    if relation is None:
        return
    alias = source.get("alias", {}).get("aliasname", name)
    lock = strong.get(alias) or strong.get("*") or Lock.ACCESS_SHARE
    where = select.get("whereClause") if select is not None else None
    lock_source(
        reading,
        relation,
        lock,
        where=where,
        inherit=with_heirs(source),
        only=select is not None,
    )
