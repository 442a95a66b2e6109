#!/bin/bash
# production-migrate.sh

# The customer's script, fixed only so that it runs here; every fix is marked FIXED. What it does and leaves out is unchanged.

set -e  # Exit on any error

# Configuration
DB_HOST="${DB_HOST:-production-db.example.com}"
DB_NAME="${DB_NAME:-white_cross_production}"
BACKUP_DIR="${BACKUP_DIR:-/var/backups/postgres/migrations}"  # FIXED: a folder that is there
LOG_FILE="${LOG_DIR:-/var/log/migrations}/migration_$(date +%Y%m%d_%H%M%S).log"  # FIXED: a folder that is there

echo "========================================" | tee -a $LOG_FILE
echo "Production Migration Started" | tee -a $LOG_FILE
echo "Timestamp: $(date)" | tee -a $LOG_FILE
echo "========================================" | tee -a $LOG_FILE

# FIXED: psql is given -U $DB_USER, as pg_dump is.
# Step 1: Pre-migration health check
echo "[1/8] Running pre-migration health check..." | tee -a $LOG_FILE
psql -h $DB_HOST -U $DB_USER -d $DB_NAME -c "SELECT version();" >> $LOG_FILE
psql -h $DB_HOST -U $DB_USER -d $DB_NAME -c "SELECT pg_database_size('$DB_NAME');" >> $LOG_FILE

# Step 2: Create backup
echo "[2/8] Creating database backup..." | tee -a $LOG_FILE
BACKUP_FILE="$BACKUP_DIR/backup_before_migration_$(date +%Y%m%d_%H%M%S).dump"
pg_dump -h $DB_HOST -U $DB_USER -d $DB_NAME -F c -b -v -f $BACKUP_FILE >> $LOG_FILE 2>&1

# Step 3: Verify backup
echo "[3/8] Verifying backup integrity..." | tee -a $LOG_FILE
pg_restore -l $BACKUP_FILE | head -20 >> $LOG_FILE

# Step 4: Check migration status
echo "[4/8] Checking migration status..." | tee -a $LOG_FILE
npx sequelize-cli db:migrate:status | tee -a $LOG_FILE

# Step 5: Execute migration
echo "[5/8] Executing migration..." | tee -a $LOG_FILE
START_TIME=$(date +%s)
NODE_ENV=production npm run migrate 2>&1 | tee -a $LOG_FILE
END_TIME=$(date +%s)
DURATION=$((END_TIME - START_TIME))
echo "Migration completed in ${DURATION} seconds" | tee -a $LOG_FILE

# Step 6: Verify migration success
echo "[6/8] Verifying migration success..." | tee -a $LOG_FILE
npx sequelize-cli db:migrate:status | tee -a $LOG_FILE

# Step 7: Run post-migration verification queries
echo "[7/8] Running verification queries..." | tee -a $LOG_FILE
source ./verify-migration.sh | tee -a $LOG_FILE

# Step 8: Health check (FIXED: quote_ident, or a name such as SequelizeMeta is not found)
echo "[8/8] Post-migration health check..." | tee -a $LOG_FILE
psql -h $DB_HOST -U $DB_USER -d $DB_NAME -c "
  SELECT
    schemaname,
    tablename,
    pg_size_pretty(pg_total_relation_size(quote_ident(schemaname)||'.'||quote_ident(tablename))) as size
  FROM pg_tables
  WHERE schemaname = 'public'
  ORDER BY pg_total_relation_size(quote_ident(schemaname)||'.'||quote_ident(tablename)) DESC
  LIMIT 10;
" >> $LOG_FILE

echo "========================================" | tee -a $LOG_FILE
echo "Migration Completed Successfully" | tee -a $LOG_FILE
echo "========================================" | tee -a $LOG_FILE

# Send notification
curl -X POST $SLACK_WEBHOOK_URL \
  -H 'Content-Type: application/json' \
  -d "{\"text\":\"✅ Production migration completed in ${DURATION}s\"}"
