"""Reading a target's catalogue: its schema, sizes and version, and what of it looks like PHI. No row of a table is read."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from migrations_portal import risk
from migrations_portal.risk.catalogue import Catalogue, TableSize, catalogue_of
from migrations_portal.risk.phi_reasons import looks_like_phi
from migrations_portal.runbooks.tools import Tools
from migrations_portal.targets import queries as targets
from migrations_portal.targets import services
from migrations_portal.targets.models import Target
from migrations_portal.targets.rules import Tagged

SIZES = """
SELECT n.nspname || '.' || c.relname AS name, greatest(c.reltuples, 0)::bigint AS rows,
       pg_total_relation_size(c.oid) AS bytes, pg_table_size(c.oid) AS heap, pg_indexes_size(c.oid) AS indexes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
"""Rows are the estimate of the last ANALYZE; a table that was never analysed counts as empty until it is."""
MAJOR = "SELECT current_setting('server_version_num')::int / 10000 AS major"


@dataclass(frozen=True)
class TargetRead:
    """What one look into a target's catalogue found."""

    schema_text: str
    schema: risk.Schema
    catalogue: Catalogue
    version: int
    tagged: tuple[Tagged, ...]
    """What counts as PHI by itself, after new names were judged."""

    @property
    def digest(self) -> str:
        """SHA-256 of the schema as text."""
        return hashlib.sha256(self.schema_text.encode()).hexdigest()

    @property
    def sizes(self) -> Mapping[str, TableSize]:
        """The sizes by `schema.table`."""
        return self.catalogue.sizes


def read(target: Target, *, tools: Tools, now: datetime) -> TargetRead:
    """Look into the target's catalogue and keep what it holds. Raises `TargetUnreachable`, `DumpFailed`, `CredentialMissing`."""
    endpoint = tools.endpoint(target)
    schema_text = tools.dump.schema(endpoint)
    with tools.server.session(endpoint, application_name="wcops-catalogue") as session:
        version = int(session.rows(MAJOR)[0]["major"])
        rows = session.rows(SIZES)
    schema = risk.schema_from_dump(
        schema_text,
        sizes={each["name"]: risk.RelationSize(each["rows"], each["bytes"]) for each in rows},
    )
    sizes = {each["name"]: TableSize(each["rows"], each["heap"], each["indexes"]) for each in rows}
    catalogue = catalogue_of(schema, sizes=sizes)
    found = TargetRead(schema_text, schema, catalogue, version, ())
    services.note_catalogue(
        target=target,
        found=services.CatalogueRead(
            server_version=version,
            schema_digest=found.digest,
            items=catalogue.as_json(),
            rows={name: size.rows for name, size in catalogue.sizes.items()},
            looks_like_phi=looks_like_phi(catalogue),
        ),
        now=now,
    )
    tagged = tuple(targets.tagged(target=target))
    return TargetRead(schema_text, schema, catalogue, version, tagged)


def refresh(*, target_id: int, tools: Tools, clock: Callable[[], datetime]) -> None:
    """Read the catalogue of one target again."""
    target = Target.objects.select_related("group").get(pk=target_id)
    read(target, tools=tools, now=clock())
