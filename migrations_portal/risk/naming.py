"""The names PostgreSQL gives to constraints, indexes and sequences that the statement leaves unnamed.

Source: `ChooseIndexName`, `ChooseConstraintName` and `makeObjectName` in indexcmds.c, pg_constraint.c: `table_columns_label`,
cut to 63 bytes, with a number behind it when the name is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.schema import Schema

LONGEST_NAME = 63


def object_name(first: str, second: str, label: str) -> str:
    """Join the parts with underscores, shortening the longer of the first two until all fits into 63 bytes."""
    room = LONGEST_NAME - len(label) - 1 - (1 if second else 0)
    one, two = len(first), len(second)
    while one + two > room:
        if one > two:
            one -= 1
        else:
            two -= 1
    parts = [first[:one], second[:two], label] if second else [first[:one], label]
    return "_".join(parts)


def constraint_name(relation: Relation, columns: str, label: str) -> str:
    """Choose a free constraint name for a table."""
    number = 0
    while True:
        name = object_name(relation.name, columns, f"{label}{number or ''}")
        if name not in relation.constraints:
            return name
        number += 1


def index_name(schema: Schema, relation: Relation, columns: str, label: str) -> str:
    """Choose a free index name in the table's schema."""
    place = (relation.oid, columns, label)
    number = schema.numbers.get(place, 0)
    while True:
        name = object_name(relation.name, columns, f"{label}{number or ''}")
        taken = (relation.schema, name) in schema.indexes or (relation.schema, name) in schema.names
        if not taken and name not in relation.constraints:
            schema.numbers[place] = number
            return name
        number += 1
