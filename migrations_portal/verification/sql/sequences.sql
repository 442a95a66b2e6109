-- name: verification/sequences
-- For each sequence that belongs to a column, the query that says whether its next value may collide with a row.
SELECT n.nspname || '.' || t.relname || '.' || a.attname AS id,
       format('SELECT coalesce((SELECT max(%%I) FROM %%I.%%I) > coalesce((SELECT last_value FROM pg_catalog.pg_sequences WHERE schemaname = %%L AND sequencename = %%L), %%s), false) AS behind',
              a.attname, n.nspname, t.relname, sn.nspname, s.relname, q.seqstart - 1) AS behind
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
  JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0 AND NOT q.seqcycle
  JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
 ORDER BY 1
