"""A link lives as long as its seat waits: PostgreSQL takes it back in the moment in which the seat is decided or void (A3).

Who sends a plan back ends the asking: every link to the revision is taken back with that.
"""

from django.db import migrations

LINKS = """
CREATE FUNCTION approvals_links_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE approvals_invitation SET revoked_at = coalesce(NEW.voided_at, NEW.decided_at)
   WHERE revoked_at IS NULL AND (seat_id = NEW.id OR (NEW.decision = 'REJECT' AND seat_id IN (
         SELECT id FROM approvals_seat WHERE revision_id = NEW.revision_id)));
  RETURN NULL;
END $$;
CREATE TRIGGER approvals_links_end AFTER UPDATE ON approvals_seat
  FOR EACH ROW WHEN ((OLD.decision = '' AND NEW.decision <> '') OR (OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL))
  EXECUTE FUNCTION approvals_links_end();
"""
UNDO = "DROP TRIGGER approvals_links_end ON approvals_seat; DROP FUNCTION approvals_links_end();"


class Migration(migrations.Migration):
    dependencies = [("migrations_portal", "0017_staging_stage")]
    operations = [migrations.RunSQL(LINKS, UNDO)]
