-- name: verification/deleted_rows
-- How many rows were ever deleted from each table, by anybody, rolled back or not, as the server counts them.
SELECT schemaname || '.' || relname AS "table", n_tup_del AS deleted
  FROM pg_catalog.pg_stat_user_tables
