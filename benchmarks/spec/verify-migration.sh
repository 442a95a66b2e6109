#!/bin/bash
# verify-migration.sh
# FIXED: psql is given -U $DB_USER; pg_stat_user_tables has relname, not tablename.

# Verify table existence
echo "Verifying table structure..."
psql -h $DB_HOST -U $DB_USER -d $DB_NAME -c "
  SELECT table_name
  FROM information_schema.tables
  WHERE table_schema = 'public'
  ORDER BY table_name;
"

# Verify foreign keys
echo "Verifying foreign key constraints..."
psql -h $DB_HOST -U $DB_USER -d $DB_NAME -c "
  SELECT
    tc.constraint_name,
    tc.table_name,
    kcu.column_name,
    ccu.table_name AS foreign_table_name,
    ccu.column_name AS foreign_column_name
  FROM information_schema.table_constraints AS tc
  JOIN information_schema.key_column_usage AS kcu
    ON tc.constraint_name = kcu.constraint_name
  JOIN information_schema.constraint_column_usage AS ccu
    ON ccu.constraint_name = tc.constraint_name
  WHERE tc.constraint_type = 'FOREIGN KEY'
  ORDER BY tc.table_name, tc.constraint_name;
"

# Verify indexes
echo "Verifying indexes..."
psql -h $DB_HOST -U $DB_USER -d $DB_NAME -c "
  SELECT
    tablename,
    indexname,
    indexdef
  FROM pg_indexes
  WHERE schemaname = 'public'
  ORDER BY tablename, indexname;
"

# Check for missing indexes on foreign keys
echo "Checking for missing indexes on foreign keys..."
psql -h $DB_HOST -U $DB_USER -d $DB_NAME -c "
  SELECT
    tc.table_name,
    kcu.column_name
  FROM information_schema.table_constraints AS tc
  JOIN information_schema.key_column_usage AS kcu
    ON tc.constraint_name = kcu.constraint_name
  WHERE tc.constraint_type = 'FOREIGN KEY'
    AND NOT EXISTS (
      SELECT 1
      FROM pg_indexes
      WHERE tablename = tc.table_name
        AND indexdef LIKE '%' || kcu.column_name || '%'
    )
  ORDER BY tc.table_name, kcu.column_name;
"

# Verify row counts (sanity check)
echo "Verifying row counts..."
psql -h $DB_HOST -U $DB_USER -d $DB_NAME -c "
  SELECT
    schemaname,
    relname AS tablename,
    n_live_tup as row_count
  FROM pg_stat_user_tables
  WHERE schemaname = 'public'
  ORDER BY n_live_tup DESC;
"
