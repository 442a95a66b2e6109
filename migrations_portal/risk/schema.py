"""The catalogue as the engine sees it: relations, columns, indexes, constraints, types and functions by name.

A `Schema` is context and working copy at once: the engine clones it per assessment and applies each statement to the clone,
so that the next statement is judged against what the one before has left. It holds no data and reads no database.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.parser import Node

TABLE_KINDS = frozenset("rpmf")
"""Relation kinds that hold rows and are reported: table, partitioned table, materialised view, foreign table."""


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A data type as a column uses it: resolved name, modifiers such as the 20 of varchar(20), array or not."""

    schema: str
    name: str
    mods: tuple[int, ...] = ()
    array: bool = False

    def __str__(self) -> str:
        """Write the type as PostgreSQL would, more or less: `varchar(20)`, `public.status[]`."""
        prefix = "" if self.schema == "pg_catalog" else f"{self.schema}."
        mods = f"({','.join(map(str, self.mods))})" if self.mods else ""
        return f"{prefix}{self.name}{mods}{'[]' if self.array else ''}"


@dataclass(frozen=True, slots=True)
class Uses:
    """What an expression depends on: columns of its own table, functions, and other relations (by oid, with column)."""

    columns: frozenset[str] = frozenset()
    functions: frozenset[tuple[str, str]] = frozenset()
    relations: frozenset[tuple[int, str]] = frozenset()
    types: frozenset[tuple[str, str]] = frozenset()


NOTHING = Uses()


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `type` is None when the schema does not say."""

    name: str
    type: TypeRef | None = None
    not_null: bool = False
    default: Uses | None = None
    generated: str = ""
    """`s` stored, `v` virtual, empty for an ordinary column."""
    identity: bool = False
    collation: str = ""
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint: kind `c` check, `n` not null, `p` primary key, `u` unique, `x` exclude, `f` foreign key, `t` trigger."""

    name: str
    kind: str
    columns: tuple[str, ...] = ()
    validated: bool = True
    enforced: bool = True
    expression: Node | None = None
    uses: Uses = NOTHING
    index: str = ""
    ref: int = 0
    """Oid of the referenced table of a foreign key."""
    ref_columns: tuple[str, ...] = ()
    on_delete: str = "a"
    on_update: str = "a"
    no_inherit: bool = False
    inherited: bool = False
    parent: int = 0
    """Oid of the partitioned table whose foreign key this one is a copy of; 0 when it stands for itself."""


@dataclass(slots=True)
class Index:
    """An index of one relation. Its name shares the schema's namespace with the tables."""

    name: str
    schema: str
    table: int
    columns: tuple[str, ...]
    """Key columns; an expression stands as an empty string."""
    unique: bool = False
    primary: bool = False
    valid: bool = True
    partial: bool = False
    uses: Uses = NOTHING
    method: str = "btree"
    constraint: str = ""
    included: tuple[str, ...] = ()
    parent: str = ""
    """Name of the partitioned index that this one is attached to."""
    only: bool = False
    """Made with ON ONLY: the partitions' indexes must be attached one by one."""
    exclusion: bool = False
    plain: bool = True
    """No operator class or collation of its own."""
    clustered: bool = False


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger: what fires it, and the function behind it."""

    name: str
    function: tuple[str, str]
    events: frozenset[str]
    row: bool
    inherited: bool = False
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Bound:
    """The values that a partition takes; all fields empty means they are not known."""

    default: bool = False
    values: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()
    upper: tuple[str, ...] = ()
    modulus: int = 0
    remainder: int = 0


@dataclass(slots=True)
class Relation:
    """A table, view or the like. `born` is the number of the statement that made it; 0 = it was there before."""

    oid: int
    schema: str
    name: str
    kind: str = "r"
    born: int = 0
    persistence: str = "p"
    assumed: bool = False
    """Not in the schema that was given: nothing but its name is known."""
    columns: dict[str, Column] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    rules: dict[str, Uses] = field(default_factory=dict)
    policies: dict[str, Uses] = field(default_factory=dict)
    statistics: dict[str, frozenset[str]] = field(default_factory=dict)
    parents: list[int] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    strategy: str = ""
    """`range`, `list` or `hash` for a partitioned table."""
    key: tuple[str, ...] = ()
    bound: Bound | None = None
    uses: Uses = NOTHING
    """For a view: the relations, columns and functions of its query."""
    definition: Node | None = None
    of_type: tuple[str, str] | None = None
    row_security: bool = False
    published: frozenset[str] = frozenset()
    owned_by: tuple[int, str] | None = None
    """For a sequence: the table and column that own it."""
    populated: bool = True
    tablespace: str = ""
    access_method: str = "heap"
    options: frozenset[str] = frozenset()

    @property
    def qualified(self) -> str:
        """The name as reports write it: `schema.table`."""
        return f"{self.schema}.{self.name}"

    @property
    def is_partition(self) -> bool:
        """Whether the relation is a partition of a partitioned table."""
        return self.bound is not None

    @property
    def has_storage(self) -> bool:
        """Whether rows live in the relation itself: a partitioned table keeps none."""
        return self.kind in "rm"

    def clone(self) -> Relation:
        """Return a copy whose collections may be changed without touching the original."""
        return replace(
            self,
            columns=dict(self.columns), constraints=dict(self.constraints),
            indexes={name: replace(index) for name, index in self.indexes.items()},
            triggers=dict(self.triggers), rules=dict(self.rules), policies=dict(self.policies),
            statistics=dict(self.statistics), parents=list(self.parents),
            children=list(self.children),
        )  # fmt: skip


@dataclass(slots=True)
class UserType:
    """A type that the schema defines: kind `e` enum, `d` domain, `c` composite, `r` range, `b` base."""

    schema: str
    name: str
    kind: str
    base: TypeRef | None = None
    not_null: bool = False
    constraints: dict[str, bool] = field(default_factory=dict)
    """Checks of a domain: name → validated."""
    labels: tuple[str, ...] = ()
    attributes: dict[str, TypeRef | None] = field(default_factory=dict)
    born: int = 0
    new_labels: frozenset[str] = frozenset()
    """Enum values added in the transaction that is open; they cannot be used before it commits."""
    uses: Uses = NOTHING


@dataclass(frozen=True, slots=True)
class Function:
    """A function or procedure; the body is kept because it decides what a call really does."""

    schema: str
    name: str
    language: str = ""
    volatility: str = "v"
    body: str = ""
    arguments: int = 0
    argument_names: tuple[str, ...] = ()
    returns: TypeRef | None = None
    returns_set: bool = False
    security_definer: bool = False
    configured: bool = False
    strict: bool = False
    procedure: bool = False
    sql: str = ""
    uses: Uses = NOTHING


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
    extensions: dict[str, str] = field(default_factory=dict)
    casts: set[tuple[str, str]] = field(default_factory=set)
    next_oid: int = 1

    def clone(self) -> Schema:
        """Return a working copy for one assessment."""
        return Schema(
            complete=self.complete,
            relations={oid: relation.clone() for oid, relation in self.relations.items()},
            names=dict(self.names), indexes=dict(self.indexes),
            types={key: replace(kind) for key, kind in self.types.items()},
            functions={key: list(overloads) for key, overloads in self.functions.items()},
            schemas=set(self.schemas), publications=dict(self.publications),
            extensions=dict(self.extensions), casts=set(self.casts), next_oid=self.next_oid,
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
        self.indexes[relation.schema, index.name] = relation.oid

    def drop_index(self, relation: Relation, name: str) -> None:
        """Forget an index of this relation."""
        relation.indexes.pop(name, None)
        self.indexes.pop((relation.schema, name), None)

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
        for other in self.relations.values():
            for constraint in other.constraints.values():
                if constraint.kind == "f" and constraint.ref == relation.oid:
                    yield other, constraint

    def type_of(self, ref: TypeRef | None) -> UserType | None:
        """Return the user-defined type behind a reference, or None for a built-in one."""
        return None if ref is None else self.types.get((ref.schema, ref.name))
