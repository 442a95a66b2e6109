"""Which index a CREATE INDEX CONCURRENTLY makes. Pure."""

from dataclasses import dataclass

from migrations_portal.risk.parser import parse


@dataclass(frozen=True)
class NewIndex:
    """An index as its statement names it; `schema` is empty when the search path decides."""

    name: str
    schema: str
    table: str


def index_of(sql: str) -> NewIndex | None:
    """Return the index that the statement makes outside a transaction; nothing when it leaves the name to the server."""
    for statement in parse(sql):
        if statement.problem is None and statement.kind == "IndexStmt":
            node = statement.node
            name = node.get("idxname", "")
            if name and node.get("concurrent"):
                relation = node["relation"]
                return NewIndex(name, relation.get("schemaname", ""), relation["relname"])
    return None
