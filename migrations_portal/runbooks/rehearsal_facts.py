"""What is asked of a copy during a rehearsal, and how two answers are compared. Holds checksums, never row values."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from migrations_portal.backups.services.counting import TABLES, quoted
from migrations_portal.rehearsals.observed import MeasuredStatement, Rewrite, SeenLock
from migrations_portal.runbooks.truth import schema_difference
from migrations_portal.targets.ports import QueryFailed, TargetSession

LARGEST_COMPARED = 5_000_000
"""Rows up to which the contents of a touched table are compared by a checksum: about a second per million."""

FILE_NODES = """
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS name, pg_relation_filenode(c.oid)::bigint AS node,
       pg_relation_size(c.oid) AS bytes
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%%'
"""
ESTIMATES = """
SELECT n.nspname || '.' || c.relname AS name, greatest(c.reltuples, 0)::bigint AS rows
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%%'
"""
_ERROR_LINE = re.compile(r"^\s*(?:ERROR|Error|error)\s*:?\s*(.+)$", re.MULTILINE)
FileNodes = Mapping[int, tuple[str, int, int]]


def tables(session: TargetSession) -> list[str]:
    """Return every table of the customer."""
    return [f"{row['schema']}.{row['name']}" for row in session.rows(TABLES)]


def database_size(session: TargetSession) -> int:
    """Return the bytes of the whole copy."""
    return int(session.rows("SELECT pg_database_size(current_database()) AS n")[0]["n"])


def estimates(session: TargetSession) -> dict[str, int]:
    """Return PostgreSQL's own estimate of the rows of each table."""
    return {str(row["name"]): int(row["rows"]) for row in session.rows(ESTIMATES)}


def file_nodes(session: TargetSession) -> FileNodes:
    """Return, by oid, the name, the file and the bytes of each table."""
    return {
        row["oid"]: (row["name"], row["node"], int(row["bytes"]))
        for row in session.rows(FILE_NODES)
    }


def rewrites(file: str, *, before: FileNodes, after: FileNodes) -> list[Rewrite]:
    """Return the tables whose file changed and that held something: PostgreSQL wrote them anew."""
    return [
        Rewrite(file, after[oid][0], bytes_before, after[oid][2])
        for oid, (_, node, bytes_before) in sorted(before.items())
        if oid in after and after[oid][1] != node and bytes_before
    ]


def contents(session: TargetSession, names: Collection[str]) -> dict[str, str]:
    """Return a checksum over the rows of each of these tables that is there and not too large, whatever their order."""
    sizes, found = estimates(session), {}
    for name in names:
        full = name if "." in name else f"public.{name}"
        if full not in sizes or sizes[full] > LARGEST_COMPARED:
            continue
        table = quoted(*full.split(".", 1))
        try:
            found[full] = _checksum(session, table, "hash_record_extended(t, 0)")
        except QueryFailed:  # a column type without a hash, such as json
            found[full] = _checksum(session, table, "hashtextextended(t::text, 0)")
    return found


def _checksum(session: TargetSession, table: str, row_hash: str) -> str:
    sql = f"SELECT coalesce(sum({row_hash}::numeric), 0)::text AS sum FROM {table} t"  # noqa: S608  # quoted by the caller
    return str(session.rows(sql)[0]["sum"])


def difference(before: str, after: str) -> list[str]:
    """Return the schema lines that differ ("+ " new, "- " gone, with a line of context); nothing when only their order does.

    PostgreSQL can put a column back only at the end of its table: the same columns in another order are the same schema.
    """
    old, new = _lines(before), _lines(after)
    if sorted(each.strip() for each in old) == sorted(each.strip() for each in new):
        return []
    return [line for line in schema_difference("\n".join(old), "\n".join(new)) if line.strip("+- ")]


def _lines(schema: str) -> list[str]:
    """The comma behind the last but one column comes and goes with the last."""
    return [line.rstrip(",") for line in schema.splitlines()]


def differing(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Return a sentence for each table that has another number of rows."""
    return [
        f"{name} has {after[name]:,} rows instead of {before[name]:,}"
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    ]


def other_contents(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the tables whose rows are not the same."""
    return [name for name in sorted(before.keys() & after.keys()) if before[name] != after[name]]


def within(locks: Iterable[SeenLock], own: Sequence[MeasuredStatement]) -> list[SeenLock]:
    """Return the locks that were taken by the file's own statements, without those of the tool's look round."""
    if not own:
        return []
    first = own[0].start
    return [lock for lock in locks if lock.end > first]


def last_words(output: str) -> str:
    """Return the tool's error in its own words, one line; row values were taken out before."""
    found = _ERROR_LINE.findall(output)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return (found[-1] if found else lines[-1] if lines else "")[:300]
