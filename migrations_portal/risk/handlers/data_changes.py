"""INSERT, UPDATE, DELETE, MERGE: the target with its partitions, or the table behind a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from migrations_portal.risk.handlers import (
    all_rows,
    conditions,
    effects,
    keys,
    losses,
    programs,
    reach,
    triggers,
)
from migrations_portal.risk.handlers.changes import changes_of, rows_of, set_columns
from migrations_portal.risk.locks import ACCESS_SHARE, ROW_EXCLUSIVE
from migrations_portal.risk.render import Text
from migrations_portal.risk.trees import constant, with_heirs

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.reach import Reading
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


ONLY_STAYS_BELOW = 14
"""From this version on, a change with ONLY does not look at the tables above a partition that is partitioned itself."""


def write(reading: Reading, kind: str, body: Node) -> None:
    """Note what a data-changing statement does to its target and around it."""
    analysis = reading.analysis
    name = body["relation"]
    target = _target(reading, name)
    if target is None:
        return
    events = _events(kind, body)
    analysis.lock(target, ROW_EXCLUSIVE)
    taken_over = [e for e in events if reading.views and programs.follow_rules(analysis, target, e)]
    if taken_over:
        return
    where = body.get("whereClause")
    place: Target | None = Target(target, where, with_heirs(name))
    if reading.views and target.kind == "v":
        place = _behind_view(reading, Target(target, where, inherit=True), events)
    if place is not None:
        _change(reading, place, kind, body)
    if reading.runs:
        analysis.seen.data_change = True
        _judge(analysis, target, kind, body, where)


def _target(reading: Reading, name: Node) -> Relation | None:
    """The table that is meant; None for a WITH query, and for PostgreSQL's own tables, which are a finding."""
    if "schemaname" not in name and name["relname"] in reading.common:
        return None
    analysis = reading.analysis
    if not _is_catalogue(analysis, name):
        return analysis.relation(name)
    if reading.runs and analysis.number:
        analysis.find("system-catalogue", at=name.get("location", -1), table=name["relname"])
    return None


def _is_catalogue(analysis: Analysis, name: Node) -> bool:
    """Whether the name means a table of PostgreSQL itself: `pg_catalog` comes first on every search path."""
    schema: str | None = name.get("schemaname")
    if schema is not None:
        return schema in ("pg_catalog", "information_schema")
    own: str = name["relname"]
    return own.startswith("pg_") and analysis.lookup(None, own) is None


class Target(Struct, frozen=True):
    """The table that a statement changes, under which condition, and whether with those that inherit."""

    relation: Relation
    where: Node | None
    inherit: bool


_EVENTS = {"InsertStmt": "insert", "UpdateStmt": "update", "DeleteStmt": "delete"}


def _events(kind: str, body: Node) -> set[str]:
    """What may happen to rows: insert, update, delete."""
    if kind != "MergeStmt":
        return {_EVENTS[kind]}
    words = {item["MergeWhenClause"].get("commandType", "") for item in body["mergeWhenClauses"]}
    return {word.removeprefix("CMD_").lower() for word in words} & set(_EVENTS.values())


def _change(reading: Reading, place: Target, kind: str, body: Node) -> None:
    analysis, target = reading.analysis, place.relation
    members = _members(reading, place, kind, body)
    for change in changes_of(kind, body, target):
        for member in members:
            empty = member.kind == "p" and not place.inherit
            none = conditions.never(analysis, member, place.where, planned=False)
            if not empty and not none:
                effects.work_out(reading, member, change, members)
    if kind == "UpdateStmt" and reading.heirs:
        _move(reading, target, body, members)


def _members(reading: Reading, place: Target, kind: str, body: Node) -> list[Relation]:
    """Lock the target and the partitions that the statement can reach; note those that are read in full."""
    analysis, target, where = reading.analysis, place.relation, place.where
    analysis.lock(target, ROW_EXCLUSIVE)
    if not reading.heirs:
        return [target]
    if kind == "InsertStmt":
        members = _routed(analysis, target, body)
    else:
        members = reach.reached(analysis, target, where, inherit=place.inherit)
        if place.inherit or analysis.version < ONLY_STAYS_BELOW:
            reach.lock_above(analysis, target)
    alone = "usingClause" not in body and "fromClause" not in body and kind != "MergeStmt"
    reads = kind != "InsertStmt" and reading.runs
    for member in members:
        analysis.lock(member, ROW_EXCLUSIVE)
        if reads and member.has_storage and not (alone and _few_rows(analysis, member, where)):
            analysis.scan(member)
    return members


def _few_rows(analysis: Analysis, member: Relation, where: Node | None) -> bool:
    """Whether the condition leads to few rows of a table, or to none."""
    return conditions.uses_index(member, where) or conditions.never(analysis, member, where)


def _move(reading: Reading, target: Relation, body: Node, members: list[Relation]) -> None:
    """An UPDATE that sets the partition key to a literal moves its rows into the partition that takes it."""
    if target.kind != "p" or members == [target]:
        return
    analysis = reading.analysis
    items = [item["ResTarget"] for item in body.get("targetList", ())]
    row = {item.get("name", ""): constant(item.get("val")) for item in items}
    key, where = keys.primary_key(target), body.get("whereClause")
    single = bool(key) and where is not None and all(reach.equal(where, name) for name in key)
    node = effects.partition_for(analysis, target, row)
    while node is not None:
        next_one = effects.partition_for(analysis, node, row) if node.kind == "p" else None
        # Where the key does not say which partition takes a row, any one below may.
        below = analysis.schema.descendants(node) if node.kind == "p" and next_one is None else ()
        for taker in (node, *below):
            analysis.lock(taker, ROW_EXCLUSIVE)
            if taker.has_storage:
                effects.move_rows(
                    reading, target, [m for m in members if m is not taker], taker, single=single
                )
        node = next_one


def _behind_view(reading: Reading, view: Target, events: set[str]) -> Target | None:
    """An updatable view passes the change on to its table; with INSTEAD OF triggers it is only read, for them."""
    analysis, relation = reading.analysis, view.relation
    analysis.lock(relation, ROW_EXCLUSIVE)
    if _has_instead(relation, events):
        if events - {"insert"}:
            reach.follow_view(reading, relation, ACCESS_SHARE, where=view.where)
        for event in sorted(events):
            triggers.fire_triggers(reading, relation, event, None)
        return None
    select = (relation.definition or {}).get("SelectStmt", {})
    if not reach.is_simple(select):
        return None
    _read_inner(reading, relation, select)
    source = select["fromClause"][0]["RangeVar"]
    base = analysis.relation(source)
    if base is None:
        return None
    condition = reach.both(select.get("whereClause"), view.where)
    behind = Target(base, condition, with_heirs(source))
    return _behind_view(reading, behind, events) if base.kind == "v" else behind


def _has_instead(view: Relation, events: set[str]) -> bool:
    return any(
        t.row and "instead" in t.events and t.events & events for t in view.triggers.values()
    )


def _read_inner(reading: Reading, view: Relation, select: Node) -> None:
    """The other tables of an updatable view (in subqueries) are only read."""
    main = select["fromClause"][0]["RangeVar"]
    for source in reach.sources_of(view.definition or {}):
        relation = reading.analysis.relation(source) if source is not main else None
        if relation is not None:
            reach.lock_source(
                reading, relation, ACCESS_SHARE, where=None, inherit=with_heirs(source), only=False,
            )  # fmt: skip


def _routed(analysis: Analysis, target: Relation, body: Node) -> list[Relation]:
    """Rows of an INSERT go to the partitions that take their key: known when the values are literals, else all."""
    members = [target]
    if target.kind != "p" or not target.key:
        return members
    if "valuesLists" not in body.get("selectStmt", {}).get("SelectStmt", {}):
        return [target, *analysis.schema.descendants(target)]
    for row in rows_of(target, body):
        node: Relation | None = target
        while node is not None and node.kind == "p":
            node = effects.partition_for(analysis, node, row)
            if node is not None and node not in members:
                members.append(node)
    return members


def _judge(analysis: Analysis, target: Relation, kind: str, body: Node, where: Node | None) -> None:
    if not analysis.live(target):
        return
    at = body["relation"].get("location", -1)
    values: dict[str, Any] = {
        "table": target.qualified, "condition": Text(where),
        "set": ", ".join(sorted(set_columns(body.get("targetList", ())))) if kind == "UpdateStmt" else "",
    }  # fmt: skip
    if len(key := keys.primary_key(target)) == 1:
        values["key"] = key[0]
    analysis.seen.destroys |= losses.overwrites(analysis, target, kind, body, where)
    if kind in ("UpdateStmt", "DeleteStmt"):
        whole = all_rows.chosen(analysis, target, body)
        word = "update" if kind == "UpdateStmt" else "delete"
        analysis.find(f"{word}-all-rows" if whole else f"{word}-rows", at=at, **values)
    elif kind == "InsertStmt":
        select = body.get("selectStmt", {}).get("SelectStmt", {})
        rule = "insert-rows" if "valuesLists" in select or not select else "insert-select"
        analysis.find(rule, at=at, **values)
    else:
        analysis.find("merge-rows", at=at, **values)
