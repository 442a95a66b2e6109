"""What a change of rows sets off: foreign keys looked up on both sides, cascades, triggers.

A foreign key locks its partner with ROW SHARE when the changed columns take part in it, or with ROW EXCLUSIVE where ON DELETE or
ON UPDATE writes there. Which rows match cannot be known here: at least one is assumed.
Source: ri_triggers.c, checked on servers 13 to 18.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from migrations_portal.risk.bounds import key_value
from migrations_portal.risk.handlers import dependencies, programs, reach, triggers
from migrations_portal.risk.handlers.changes import Change
from migrations_portal.risk.locks import Lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.handlers.reach import Reading
    from migrations_portal.risk.objects import Constraint, Relation

_RX = Lock.ROW_EXCLUSIVE
_WRITES_PARTNER = frozenset("cnd")
"""ON DELETE/UPDATE actions that change the referencing rows: cascade, set null, set default."""


DELETES_UNCHECKED = 14
"""From this version on, DELETE does not read the bound of the partition."""


def work_out(reading: Reading, table: Relation, change: Change, members: list[Relation]) -> None:
    """Follow a change of one table; `members` are all tables that the statement changes."""
    if not reading.runs:
        return
    analysis = reading.analysis
    leaf_of_tree = table.is_partition and any(
        oid in {m.oid for m in members} for oid in table.parents
    )
    ancestors = [] if leaf_of_tree else dependencies.ancestors(analysis, table)
    if change.event in ("insert", "update"):
        _check_parents(analysis, table, change)
    if change.event != "delete" or analysis.version < DELETES_UNCHECKED:
        for ancestor in ancestors:
            # The bound of a partition is read from its parent, once per session.
            analysis.lock(ancestor, Lock.ACCESS_SHARE)
    if change.event in ("update", "delete") and not table.keys_off:
        for target in (table, *ancestors):
            _check_children(reading, target, change)
    triggers.fire_triggers(reading, table, change.event, change.columns, same=change.same)


MOVES_AS_UPDATE = 15
"""From this version on, a row that moves to another partition is updated for the foreign keys that point at it, not deleted."""


def move_rows(
    reading: Reading,
    target: Relation,
    sources: list[Relation],
    destination: Relation,
    *,
    single: bool,
) -> None:
    """Rows of the table that an UPDATE names move to another partition: deleted here and inserted there, for row triggers and keys.

    A `single` row's key is looked up in its own partition; from the sixth on, one plan for all keys locks every partition.
    """
    analysis = reading.analysis
    left = [source for source in sources if source.has_storage]
    if not left or not reading.runs:
        return
    for source in left:
        triggers.fire_triggers(reading, source, "delete", None, rows=True)
        above = dependencies.ancestors(analysis, source)
        for table in (source, *above) if analysis.version < MOVES_AS_UPDATE else ():
            _check_children(reading, table, Change("delete", None))
    if analysis.version >= MOVES_AS_UPDATE and not single:
        _look_for_key(analysis, target)
    triggers.fire_triggers(reading, destination, "insert", None, rows=True)
    _check_parents(analysis, destination, Change("insert", None))


def _look_for_key(analysis: Analysis, table: Relation) -> None:
    """NO ACTION: before a row that references the old key is looked for, the key itself is, in all partitions."""
    tables = (table, *dependencies.ancestors(analysis, table))
    found = [key for each in tables for _, key in analysis.schema.referencing(each)]
    if any(key.on_update == "a" and not key.parent for key in found):
        for member in (table, *analysis.schema.descendants(table)):
            analysis.lock(member, Lock.ROW_SHARE)


def _check_parents(analysis: Analysis, table: Relation, change: Change) -> None:
    """A new or changed reference looks its row up in the other table."""
    if analysis.replica_role or table.keys_off or table.kind == "p":
        return
    for constraint in table.constraints.values():
        if constraint.kind != "f" or not constraint.enforced:
            continue
        if not _concerned(change, constraint.columns):
            continue
        if change.nulls & set(constraint.columns):
            continue
        _later(analysis, constraint, partial(_look_up, analysis, constraint, change))


def _later(analysis: Analysis, constraint: Constraint, check: Callable[[], None]) -> None:
    """Check now, or when the transaction ends."""
    if programs.is_deferred(analysis, constraint):
        analysis.pending.append(check)
    else:
        check()


def _look_up(analysis: Analysis, constraint: Constraint, change: Change) -> None:
    target = analysis.schema.relations.get(constraint.ref)
    if target is not None:
        for member in _looked_up(analysis, target, constraint, change):
            analysis.lock(member, Lock.ROW_SHARE)


def _concerned(change: Change, columns: tuple[str, ...]) -> bool:
    return change.columns is None or bool((change.columns - change.same) & set(columns))


def _looked_up(
    analysis: Analysis, target: Relation, constraint: Constraint, change: Change
) -> list[Relation]:
    """The referenced table with the partitions that a row may be looked up in: one for one literal row, else all."""
    if target.kind != "p":
        return [target]
    names = dict(zip(constraint.columns, constraint.ref_columns, strict=False))
    members = [target]
    for row in change.rows if len(change.rows) == 1 else ():
        key = {names[name]: value for name, value in row.items() if name in names}
        node: Relation | None = target
        while node is not None and node.kind == "p":
            node = partition_for(analysis, node, key)
            members += [node] if node is not None else []
        return members
    return [target, *analysis.schema.descendants(target)]


def _check_children(reading: Reading, table: Relation, change: Change) -> None:
    """A removed or changed key is looked up in (or carried over to) the tables that reference it."""
    analysis = reading.analysis
    if analysis.replica_role or reading.depth > reach.DEEPEST_VIEW:
        return
    for holder, constraint in list(analysis.schema.referencing(table)):
        if constraint.parent or not constraint.enforced:
            continue
        if not _concerned(change, constraint.ref_columns):
            continue
        action = constraint.on_delete if change.event == "delete" else constraint.on_update
        find = partial(
            _find_references, analysis, holder, constraint, writes=action in _WRITES_PARTNER
        )
        if action == "a":
            _later(analysis, constraint, find)
        else:
            find()
        if action in _WRITES_PARTNER:
            _carry_over(reading, holder, constraint, action)


def _find_references(
    analysis: Analysis, holder: Relation, constraint: Constraint, *, writes: bool
) -> None:
    for member in (holder, *(analysis.schema.descendants(holder) if holder.kind == "p" else ())):
        analysis.lock(member, _RX if writes else Lock.ROW_SHARE)
        if member.has_storage and not _indexed(member, constraint):
            analysis.scan(member)


def _indexed(table: Relation, constraint: Constraint) -> bool:
    return any(index.columns[:1] == constraint.columns[:1] for index in table.indexes.values())


def _carry_over(reading: Reading, holder: Relation, constraint: Constraint, action: str) -> None:
    """ON DELETE CASCADE deletes there too; SET NULL and SET DEFAULT update there."""
    deleted = action == "c" and constraint.on_delete == "c"
    columns = None if deleted else frozenset(constraint.columns)
    further = Change("delete" if deleted else "update", columns)
    if reading.depth < reach.DEEPEST_VIEW:
        deeper = reach.Reading(reading.analysis, depth=reading.depth + 4)
        work_out(deeper, holder, further, [holder])


def partition_for(
    analysis: Analysis, parent: Relation, row: dict[str, str | None]
) -> Relation | None:
    """The partition that a row with this key goes to; None when that cannot be said."""
    if parent.strategy == "hash":
        return reach.hash_partition(analysis, parent, row)
    value = key_value(parent.key[0], row) if parent.key else None
    if value is None:
        return None
    fitting = [
        child for oid in parent.children
        if (child := analysis.schema.relations.get(oid)) is not None
        and reach.partition_may_take(analysis, parent, child, value)
    ]  # fmt: skip
    return fitting[0] if len(fitting) == 1 else None
