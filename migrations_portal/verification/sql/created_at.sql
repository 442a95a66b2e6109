-- name: verification/created_at
-- For each table with a createdAt column, the query for its oldest and newest record.
SELECT n.nspname || '.' || t.relname AS "table",
       format('SELECT min(%%1$I)::text AS oldest, max(%%1$I)::text AS newest FROM %%2$I.%%3$I', a.attname, n.nspname, t.relname) AS span
  FROM pg_catalog.pg_class t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attname = 'createdAt' AND NOT a.attisdropped
 WHERE t.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
   AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
 ORDER BY 1
