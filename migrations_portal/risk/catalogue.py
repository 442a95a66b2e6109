"""What a target's catalogue holds, as plain values that can be kept: who reads, references, partitions and publishes what.

Rows are never read, so a catalogue holds no PHI; it says only where PHI may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.schema import Schema

KINDS = {"r": "table", "p": "partitioned table", "m": "materialised view", "v": "view", "f": "foreign table"}  # fmt: skip
"""Relation kinds that people know by name; sequences and indexes belong to a table."""


@dataclass(frozen=True, slots=True)
class TableSize:
    """Rows (PostgreSQL's estimate) and bytes on disk: the heap with its TOAST table, and the indexes."""

    rows: int = 0
    heap: int = 0
    indexes: int = 0

    @property
    def bytes(self) -> int:
        """Everything that a rewrite writes again."""
        return self.heap + self.indexes


@dataclass(frozen=True, slots=True)
class Item:
    """One table or view, and what hangs on it. Names are `schema.name`."""

    kind: str
    columns: Mapping[str, str] = field(default_factory=dict)
    """Name → type, as far as it is known."""
    points_at: tuple[str, ...] = ()
    """Tables that its foreign keys reference."""
    reads: tuple[str, ...] = ()
    """For a view: what its query reads."""
    parents: tuple[str, ...] = ()
    """What it is a partition of, or inherits from."""
    triggers: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    row_security: bool = False
    publications: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    """Other tables that its row security or its rules read or write."""
    size: TableSize = TableSize()

    @property
    def noun(self) -> str:
        """What people call it."""
        return KINDS.get(self.kind, "table")

    @property
    def holds_rows(self) -> bool:
        """Whether it is a table in the widest sense: what a statement locks and works on."""
        return self.kind in "rpmf"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All tables and views of a target, by `schema.name`."""

    items: Mapping[str, Item] = field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, TableSize]:
        """The sizes of what holds rows."""
        return {name: item.size for name, item in self.items.items() if item.holds_rows}

    def as_json(self) -> dict[str, Any]:
        """The shape that is stored; what is empty is left out."""
        return {name: _as_json(item) for name, item in sorted(self.items.items())}


def _as_json(item: Item) -> dict[str, Any]:
    size = item.size
    said: dict[str, Any] = {
        "kind": item.kind, "columns": dict(item.columns), "points_at": list(item.points_at),
        "reads": list(item.reads), "parents": list(item.parents), "triggers": list(item.triggers),
        "policies": list(item.policies), "row_security": item.row_security,
        "publications": list(item.publications), "asks": list(item.asks), "size": [size.rows, size.heap, size.indexes],
    }  # fmt: skip
    return {key: value for key, value in said.items() if value}


def from_json(said: Mapping[str, Mapping[str, Any]]) -> Catalogue:
    """Read back what `Catalogue.as_json` wrote."""
    return Catalogue({name: _item(each) for name, each in said.items()})


def _item(said: Mapping[str, Any]) -> Item:
    lists = ("points_at", "reads", "parents", "triggers", "policies", "publications", "asks")
    return Item(
        kind=said["kind"],
        columns=said.get("columns", {}),
        row_security=said.get("row_security", False),
        size=TableSize(*said.get("size", (0, 0, 0))),
        **{key: tuple(said.get(key, ())) for key in lists},
    )


def catalogue_of(schema: Schema, *, sizes: Mapping[str, TableSize]) -> Catalogue:
    """Take the tables and views of a schema, with the sizes by `schema.table` that are known."""
    everywhere = tuple(name for name, kind in schema.publications.items() if kind == "all")
    return Catalogue(
        {
            relation.qualified: _of(schema, relation, sizes, everywhere)
            for relation in schema.relations.values()
            if relation.kind in KINDS and relation.persistence != "t"
        }
    )


def _of(
    schema: Schema,
    relation: Relation,
    sizes: Mapping[str, TableSize],
    everywhere: tuple[str, ...],
) -> Item:
    keys = [c.ref for c in relation.constraints.values() if c.kind == "f" and not c.parent]
    return Item(
        kind=relation.kind,
        columns={c.name: "" if c.type is None else str(c.type) for c in relation.columns.values()},
        points_at=_named(schema, keys),
        reads=_named(schema, [oid for oid, _ in relation.uses.relations]),
        parents=_named(schema, relation.parents),
        triggers=tuple(sorted(t.name for t in relation.triggers.values() if not t.inherited)),
        policies=tuple(sorted(relation.policies)),
        row_security=relation.row_security,
        publications=_publications(schema, relation, everywhere),
        asks=_asked(schema, relation),
        size=sizes.get(relation.qualified, TableSize()),
    )  # fmt: skip


def _publications(
    schema: Schema, relation: Relation, everywhere: tuple[str, ...]
) -> tuple[str, ...]:
    """The publications that take the table by its name, by its schema, or as one of all."""
    if relation.kind not in "rp":
        return ()
    of_schema = {name for name, of in schema.published if of == relation.schema}
    return tuple(sorted({*relation.published, *everywhere, *of_schema}))


def _asked(schema: Schema, relation: Relation) -> tuple[str, ...]:
    uses = [*relation.policies.values(), *(rule.uses for rule in relation.rules.values())]
    found = [oid for each in uses for oid, _ in each.relations if oid != relation.oid]
    return _named(schema, found) if relation.kind in "rp" else ()


def _named(schema: Schema, oids: list[int]) -> tuple[str, ...]:
    found = {schema.relations[oid].qualified for oid in oids if oid in schema.relations}
    return tuple(sorted(found))
