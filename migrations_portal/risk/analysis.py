"""The state of one assessment while it walks through the statements: catalogue, session, and what was seen.

Handlers call `lock`, `rewrite`, `scan` and `find`; they never build results themselves. Locks are noted only for tables that
existed before the statement, under the name they had then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from migrations_portal.risk.locks import ROW_EXCLUSIVE, WRITES_WAIT
from migrations_portal.risk.objects import TABLE_KINDS
from migrations_portal.risk.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrations_portal.risk.levels import Level
    from migrations_portal.risk.locks import Lock
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node
    from migrations_portal.risk.schema import Schema


@dataclass(slots=True)
class Seen:
    """What one statement does."""

    locks: dict[int, tuple[Relation, str, Lock]] = field(default_factory=dict)
    """By oid: the relation, the name that it had when it was locked, and the strongest mode."""
    rewrites: dict[int, Relation] = field(default_factory=dict)
    scans: dict[int, Relation] = field(default_factory=dict)
    touched: dict[int, Relation] = field(default_factory=dict)
    """What it works on without a lock."""
    findings: list[tuple[str, Level | None, dict[str, object], int]] = field(default_factory=list)
    views: set[str] = field(default_factory=set)
    destroys: bool = False
    """Whether values go that were there before this migration."""
    data_change: bool = False
    concurrent: bool = False

    def clear(self) -> None:
        """Forget the statement before: cheaper than six new collections."""
        self.locks.clear()
        self.rewrites.clear()
        self.scans.clear()
        self.touched.clear()
        self.findings.clear()
        self.views.clear()
        self.destroys = self.data_change = self.concurrent = False


def _nothing(analysis: Analysis, kind: str, node: Node) -> None:
    """Stand in until the dispatcher is set."""


class Reads(Protocol):
    """Notes the locks of a query that is analysed but not run; a rewritten one is followed through its views."""

    def __call__(self, analysis: Analysis, query: Node, *, rewritten: bool = False) -> None:
        """Note the locks."""


def _no_query(analysis: Analysis, query: Node, *, rewritten: bool = False) -> None:
    """Stand in until the dispatcher is set."""


@dataclass(slots=True)
class Analysis:
    """Catalogue and session of one assessment. `number` counts statements from 1; 0 means reading the schema itself."""

    schema: Schema
    version: int = 17
    number: int = 0
    path: tuple[str, ...] = ("public",)
    timezone: str | None = None
    seen: Seen = field(default_factory=Seen)
    depth: int = 0
    """How many function bodies deep the analysis is."""
    in_transaction: bool = False
    prepared: dict[str, Node] = field(default_factory=dict)
    deferred: bool | None = None
    """What SET CONSTRAINTS ALL says; None when it has not been said, and each constraint waits as it was made to."""
    timed: dict[str, bool] = field(default_factory=dict)
    """What SET CONSTRAINTS says of single constraints, by name: whether they wait."""
    pending: list[Callable[[], None]] = field(default_factory=list)
    """What deferred constraints and triggers will do when the transaction commits."""
    cursors: dict[str, Node] = field(default_factory=dict)
    replica_role: bool = False
    new_columns: set[tuple[int, str]] = field(default_factory=set)
    """Columns (table and name) that this migration has added: what is written over in them was not there before."""
    apply: Callable[[Analysis, str, Node], None] = field(default=_nothing)
    """Works out one more statement: for bodies, prepared statements and their like."""
    read: Reads = field(default=_no_query)
    """Notes the locks of a query that is analysed but not run: in a rule, a policy, a function's body."""

    # -- what a statement does ------------------------------------------------------------------

    def lock(self, relation: Relation, mode: Lock) -> None:
        """Note a lock on a relation; the strongest one stays. Whoever writes rows takes ROW EXCLUSIVE."""
        if mode is ROW_EXCLUSIVE:
            relation.empty = False
        if relation.born == self.number or not self.number:
            return
        locks = self.seen.locks
        held = locks.get(relation.oid)
        if held is None:
            locks[relation.oid] = relation, relation.qualified, mode
        elif held[2] < mode:
            locks[relation.oid] = relation, held[1], mode

    def lock_tree(self, relation: Relation, mode: Lock) -> list[Relation]:
        """Lock a relation with everything that inherits from it, and return them all."""
        members = (
            [relation, *self.schema.descendants(relation)] if relation.children else [relation]
        )
        for member in members:
            self.lock(member, mode)
        return members

    def scan(self, relation: Relation) -> None:
        """Note that every row of the relation is read."""
        if self.number and relation.has_storage and relation.born != self.number:
            self.seen.scans[relation.oid] = relation

    def rewrite(self, relation: Relation) -> None:
        """Note that the relation gets a new file on disk, written row by row from the old one."""
        if self.number and relation.has_storage and relation.born != self.number:
            self.seen.rewrites[relation.oid] = relation

    def find(
        self, rule: str, *, at: int = -1, level: Level | None = None, **values: object
    ) -> None:
        """Note a finding; `at` is the location of the node to point at."""
        if rule not in RULES:
            raise KeyError(rule)
        self.seen.findings.append((rule, level, values, at))

    def live(self, relation: Relation) -> bool:
        """Whether the relation was in use before this migration: not made by it, not temporary."""
        return relation.born == 0 and relation.persistence != "t"

    # -- names ----------------------------------------------------------------------------------

    def relation(self, node: Node, *, missing_ok: bool = False) -> Relation | None:
        """Resolve a RangeVar along the search path; a table that nobody has described is assumed to exist."""
        name: str = node["relname"]
        schema: str | None = node.get("schemaname")
        oid = self._oid(self.schema.names, schema, name)
        if oid is not None:
            return self.schema.relations[oid]
        if missing_ok and self.schema.complete:
            return None
        if schema is None and name.startswith("pg_"):
            return None  # PostgreSQL's own: `pg_catalog` comes first on every path
        return self._assume(schema or self.creation_schema(), name, node.get("location", -1))

    def lookup(self, schema: str | None, name: str) -> Relation | None:
        """Find a relation by name along the search path, or None."""
        oid = self._oid(self.schema.names, schema, name)
        return None if oid is None else self.schema.relations[oid]

    def _oid(self, names: dict[tuple[str, str], int], schema: str | None, name: str) -> int | None:
        if schema is not None:
            return names.get((schema, name))
        if (oid := names.get(("pg_temp", name))) is not None:
            return oid
        for place in self.path:
            if (oid := names.get((place, name))) is not None:
                return oid
        return None

    def creation_schema(self) -> str:
        """The schema that an unqualified new object goes into."""
        return self.path[0] if self.path else "public"

    def _assume(self, schema: str, name: str, at: int) -> Relation | None:
        if schema in ("pg_catalog", "information_schema"):
            return None
        if self.schema.complete and self.number:
            self.find("missing-object", at=at, name=f"{schema}.{name}")
        relation = self.schema.add(schema, name)
        relation.assumed = True
        return relation

    def index(self, schema: str | None, name: str) -> tuple[Relation, str] | None:
        """Find an index by name: its table and its name."""
        oid = self._oid(self.schema.indexes, schema, name)
        return None if oid is None else (self.schema.relations[oid], name)


def table_locks(analysis: Analysis) -> tuple[dict[str, Lock], dict[str, Lock]]:
    """The locks of the current statement by table name, and those of them that keep writers out of a live table.

    Views and temporary tables are left out.
    """
    held: dict[str, Lock] = {}
    blocking: dict[str, Lock] = {}
    for relation, name, lock in analysis.seen.locks.values():
        if relation.kind in TABLE_KINDS and relation.persistence != "t":
            held[name] = lock
            if lock >= WRITES_WAIT and relation.born == 0:
                blocking[name] = lock
    return held, blocking
