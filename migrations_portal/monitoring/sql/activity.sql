-- name: monitoring/activity
-- The target at this instant: sessions, queries over five minutes, and who waits for whom; counts only, no query text.
WITH clients AS (
  SELECT pid, state, query_start, application_name, pg_catalog.pg_blocking_pids(pid) AS blockers
    FROM pg_catalog.pg_stat_activity
   WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
), waits AS (
  SELECT pid, min(waitstart) AS since FROM (
    SELECT pid, (to_jsonb(l) ->> 'waitstart')::timestamptz AS waitstart FROM pg_catalog.pg_locks l WHERE NOT granted) w
   GROUP BY pid
)
SELECT count(*) AS connections,
       count(*) FILTER (WHERE c.state = 'active' AND c.query_start < clock_timestamp() - make_interval(secs => %s)) AS long_queries,
       (SELECT count(*) FROM pg_catalog.pg_locks l WHERE NOT l.granted
           AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) AS ungranted_locks,
       count(*) FILTER (WHERE cardinality(c.blockers) > 0) AS blocked_sessions,
       coalesce(max(extract(epoch FROM clock_timestamp() - coalesce(w.since, c.query_start)) * 1000)
                FILTER (WHERE cardinality(c.blockers) > 0), 0)::bigint AS longest_blocked_ms,
       count(*) FILTER (WHERE EXISTS (SELECT FROM clients o WHERE o.pid = ANY (c.blockers) AND starts_with(o.application_name, %s))
                          AND NOT starts_with(c.application_name, %s)) AS blocked_by_us
  FROM clients c LEFT JOIN waits w USING (pid)
