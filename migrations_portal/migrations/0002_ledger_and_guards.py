"""The ledger's append function and its triggers; state tables and separation of duties kept by the database itself."""

from django.db import migrations

from migrations_portal.execution.rules import RUN_STATES
from migrations_portal.plans.rules import PLAN_STATES

LEDGER = r"""
CREATE FUNCTION audit_append(body text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
  last_seq bigint; last_hash text; last_at timestamptz; this_at timestamptz; line text; digest text;
  said jsonb := body::jsonb;
BEGIN
  -- One chain, one writer at a time: without this lock the chain forks (measured, reliability.md 3.2).
  PERFORM pg_advisory_xact_lock(1465077759);
  SELECT seq, hash, at INTO last_seq, last_hash, last_at FROM audit_entry ORDER BY seq DESC LIMIT 1;
  last_seq := coalesce(last_seq, 0) + 1;
  last_hash := coalesce(last_hash, repeat('0', 64));
  this_at := greatest(clock_timestamp(), last_at + interval '1 microsecond');
  -- The keys stand in the order of RFC 8785, and `body` comes canonical from the application.
  line := '{"alg":"SHA-256","at":"' || to_char(this_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       || '","body":' || body || ',"prev":"' || last_hash || '","seq":' || last_seq || ',"v":1}';
  digest := encode(sha256('\x00'::bytea || convert_to(line, 'UTF8')), 'hex');
  INSERT INTO audit_entry (seq, at, kind, actor, plan, target, phi, result, canonical, prev_hash, hash)
  VALUES (last_seq, this_at, said->>'kind', said->'who'->>'email', (said->>'plan')::bigint,
          said->'where'->>'target', (said->>'phi')::boolean, said->>'result', line, last_hash, digest);
  RETURN last_seq;
END $$;

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_change;
"""
LEDGER_UNDO = """
DROP TRIGGER audit_entry_no_change ON audit_entry;
DROP FUNCTION audit_refuse();
DROP FUNCTION audit_append(text);
"""

# A6: the author and the last editor fill no seat; one person acts in one role per revision; a decision is final.
DUTIES = """
CREATE FUNCTION approvals_seat_duties() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.decision <> '' THEN
    RAISE EXCEPTION 'this seat is decided already' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.decided_by_id IS NOT NULL AND EXISTS (
       SELECT 1 FROM plans_revision r JOIN plans_plan p ON p.id = r.plan_id
        WHERE r.id = NEW.revision_id AND NEW.decided_by_id IN (p.author_id, p.last_editor_id)) THEN
    RAISE EXCEPTION 'nobody signs a plan of their own' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.decided_by_id IS NOT NULL AND EXISTS (
       SELECT 1 FROM approvals_seat s
        WHERE s.revision_id = NEW.revision_id AND s.decided_by_id = NEW.decided_by_id AND s.role <> NEW.role) THEN
    RAISE EXCEPTION 'one person acts in one role per revision' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approvals_seat_duties BEFORE UPDATE ON approvals_seat
  FOR EACH ROW EXECUTE FUNCTION approvals_seat_duties();
"""
DUTIES_UNDO = "DROP TRIGGER approvals_seat_duties ON approvals_seat; DROP FUNCTION approvals_seat_duties();"


def undo_states(table: str) -> str:
    """Return the SQL that takes a transition trigger away."""
    name = f"{table}_status_transitions"
    return f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();"


class Migration(migrations.Migration):
    dependencies = [("migrations_portal", "0001_initial")]
    operations = [
        migrations.RunSQL(LEDGER, LEDGER_UNDO),
        migrations.RunSQL(DUTIES, DUTIES_UNDO),
        migrations.RunSQL(PLAN_STATES.trigger_sql(table="plans_plan"), undo_states("plans_plan")),
        migrations.RunSQL(RUN_STATES.trigger_sql(table="execution_run"), undo_states("execution_run")),
    ]
