-- name: verification/foreign_keys
-- Every foreign key, whether it is validated and indexed, and the anti-join that counts its orphans (composite keys, MATCH SIMPLE and FULL).
SELECT n.nspname || '.' || t.relname || '.' || c.conname AS id,
       c.convalidated AS validated,
       EXISTS (
         SELECT FROM pg_catalog.pg_index i
          WHERE i.indrelid = c.conrelid AND i.indisvalid AND i.indpred IS NULL
            AND i.indnkeyatts >= cardinality(c.conkey)
            AND (SELECT array_agg(k ORDER BY k) FROM unnest((i.indkey::int2[])[0:cardinality(c.conkey) - 1]) k)
              = (SELECT array_agg(k ORDER BY k) FROM unnest(c.conkey) k)) AS indexed,
       format('SELECT count(*) AS n FROM %%s %%I.%%I c WHERE (%%s) AND NOT EXISTS (SELECT FROM %%s %%I.%%I p WHERE %%s)',
              CASE t.relkind WHEN 'r' THEN 'ONLY' ELSE '' END, n.nspname, t.relname,
              string_agg(format('c.%%I IS NOT NULL', a.attname), CASE c.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END),
              CASE r.relkind WHEN 'r' THEN 'ONLY' ELSE '' END, rn.nspname, r.relname,
              string_agg(format('p.%%I = c.%%I', b.attname, a.attname), ' AND ')) AS orphans
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_class r ON r.oid = c.confrelid
  JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
  CROSS JOIN LATERAL unnest(c.conkey, c.confkey) AS k (child, parent)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.child
  JOIN pg_catalog.pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.parent
 WHERE c.contype = 'f' AND c.conparentid = 0
   AND coalesce(to_jsonb(c) ->> 'conperiod', 'false') = 'false'
 GROUP BY c.oid, c.conname, c.convalidated, c.conrelid, c.conkey, c.confmatchtype,
          t.relkind, t.relname, n.nspname, r.relkind, r.relname, rn.nspname
 ORDER BY 1
