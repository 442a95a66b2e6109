"""One ALTER TABLE: the tables it reaches and the work of its last phase.

PostgreSQL collects what all commands of an ALTER TABLE ask for, and then passes over each table once: it rewrites it, or
only scans it to check the new rules, or leaves it alone (`ATRewriteTables` in tablecmds.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.locks import Lock
    from migrations_portal.risk.objects import Relation


class TableChange(Struct):
    """The table that ALTER TABLE names, the lock it takes for all commands, and what the last phase has to do."""

    analysis: Analysis
    relation: Relation
    lock: Lock
    inherit: bool
    """False for ALTER TABLE ONLY."""
    rewritten: dict[int, Relation] = field(default_factory=dict)
    checked: dict[int, Relation] = field(default_factory=dict)
    validate_keys: bool = False
    """A new column with a default, or ADD FOREIGN KEY, makes PostgreSQL check the foreign keys of the statement."""
    keys_to_check: list[tuple[Relation, Relation, tuple[str, ...]]] = field(default_factory=list)
    """Foreign keys with their columns: referencing and referenced table."""
    new_columns: set[str] = field(default_factory=set)
    empty_columns: set[str] = field(default_factory=set)
    """New columns that are NULL in every row: a foreign key over one of them has nothing to look up."""

    def reach(self) -> list[Relation]:
        """The table with all that inherit from it, each locked like the table itself."""
        if not self.inherit:
            return [self.relation]
        return self.analysis.lock_tree(self.relation, self.lock)

    def reach_lacking(self, column: str) -> list[Relation]:
        """The table with all below it, where a table that has the column already keeps it and hands nothing down."""
        schema = self.analysis.schema
        reached, waiting = [self.relation], [self.relation] if self.inherit else []
        while waiting:
            for oid in waiting.pop().children:
                heir = schema.relations.get(oid)
                if heir is None or heir in reached:
                    continue
                self.analysis.lock(heir, self.lock)
                reached.append(heir)
                if column not in heir.columns:
                    waiting.append(heir)
        return reached

    def lock_heirs(self) -> None:
        """What the next tables below have inherited becomes their own, which is written down under the same lock."""
        for oid in self.relation.children:
            if (heir := self.analysis.schema.relations.get(oid)) is not None:
                self.analysis.lock(heir, self.lock)

    def rewrite(self, relation: Relation) -> None:
        """The relation gets a new file."""
        self.rewritten[relation.oid] = relation

    def check(self, relation: Relation) -> None:
        """All rows of the relation are read to check a new rule."""
        self.checked[relation.oid] = relation

    def finish(self) -> None:
        """Pass over the tables once, as PostgreSQL does at the end of the statement."""
        analysis = self.analysis
        for relation in self.rewritten.values():
            analysis.rewrite(relation)
            analysis.scan(relation)
        for relation in self.checked.values():
            analysis.scan(relation)
        if self.validate_keys:
            for table, target, columns in self.keys_to_check:
                check_key(
                    analysis, table, target, only_null=bool(self.empty_columns & set(columns))
                )


def check_key(
    analysis: Analysis, table: Relation, target: Relation, *, only_null: bool = False
) -> None:
    """Note the scans that check a foreign key: the other table is read only when there is something to look up in it."""
    scan_tree(analysis, table)
    if not (table.empty or only_null):
        scan_tree(analysis, target)


def scan_tree(analysis: Analysis, relation: Relation) -> None:
    """Note a scan of a table or, for a partitioned one, of all its partitions."""
    analysis.scan(relation)
    if relation.kind == "p":
        for child in analysis.schema.descendants(relation):
            analysis.scan(child)
