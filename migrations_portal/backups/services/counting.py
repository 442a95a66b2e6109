"""Looking at a database as one session sees it: exact rows, and what else a restored copy must have."""

from collections.abc import Iterable, Mapping

from migrations_portal.targets.ports import TargetSession

_OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%%'"

TABLES = f"""
SELECT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND {_OURS}
 ORDER BY 1, 2
"""  # noqa: S608  # a constant of ours
"""Every ordinary table of the customer; partitions count as tables, partitioned parents hold no rows."""

SIZES = f"""
SELECT n.nspname AS schema, c.relname AS name, pg_table_size(c.oid) AS bytes
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND {_OURS}
 ORDER BY 1, 2
"""  # noqa: S608  # a constant of ours
"""Rows and TOAST, without indexes: what a dump reads."""

SHAPE = f"""
SELECT 'validated foreign keys' AS kind, count(*) AS n
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
 WHERE k.contype = 'f' AND k.convalidated AND {_OURS}
UNION ALL
SELECT 'constraints', count(*)
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
 WHERE k.conrelid <> 0 AND k.contype IN ('c', 'u', 'p', 'x', 'f') AND {_OURS}
UNION ALL
SELECT 'valid indexes', count(*)
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indisvalid AND {_OURS}
UNION ALL
SELECT CASE c.relkind WHEN 'S' THEN 'sequences' WHEN 'v' THEN 'views' WHEN 'm' THEN 'materialized views'
       ELSE 'partitioned tables' END, count(*)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('S', 'v', 'm', 'p') AND {_OURS} GROUP BY 1
UNION ALL
SELECT 'triggers', count(*)
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND {_OURS}
 ORDER BY 1
"""  # noqa: S608  # a constant of ours

COMPUTED = f"""
SELECT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm' AND c.relispopulated AND {_OURS}
 ORDER BY c.oid
"""  # noqa: S608  # a constant of ours
"""Materialized views that hold something, in the order in which they were made: one can only read those before it."""

SEQUENCES = f"""
SELECT n.nspname AS schema, c.relname AS name, a.attname AS column, s.last_value AS value
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_class q ON q.oid = d.objid AND q.relkind = 'S'
  JOIN pg_catalog.pg_namespace m ON m.oid = q.relnamespace
  JOIN pg_catalog.pg_sequences s ON s.schemaname = m.nspname AND s.sequencename = q.relname
  JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
 WHERE d.deptype IN ('a', 'i') AND d.classid = 'pg_catalog.pg_class'::regclass AND c.relkind IN ('r', 'p')
   AND s.increment_by > 0 AND {_OURS}
 ORDER BY 1, 2, 3
"""  # noqa: S608  # a constant of ours


def quoted(*names: str) -> str:
    """Return a qualified identifier for a statement of `TargetSession.rows`, in which a percent sign is doubled."""
    return ".".join('"' + name.replace('"', '""').replace("%", "%%") + '"' for name in names)


def exact_counts(session: TargetSession) -> dict[str, int]:
    """Count every table of the customer exactly, as the session sees it."""
    return {
        f"{row['schema']}.{row['name']}": session.count(row["schema"], row["name"])
        for row in session.rows(TABLES)
    }


def table_sizes(session: TargetSession) -> dict[str, int]:
    """Return the bytes of every table without its indexes."""
    return {f"{row['schema']}.{row['name']}": int(row["bytes"]) for row in session.rows(SIZES)}


def shape(session: TargetSession) -> dict[str, int]:
    """Count what a restored database must have besides rows."""
    return {str(row["kind"]): int(row["n"]) for row in session.rows(SHAPE)}


def sequences_behind(session: TargetSession) -> list[str]:
    """Return the columns whose sequence would give a number that is taken already."""
    behind = []
    for row in session.rows(SEQUENCES):
        table, column = quoted(row["schema"], row["name"]), quoted(row["column"])
        (top,) = session.rows(f"SELECT max({column}) AS top FROM {table}")  # noqa: S608  # quoted above
        if top["top"] is not None and int(top["top"]) > int(row["value"] or 0):
            behind.append(f"{row['schema']}.{row['name']}.{row['column']}")
    return behind


def computed(session: TargetSession) -> list[list[str]]:
    """Return schema and name of each materialized view that holds something, in an order in which they can be computed."""
    return [[str(row["schema"]), str(row["name"])] for row in session.rows(COMPUTED)]


def lock_for_reading(session: TargetSession, tables: Iterable[str]) -> None:
    """Keep the tables from being changed or dropped while several dumps read them; nobody's reading or writing is held up."""
    names = [quoted(*name.split(".", 1)) for name in sorted(tables)]
    for at in range(0, len(names), 200):
        session.rows(f"LOCK TABLE {', '.join(names[at : at + 200])} IN ACCESS SHARE MODE")


def differing_shape(*, expected: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """Return a sentence for each kind of object of which the copy has another number."""
    return [
        f"{expected.get(kind, 0)} {kind} expected, {found.get(kind, 0)} restored"
        for kind in sorted(expected.keys() | found.keys())
        if expected.get(kind, 0) != found.get(kind, 0)
    ]
