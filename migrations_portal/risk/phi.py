"""Which relations hold PHI: the tagged ones, their partitions, the views over them, and the tables with foreign keys into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.schema import Schema

WORSE_WITH_PHI = frozenset({
    "row-security", "grant", "grant-public", "publication", "replica-identity", "copy-to", "disable-trigger",
    "enable-trigger", "create-trigger", "drop-trigger", "set-unlogged",
})  # fmt: skip
"""Rules that are critical on a table with PHI: who sees the rows, where they go, and whether changes are audited."""


class PhiCatalogue:
    """The tagged names, and what they mean in a schema."""

    def __init__(self, tagged: Collection[str]) -> None:
        self._names = frozenset(name.strip().replace('"', "") for name in tagged if name.strip())
        self.tagged = bool(self._names)
        """Whether anything is tagged."""

    def names(self, relation: Relation) -> bool:
        """Whether the relation itself is tagged, by its bare name or with its schema."""
        return self.tags(relation.qualified)

    def tags(self, qualified: str) -> bool:
        """Whether a relation of this name (`schema.table`) is tagged."""
        return qualified in self._names or qualified.partition(".")[2] in self._names

    def holders(self, schema: Schema) -> set[int]:
        """The oids of all relations that count as PHI."""
        if not self._names:
            return set()
        relations = schema.relations
        found = {oid for oid, relation in relations.items() if self.names(relation)}
        for oid in list(found):
            found.update(child.oid for child in schema.descendants(relations[oid]))
        referencing = {
            oid
            for oid, relation in relations.items()
            if any(c.kind == "f" and c.ref in found for c in relation.constraints.values())
        }
        found |= _views_over(schema, found)
        return found | referencing


def _views_over(schema: Schema, holders: set[int]) -> set[int]:
    views = [relation for relation in schema.relations.values() if relation.kind in "vm"]
    found: set[int] = set()
    grown = True
    while grown:
        more = {
            view.oid
            for view in views
            if view.oid not in found
            and any(oid in holders or oid in found for oid, _ in view.uses.relations)
        }
        grown = bool(more)
        found |= more
    return found
