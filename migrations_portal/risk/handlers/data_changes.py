"""INSERT, UPDATE, DELETE, MERGE: the target with its partitions, or the table behind a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrations_portal.risk.handlers import effects, programs, reach
from migrations_portal.risk.handlers.changes import changes_of, rows_of, set_columns
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.render import Text
from migrations_portal.risk.trees import constant, with_heirs

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.reach import Reading
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node

_RX = Lock.ROW_EXCLUSIVE


def write(reading: Reading, kind: str, body: Node) -> None:
    """Note what a data-changing statement does to its target and around it."""
    analysis = reading.analysis
    name = body["relation"]
    if "schemaname" not in name and name["relname"] in reading.common:
        return
    target = analysis.relation(name)
    if target is None:
        return
    where = body.get("whereClause")
    if reading.expand and programs.follow_rules(analysis, target, _EVENTS.get(kind, "")):
        analysis.lock(target, _RX)
        return
    members = _members(reading, target, body, kind)
    for change in changes_of(kind, body, target):
        for member in members:
            empty = member.kind == "p" and not with_heirs(name)
            if not empty and not reach.never(analysis, member, change.where):
                effects.work_out(reading, member, change, members)
    if reading.runs:
        analysis.seen.data_change = True
        _judge(analysis, target, kind, body, where)


_EVENTS = {"InsertStmt": "insert", "UpdateStmt": "update", "DeleteStmt": "delete"}


def _members(reading: Reading, target: Relation, body: Node, kind: str) -> list[Relation]:
    """Lock the target (behind a view: its table) and the partitions that the statement can reach."""
    analysis = reading.analysis
    analysis.lock(target, _RX)
    if not reading.expand:
        return [target]
    if target.kind == "v":
        behind = _behind_view(reading, target)
        for member in behind if reading.runs and kind != "InsertStmt" else ():
            analysis.scan(member)
        return behind
    where = body.get("whereClause")
    if kind == "InsertStmt":
        members = _routed(analysis, target, body)
    else:
        members = reach.reached(analysis, target, where, inherit=with_heirs(body["relation"]))
        _move(analysis, target, body, members)
    alone = "usingClause" not in body and "fromClause" not in body and kind != "MergeStmt"
    for member in members:
        analysis.lock(member, _RX)
        reads = kind != "InsertStmt" and reading.runs and member.has_storage
        skipped = reach.uses_index(member, where) or reach.never(analysis, member, where)
        if reads and not (alone and skipped):
            analysis.scan(member)
    return members


def _move(analysis: Analysis, target: Relation, body: Node, members: list[Relation]) -> None:
    """An UPDATE that sets the partition key to a literal moves its rows into the partition that takes it."""
    if target.kind != "p" or members == [target]:
        return
    items = [item["ResTarget"] for item in body.get("targetList", ())]
    row = {item.get("name", ""): constant(item.get("val")) for item in items}
    node = effects.partition_for(analysis, target, row)
    while node is not None:
        analysis.lock(node, _RX)
        node = effects.partition_for(analysis, node, row) if node.kind == "p" else None


def _behind_view(reading: Reading, view: Relation) -> list[Relation]:
    """An updatable view passes the change on to its table."""
    if view.definition is None or any(
        t.row and "instead" in t.events for t in view.triggers.values()
    ):
        return []
    for source in reach.sources_of(view.definition):
        relation = reading.analysis.relation(source)
        if relation is not None:
            reading.analysis.lock(relation, _RX)
            return _behind_view(reading, relation) if relation.kind == "v" else [relation]
    return []


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
    if kind in ("UpdateStmt", "DeleteStmt"):
        whole = reach.always_true(where) and "fromClause" not in body and "usingClause" not in body
        word = "update" if kind == "UpdateStmt" else "delete"
        analysis.find(f"{word}-all-rows" if whole else f"{word}-rows", at=at, **values)
        analysis.seen.irreversible |= kind == "DeleteStmt"
    elif kind == "InsertStmt":
        select = body.get("selectStmt", {}).get("SelectStmt", {})
        rule = "insert-rows" if "valuesLists" in select or not select else "insert-select"
        analysis.find(rule, at=at, **values)
    else:
        analysis.find("merge-rows", at=at, **values)
