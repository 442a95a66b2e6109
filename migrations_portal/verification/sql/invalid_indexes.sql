-- name: verification/invalid_indexes
-- Indexes that a broken CREATE INDEX CONCURRENTLY left behind: they cost writes and serve no reads.
SELECT n.nspname || '.' || x.relname AS id
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
 WHERE NOT (i.indisvalid AND i.indisready) AND n.nspname !~ '^pg_'
 ORDER BY 1
