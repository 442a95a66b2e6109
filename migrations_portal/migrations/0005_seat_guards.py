"""A seat is made undecided, and a decided one cannot be taken away."""

from django.db import migrations

GUARDS = """
CREATE FUNCTION approvals_seat_made_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.decision <> '' THEN
    RAISE EXCEPTION 'a seat is made undecided' USING ERRCODE = 'check_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN
    IF OLD.decision <> '' THEN
      RAISE EXCEPTION 'a decided seat stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approvals_seat_made_open BEFORE INSERT OR DELETE ON approvals_seat
  FOR EACH ROW EXECUTE FUNCTION approvals_seat_made_open();
"""
UNDO = "DROP TRIGGER approvals_seat_made_open ON approvals_seat; DROP FUNCTION approvals_seat_made_open();"


class Migration(migrations.Migration):
    dependencies = [("migrations_portal", "0004_two_choices")]
    operations = [migrations.RunSQL(GUARDS, UNDO)]
