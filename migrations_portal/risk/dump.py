"""Reading a schema from what `pg_dump --schema-only` writes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrations_portal.risk.analysis import Analysis
from migrations_portal.risk.parser import parse
from migrations_portal.risk.schema import Schema
from migrations_portal.risk.statements import apply, read_only

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrations_portal.risk.sizes import RelationSize

_PSQL_LINE = re.compile(r"^\\(?:un)?(?:restrict|connect)\b.*$", re.MULTILINE)
"""pg_dump writes `\\restrict` and `\\unrestrict` since its releases of August 2025."""


def schema_from_dump(sql_text: str, *, sizes: Mapping[str, RelationSize] | None = None) -> Schema:
    """Read a schema; `sizes` are by `schema.table`.

    What is not in a dump that could be read completely does not exist; where a part could not be read, unknown names are
    taken to exist.
    """
    schema = Schema()
    analysis = Analysis(schema, apply=apply, read=read_only)
    readable = True
    for statement in parse(_PSQL_LINE.sub("", sql_text)):
        if statement.problem is not None:
            readable = False
            continue
        apply(analysis, statement.kind, statement.node)
    for relation in schema.relations.values():
        relation.assumed = relation.assumed and not relation.columns
    schema.complete = readable
    for name, size in (sizes or {}).items():
        relation_schema, _, relation_name = name.partition(".")
        if (found := schema.get(relation_schema, relation_name)) is not None:
            schema.sizes[found.oid] = size
    return schema
