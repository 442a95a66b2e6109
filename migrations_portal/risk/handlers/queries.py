"""Queries and data changes: which tables they lock and how, which they read from end to end, what they set off.

Source: `AcquireRewriteLocks` in rewriteHandler.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrations_portal.risk.handlers import data_changes
from migrations_portal.risk.handlers.joins import condition_on
from migrations_portal.risk.handlers.reach import Reading, common_names, lock_source, single_source
from migrations_portal.risk.locks import ACCESS_SHARE, Lock
from migrations_portal.risk.trees import below, by_kind, last_name, walk, with_heirs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.parser import Node

_TARGET_STATEMENTS = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})


def read_query(
    analysis: Analysis,
    query: Node,
    *,
    runs: bool = True,
    views: bool = True,
    heirs: bool = True,
    depth: int = 0,
) -> None:
    """Note the locks (and scans, when it runs) of a SELECT, or of a data change with all that it sets off.

    A query that is only stored stops at its own names; one that is rewritten follows `views`; one that is planned
    reaches the `heirs` of its tables, too.
    """
    [(kind, body)] = query.items()
    _read(Reading(analysis, runs, views, heirs, common=common_names(body), depth=depth), kind, body)


def _read(reading: Reading, kind: str, body: Node) -> None:
    target = body["relation"] if kind in _TARGET_STATEMENTS else None
    _read_sources(reading, kind, body)
    if not _TARGET_STATEMENTS.isdisjoint(by_kind(body)):
        for inner, statement in walk(body):
            if inner in _TARGET_STATEMENTS:
                data_changes.write(reading, inner, statement)
    if target is not None:
        data_changes.write(reading, kind, body)


def _read_sources(reading: Reading, kind: str, body: Node) -> None:
    """Lock every table in a FROM, at the strength that FOR UPDATE and its like ask for."""
    strong = set(_row_locked(body)) if kind == "SelectStmt" else set()
    main = (
        body["fromClause"][0]["RangeVar"] if kind == "SelectStmt" and single_source(body) else None
    )
    for part in below(body, "SelectStmt"):
        if "lockingClause" in part:
            strong.update(_row_locked(part))
    sampled = set(_sampled(body)) if reading.runs else set()
    for source in below(body, "RangeVar"):
        lock = Lock.ROW_SHARE if id(source) in strong else ACCESS_SHARE
        how = replace(reading, runs=False) if id(source) in sampled else reading
        _read_source(how, source, body, lock, alone=source is main)


def _sampled(body: Node) -> Iterator[int]:
    """The sources (by identity) of which TABLESAMPLE SYSTEM reads some pages only."""
    for sample in below(body, "RangeTableSample"):
        if last_name(sample["method"]) == "system" and "RangeVar" in sample["relation"]:
            yield id(sample["relation"]["RangeVar"])


def _row_locked(select: Node) -> Iterator[int]:
    """The sources (by identity) whose rows a locking clause takes: those of FROM, also within subqueries there."""
    for item in select.get("lockingClause", ()):
        relations = item["LockingClause"].get("lockedRels") or ()
        names = {relation["RangeVar"]["relname"] for relation in relations}
        for source in select.get("fromClause", ()):
            yield from _below(source, names)


def _below(item: Node, names: set[str]) -> Iterator[int]:
    [(kind, body)] = item.items()
    if kind == "JoinExpr":
        yield from _below(body["larg"], names)  # codespell:ignore
        yield from _below(body["rarg"], names)
        return
    if kind == "RangeTableSample":
        yield from _below(body["relation"], names)
        return
    alias = body.get("alias", {}).get("aliasname", body.get("relname"))
    if names and alias not in names:
        return
    if kind == "RangeVar":
        yield id(body)
    elif kind == "RangeSubselect":
        for source in body["subquery"].get("SelectStmt", {}).get("fromClause", ()):
            yield from _below(source, set())


def _read_source(reading: Reading, source: Node, select: Node, lock: Lock, *, alone: bool) -> None:
    if "schemaname" not in source and source["relname"] in reading.common:
        return
    relation = reading.analysis.relation(source)
    if relation is None:
        return
    where = select.get("whereClause") if alone else None
    if not alone and relation.children and "fromClause" in select:
        where = condition_on(select, source)
    lock_source(
        reading,
        relation,
        lock,
        where=where,
        inherit=with_heirs(source),
        only=alone,
    )
