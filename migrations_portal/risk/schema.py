"""The catalogue as the engine sees it: relations, columns, indexes, constraints, types and functions by name.

A `Schema` is context and working copy at once: the engine clones it per assessment and applies each statement to the clone,
so that the next statement is judged against what the one before has left. It holds no data and reads no database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrations_portal.risk.objects import Relation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.objects import (
        Constraint,
        Function,
        Index,
        TypeRef,
        UserType,
        Uses,
    )
    from migrations_portal.risk.sizes import RelationSize


@dataclass(slots=True)
class Schema:
    """All relations, types and functions that are known, and whether that is all there are."""

    complete: bool = False
    """True when the schema was read from a dump or a live catalogue: what is not in it does not exist."""
    relations: dict[int, Relation] = field(default_factory=dict)
    names: dict[tuple[str, str], int] = field(default_factory=dict)
    indexes: dict[tuple[str, str], int] = field(default_factory=dict)
    """(schema, index name) → oid of its table."""
    types: dict[tuple[str, str], UserType] = field(default_factory=dict)
    functions: dict[tuple[str, str], list[Function]] = field(default_factory=dict)
    schemas: set[str] = field(default_factory=lambda: {"public"})
    publications: dict[str, str] = field(default_factory=dict)
    """Publication name → `all`, or `some`."""
    published: set[tuple[str, str]] = field(default_factory=set)
    """Publications of all tables of a schema: (publication, schema)."""
    extensions: dict[str, str] = field(default_factory=dict)
    casts: set[tuple[str, str]] = field(default_factory=set)
    servers: dict[str, str] = field(default_factory=dict)
    """Foreign server → its foreign data wrapper."""
    sizes: dict[int, RelationSize] = field(default_factory=dict)
    """By oid; only of relations whose size is known."""
    pointing: dict[int, dict[int, None]] = field(default_factory=dict)
    """Oid of a table → oids of those that have (or once had) a foreign key to it, in the order of their making."""
    readers: dict[int, dict[int, None]] = field(default_factory=dict)
    """Oid of a relation → oids of the views, and of the tables with rules or policies, that read (or once read) it."""
    numbers: dict[tuple[int, str, str], int] = field(default_factory=dict)
    """Where the search for a free index name ended last; forgotten when a name becomes free."""
    next_oid: int = 1

    def clone(self) -> Schema:
        """Return a working copy for one assessment."""
        return Schema(
            complete=self.complete,
            relations={oid: relation.clone() for oid, relation in self.relations.items()},
            names=dict(self.names), indexes=dict(self.indexes),
            types={key: kind.clone() for key, kind in self.types.items()},
            functions={key: list(overloads) for key, overloads in self.functions.items()},
            schemas=set(self.schemas), publications=dict(self.publications), published=set(self.published),
            extensions=dict(self.extensions), casts=set(self.casts), servers=dict(self.servers), sizes=self.sizes,
            pointing={oid: dict(holders) for oid, holders in self.pointing.items()},
            readers={oid: dict(readers) for oid, readers in self.readers.items()}, next_oid=self.next_oid,
        )  # fmt: skip

    def add(self, schema: str, name: str, kind: str = "r", *, born: int = 0) -> Relation:
        """Enter a new relation and return it for its columns to be filled in."""
        oid = self.next_oid
        self.next_oid = oid + 1
        relation = Relation(oid, schema, name, kind, born)
        self.relations[oid] = relation
        self.names[schema, name] = oid
        return relation

    def get(self, schema: str, name: str) -> Relation | None:
        """Return the relation of this name, or None."""
        oid = self.names.get((schema, name))
        return None if oid is None else self.relations[oid]

    def remove(self, relation: Relation) -> None:
        """Forget a relation, its indexes, and its place among parents and children."""
        self.numbers.clear()
        self.relations.pop(relation.oid, None)
        self.names.pop((relation.schema, relation.name), None)
        for name in relation.indexes:
            self.indexes.pop((relation.schema, name), None)
        for oid in relation.parents:
            if (parent := self.relations.get(oid)) is not None:
                parent.children.remove(relation.oid)
        for oid in relation.children:
            if (child := self.relations.get(oid)) is not None:
                child.parents.remove(relation.oid)

    def rename(self, relation: Relation, *, schema: str, name: str) -> None:
        """Give a relation a new name or schema; its indexes follow it into the schema."""
        self.numbers.clear()
        self.names.pop((relation.schema, relation.name), None)
        for index in relation.indexes.values():
            self.indexes.pop((relation.schema, index.name), None)
            index.schema = schema
            self.indexes[schema, index.name] = relation.oid
        relation.schema, relation.name = schema, name
        self.names[schema, name] = relation.oid

    def add_index(self, relation: Relation, index: Index) -> None:
        """Enter an index of this relation."""
        relation.indexes[index.name] = index
        if relation.led is not None and index.columns and not index.partial:
            relation.led.add(index.columns[0])
        self.indexes[relation.schema, index.name] = relation.oid

    def drop_index(self, relation: Relation, name: str) -> None:
        """Forget an index of this relation."""
        relation.indexes.pop(name, None)
        relation.led = None
        self.indexes.pop((relation.schema, name), None)
        self.numbers.clear()

    def add_key(self, relation: Relation, key: Constraint) -> None:
        """Enter a foreign key of this relation."""
        relation.constraints[key.name] = key
        self.pointing.setdefault(key.ref, {})[relation.oid] = None

    def note_reader(self, reader: Relation, uses: Uses) -> None:
        """Remember that a view, rule or policy of a relation reads others."""
        for oid, _ in uses.relations:
            self.readers.setdefault(oid, {})[reader.oid] = None

    def reading(self, relation: Relation) -> list[Relation]:
        """The relations that may read this one through a view, rule or policy, in the order of their making."""
        found = (self.relations.get(oid) for oid in self.readers.get(relation.oid, ()))
        return [reader for reader in found if reader is not None]

    def descendants(self, relation: Relation) -> Iterator[Relation]:
        """Give all partitions or inheriting tables below a relation, nearest first."""
        waiting = list(relation.children)
        seen = {relation.oid}
        while waiting:
            oid = waiting.pop(0)
            if oid not in seen and (child := self.relations.get(oid)) is not None:
                seen.add(oid)
                yield child
                waiting.extend(child.children)

    def referencing(self, relation: Relation) -> Iterator[tuple[Relation, Constraint]]:
        """Give every foreign key that points at this relation, with the table that holds it."""
        for oid in self.pointing.get(relation.oid, ()):
            other = self.relations.get(oid)
            if other is None:
                continue
            for constraint in other.constraints.values():
                if constraint.kind == "f" and constraint.ref == relation.oid:
                    yield other, constraint

    def type_of(self, ref: TypeRef | None) -> UserType | None:
        """Return the user-defined type behind a reference, or None for a built-in one."""
        return None if ref is None else self.types.get((ref.schema, ref.name))
