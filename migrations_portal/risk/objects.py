"""What a catalogue holds: types, columns, constraints, indexes, triggers, relations, functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

if TYPE_CHECKING:
    from migrations_portal.risk.parser import Node

TABLE_KINDS = frozenset("rpmf")
"""Relation kinds that hold rows and are reported: table, partitioned table, materialised view, foreign table."""


class TypeRef(Struct, frozen=True):
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


class Uses(Struct, frozen=True):
    """What an expression depends on: columns of its own table, functions, and other relations (by oid, with column)."""

    columns: frozenset[str] = frozenset()
    functions: frozenset[tuple[str, str]] = frozenset()
    relations: frozenset[tuple[int, str]] = frozenset()
    types: frozenset[tuple[str, str]] = frozenset()


NOTHING = Uses()


class Column(Struct, frozen=True):
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


class Constraint(Struct, frozen=True):
    """A constraint: kind `c` check, `n` not null, `p` primary key, `u` unique, `x` exclude, `f` foreign key, `t` trigger."""

    name: str
    kind: str
    columns: tuple[str, ...] = ()
    validated: bool = True
    enforced: bool = True
    expression: Node | None = None
    uses: Uses = NOTHING
    index_name: str = ""
    """The index behind a key."""
    ref: int = 0
    """Oid of the referenced table of a foreign key."""
    ref_columns: tuple[str, ...] = ()
    on_delete: str = "a"
    on_update: str = "a"
    no_inherit: bool = False
    inherited: bool = False
    deferrable: bool = False
    deferred: bool = False
    """INITIALLY DEFERRED: looked at when the transaction commits."""
    parent: int = 0
    """Oid of the partitioned table whose foreign key this one is a copy of; 0 when it stands for itself."""


class Index(Struct):
    """An index of one relation. Its name shares the schema's namespace with the tables."""

    name: str
    schema: str
    table: int
    columns: tuple[str, ...]
    """Key columns; an expression stands as an empty string."""
    unique: bool = False
    primary: bool = False
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


class Rewrite(Struct, frozen=True):
    """A rewrite rule: the event that it takes over (INSTEAD) or adds to, and what it does."""

    name: str
    event: str
    instead: bool
    conditional: bool
    switch: str = "O"
    """When it is followed, in the letters of a trigger."""
    actions: tuple[Node, ...] = ()
    uses: Uses = NOTHING


class Trigger(Struct, frozen=True):
    """A trigger: what fires it, and the function behind it."""

    name: str
    function: tuple[str, str]
    events: frozenset[str]
    row: bool
    inherited: bool = False
    columns: frozenset[str] = frozenset()
    deferrable: bool = False
    deferred: bool = False
    """INITIALLY DEFERRED: fires when the transaction commits."""
    differing: frozenset[str] = frozenset()
    """Columns of which `WHEN (OLD.c IS DISTINCT FROM NEW.c)` wants a new value: an UPDATE that keeps one fires nothing."""
    switch: str = "O"
    """When it fires: `O` in an ordinary session, `R` in one that replays (session_replication_role), `A` always, `D` never."""


class Bound(Struct, frozen=True):
    """The values that a partition takes; all fields empty means they are not known."""

    default: bool = False
    values: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()
    upper: tuple[str, ...] = ()
    modulus: int = 0
    remainder: int = 0


class Relation(Struct, eq=False):
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
    rules: dict[str, Rewrite] = field(default_factory=dict)
    policies: dict[str, Uses] = field(default_factory=dict)
    statistics: dict[str, frozenset[str]] = field(default_factory=dict)
    parents: list[int] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    strategy: str = ""
    """`range`, `list` or `hash` for a partitioned table."""
    key: tuple[str, ...] = ()
    """The columns of the partition key; an expression stands in brackets."""
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
    keys_off: bool = False
    """DISABLE TRIGGER ALL: no foreign key is looked up for its rows, on either side."""
    empty: bool = False
    """Made by this migration, and nothing has been written to it since: there are no rows to read."""
    tablespace: str = ""
    access_method: str = "heap"
    server: str = ""
    """For a foreign table: the server it reaches."""
    options: frozenset[str] = frozenset()
    led: set[str] | None = None
    """The columns that lead a whole index, once somebody has asked; see `leading`."""

    @property
    def leading(self) -> set[str]:
        """The first columns of the indexes that hold every row. Whoever drops an index or renames its columns forgets them."""
        if self.led is None:
            self.led = {i.columns[0] for i in self.indexes.values() if i.columns and not i.partial}
        return self.led

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
            children=list(self.children), led=None,
        )  # fmt: skip


class UserType(Struct):
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
    assumed: bool = False
    """Not in the schema that was given: nothing but its name is known."""
    new_labels: frozenset[str] = frozenset()
    """Enum values added in the transaction that is open; they cannot be used before it commits."""
    uses: Uses = NOTHING

    def clone(self) -> UserType:
        """Return a copy whose collections may be changed without touching the original."""
        return replace(self, constraints=dict(self.constraints), attributes=dict(self.attributes))


class Function(Struct, frozen=True):
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
