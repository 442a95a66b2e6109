-- name: monitoring/counters
-- Transactions since the statistics were reset, and how far the slowest standby is behind (NULL without a standby).
SELECT d.xact_commit + d.xact_rollback AS transactions, d.xact_rollback AS rollbacks,
       extract(epoch FROM clock_timestamp())::float8 AS at,
       (SELECT (extract(epoch FROM max(replay_lag)) * 1000)::bigint FROM pg_catalog.pg_stat_replication) AS replication_lag_ms
  FROM pg_catalog.pg_stat_database d WHERE d.datname = current_database()
