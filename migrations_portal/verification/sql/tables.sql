-- name: verification/tables
-- Every table of the customer, with the planner's estimate of its rows; partitioned parents are listed, partitions count for themselves.
SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'p' AS partitioned, greatest(c.reltuples, 0)::bigint AS estimate
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
 ORDER BY 1, 2
