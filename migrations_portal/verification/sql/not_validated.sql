-- name: verification/not_validated
-- Constraints that PostgreSQL has not checked against the rows that were there before them.
SELECT n.nspname || '.' || t.relname || '.' || c.conname AS id
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
 WHERE NOT c.convalidated AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
 ORDER BY 1
