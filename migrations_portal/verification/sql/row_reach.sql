-- name: verification/row_reach
-- Which tables lose rows when rows of a table are deleted: children with ON DELETE CASCADE, and partitions.
SELECT pn.nspname || '.' || p.relname AS "table", cn.nspname || '.' || c.relname AS reached
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class p ON p.oid = k.confrelid
  JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.confdeltype = 'c'
UNION
SELECT pn.nspname || '.' || p.relname, cn.nspname || '.' || c.relname
  FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
  JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
  JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
