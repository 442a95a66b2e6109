"""Making a column NOT NULL: when the rows have to be read for it, and when a CHECK already proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from migrations_portal.risk.objects import Column
from migrations_portal.risk.trees import rejects_null

if TYPE_CHECKING:
    from migrations_portal.risk.handlers.table_change import TableChange
    from migrations_portal.risk.objects import Relation


NEVER_TWICE = 18
"""From this version on, no table whose column is NOT NULL already is followed into those below; before, no partitioned one."""


def require_not_null(
    change: TableChange, name: str, *, inherits: bool = True, anew: bool = False
) -> bool:
    """Make a column NOT NULL on the table and, where that is handed down, below; says whether rows have to be read for it.

    `anew` follows the tables below even where the column is NOT NULL already: it has just been added.
    """
    relation, scanned = change.relation, False
    own = None if anew else relation.columns.get(name)
    spared = relation.kind == "p" or change.analysis.version >= NEVER_TWICE
    if spared and own is not None and own.not_null:
        return False
    members = change.reach()
    for member in members if inherits else [relation]:
        scanned |= make_not_null(change, member, name)
    return scanned


def make_not_null(change: TableChange, member: Relation, name: str) -> bool:
    """Make the column of one table NOT NULL; says whether its rows have to be read for it."""
    column = member.columns.get(name)
    if column is not None and column.not_null:
        return False
    read = not proven_not_null(member, name)
    if read:
        change.check(member)
    member.columns[name] = replace(column or Column(name), not_null=True)
    return read


def proven_not_null(relation: Relation, column: str) -> bool:
    """Whether a validated CHECK of the table already excludes NULL in this column."""
    return any(
        constraint.kind == "c" and constraint.validated and constraint.enforced
        and rejects_null(constraint.expression, column)
        for constraint in relation.constraints.values()
    )  # fmt: skip
