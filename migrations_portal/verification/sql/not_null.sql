-- name: verification/not_null
-- For each table, the query that counts NULLs in its NOT NULL columns; num_nonnulls, because the planner may answer IS NULL from the catalogue.
SELECT n.nspname || '.' || t.relname AS "table",
       format('SELECT count(*) FILTER (WHERE %%s) AS n FROM %%I.%%I',
              string_agg(format('num_nonnulls(%%I) = 0', a.attname), ' OR '), n.nspname, t.relname) AS nulls
  FROM pg_catalog.pg_class t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped
 WHERE t.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
 GROUP BY n.nspname, t.relname
 ORDER BY 1
