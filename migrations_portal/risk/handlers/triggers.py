"""Triggers: making one, and what a change of rows sets off through them.

Sources: `CreateTriggerFiringOn` and `TriggerEnabled` in trigger.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.bounds import conjuncts
from migrations_portal.risk.handlers.bodies import statements_in
from migrations_portal.risk.handlers.programs import (
    DEEPEST_CALL,
    follow_quietly,
    is_deferred,
    is_on,
)
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import Trigger
from migrations_portal.risk.trees import qualified, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.reach import Reading
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


def fire_triggers(
    reading: Reading,
    table: Relation,
    event: str,
    columns: frozenset[str] | None,
    *,
    same: frozenset[str] = frozenset(),
    rows: bool = False,
) -> None:
    """A data change sets off the table's triggers: what they read and write is locked too.

    `columns` are those that it sets (None = all), `same` those of them that it sets to what they are; `rows` leaves out the
    triggers of whole statements.
    """
    analysis = reading.analysis
    if not table.triggers or analysis.depth >= DEEPEST_CALL:
        return
    for trigger in list(table.triggers.values()):
        if event not in trigger.events or (rows and not trigger.row):
            continue
        if not is_on(analysis, trigger):
            continue
        if columns and trigger.columns and not columns & trigger.columns:
            continue
        if event == "update" and trigger.differing & same and not _changed_before(table):
            continue
        _fire(analysis, trigger)


def _fire(analysis: Analysis, trigger: Trigger) -> None:
    def run() -> None:
        for function in analysis.schema.functions.get(trigger.function, ()):
            follow_quietly(analysis, list(statements_in(analysis, function)))

    if is_deferred(analysis, trigger):
        analysis.pending.append(run)
    else:
        run()


def _changed_before(table: Relation) -> bool:
    """Whether a BEFORE trigger may give the row values that the UPDATE does not name."""
    return any(t.row and {"before", "update"} <= t.events for t in table.triggers.values())


_EVENTS = ((4, "insert"), (8, "delete"), (16, "update"), (32, "truncate"))
_BEFORE, _INSTEAD = 2, 64


def create_trigger(analysis: Analysis, node: Node) -> None:
    """CREATE TRIGGER: SHARE ROW EXCLUSIVE, on partitions too for a row trigger."""
    relation = analysis.relation(node["relation"])
    if relation is None:
        return
    if "constrrel" in node and (other := analysis.relation(node["constrrel"])) is not None:
        analysis.lock(other, Lock.ACCESS_SHARE)
    schema, name = qualified(node["funcname"])
    events = {word for bit, word in _EVENTS if node.get("events", 0) & bit}
    if node.get("timing", 0) & _INSTEAD:
        events.add("instead")
    if node.get("timing", 0) & _BEFORE:
        events.add("before")
    row = bool(node.get("row"))
    place = schema or next(
        (p for p in analysis.path if (p, name) in analysis.schema.functions), "public"
    )
    trigger = Trigger(
        node["trigname"], (place, name), frozenset(events), row,
        columns=frozenset(strings(node.get("columns", []))),
        deferrable=bool(node.get("deferrable")), deferred=bool(node.get("initdeferred")),
        differing=frozenset(_differing(node.get("whenClause"))),
    )  # fmt: skip
    members = [
        relation,
        *(analysis.schema.descendants(relation) if row and relation.kind == "p" else ()),
    ]
    for member in members:
        analysis.lock(member, Lock.SHARE_ROW_EXCLUSIVE)
        member.triggers[trigger.name] = trigger
    if analysis.live(relation):
        analysis.find("create-trigger", table=relation.qualified, trigger=trigger.name)


def _differing(when: Node | None) -> Iterator[str]:
    """The columns that a WHEN wants changed: `OLD.c IS DISTINCT FROM NEW.c`, alone or joined by AND."""
    for fact in conjuncts(when) if when else ():
        test = fact.get("A_Expr", {})
        if test.get("kind") != "AEXPR_DISTINCT":
            continue
        names = [
            strings(test[side]["ColumnRef"]["fields"])
            for side in ("lexpr", "rexpr")
            if "ColumnRef" in test[side]
        ]
        if sorted(name[0] for name in names) == ["new", "old"] and names[0][1:] == names[1][1:]:
            yield names[0][-1]
