"""Separation of duties, kept by PostgreSQL itself: whoever writes, and whichever code, these rules hold (A4, A6, A7)."""

from django.db import migrations

from migrations_portal.plans.rules import PLAN_STATES

# The three triggers of seats replace those of 0002 and 0005.
SEATS = """
CREATE OR REPLACE FUNCTION approvals_seat_duties() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  after jsonb := to_jsonb(NEW) - 'voided_at' - 'void_reason' - 'signer_left_at';
  before jsonb := to_jsonb(OLD) - 'voided_at' - 'void_reason' - 'signer_left_at';
BEGIN
  IF OLD.voided_at IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
    RAISE EXCEPTION 'this seat is void' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.decision <> '' AND after IS DISTINCT FROM before THEN
    RAISE EXCEPTION 'this seat is decided already' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.signer_left_at IS NOT NULL AND NEW.signer_left_at IS DISTINCT FROM OLD.signer_left_at THEN
    RAISE EXCEPTION 'the mark on a signature stays' USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.revision_id, NEW.stage, NEW.role, NEW.position)
     IS DISTINCT FROM (OLD.revision_id, OLD.stage, OLD.role, OLD.position) THEN
    RAISE EXCEPTION 'a seat stays what it was laid out as' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.decision = '' AND NEW.decision <> '' THEN
    PERFORM approvals_check_signers(NEW);
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION approvals_check_signers(seat approvals_seat) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  holder integer := coalesce(seat.on_behalf_of_id, seat.decided_by_id);
  plan plans_plan; revision plans_revision; target_group bigint;
BEGIN
  SELECT * INTO revision FROM plans_revision WHERE id = seat.revision_id;
  SELECT * INTO plan FROM plans_plan WHERE id = revision.plan_id;
  SELECT group_id INTO target_group FROM targets_target WHERE id = plan.target_id;
  IF plan.status <> 'SUBMITTED' OR plan.revision <> revision.number OR seat.voided_at IS NOT NULL THEN
    RAISE EXCEPTION 'this revision does not wait for signatures' USING ERRCODE = 'check_violation';
  END IF;
  IF seat.decided_by_id IN (plan.author_id, plan.last_editor_id, plan.executor_id)
     OR seat.on_behalf_of_id IN (plan.author_id, plan.last_editor_id, plan.executor_id) THEN
    RAISE EXCEPTION 'nobody signs a plan of their own' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT 1 FROM approvals_seat s
              WHERE s.revision_id = seat.revision_id AND s.decision <> '' AND s.role <> seat.role
                AND (s.decided_by_id IN (seat.decided_by_id, seat.on_behalf_of_id)
                     OR s.on_behalf_of_id IN (seat.decided_by_id, seat.on_behalf_of_id))) THEN
    RAISE EXCEPTION 'one person acts in one role per revision' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM people_person p WHERE p.id = seat.decided_by_id AND p.is_active)
     OR NOT EXISTS (SELECT 1 FROM people_person p
                      JOIN targets_group_role r ON r.user_id = p.id
                      JOIN auth_permission a ON a.id = r.permission_id
                     WHERE p.id = holder AND p.is_active AND r.content_object_id = target_group
                       AND a.codename = 'act_as_' || lower(seat.role)) THEN
    RAISE EXCEPTION 'only an active holder of the role signs' USING ERRCODE = 'check_violation';
  END IF;
  IF seat.on_behalf_of_id IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM approvals_delegation d
        WHERE d.group_id = target_group AND d.role = seat.role AND d.giver_id = seat.on_behalf_of_id
          AND d.deputy_id = seat.decided_by_id AND d.ended_at IS NULL
          AND d.starts_at <= seat.decided_at AND d.ends_at > seat.decided_at) THEN
    RAISE EXCEPTION 'only a deputy signs for somebody' USING ERRCODE = 'check_violation';
  END IF;
  IF seat.signed_digest <> revision.digest THEN
    RAISE EXCEPTION 'a signature is bound to the digest of its revision' USING ERRCODE = 'check_violation';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION approvals_seat_made_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.decision <> '' THEN
    RAISE EXCEPTION 'a seat is made undecided' USING ERRCODE = 'check_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a seat stays' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
"""

# A plan is approved by its seats, not by an UPDATE; and nobody who signed becomes its author, editor or executor.
PLANS = """
CREATE FUNCTION plans_plan_approved_by_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'APPROVED' AND OLD.status <> 'APPROVED' AND NOT (
       SELECT coalesce(bool_and(s.decision = 'APPROVE'), false)
         FROM approvals_seat s JOIN plans_revision r ON r.id = s.revision_id
        WHERE r.plan_id = NEW.id AND r.number = NEW.revision AND s.voided_at IS NULL) THEN
    RAISE EXCEPTION 'a plan is approved when all its seats are signed' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.author_id <> OLD.author_id AND OLD.revision > 0 THEN
    RAISE EXCEPTION 'a submitted plan keeps its author' USING ERRCODE = 'check_violation';
  END IF;
  IF (NEW.author_id, NEW.last_editor_id, NEW.executor_id)
     IS DISTINCT FROM (OLD.author_id, OLD.last_editor_id, OLD.executor_id) AND EXISTS (
       SELECT 1 FROM approvals_seat s JOIN plans_revision r ON r.id = s.revision_id
        WHERE r.plan_id = NEW.id AND r.number = NEW.revision AND s.voided_at IS NULL AND s.decision <> ''
          AND (s.decided_by_id IN (NEW.author_id, NEW.last_editor_id, NEW.executor_id)
               OR s.on_behalf_of_id IN (NEW.author_id, NEW.last_editor_id, NEW.executor_id))) THEN
    RAISE EXCEPTION 'who signed a plan has no part in it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER plans_plan_approved_by_seats BEFORE UPDATE ON plans_plan
  FOR EACH ROW EXECUTE FUNCTION plans_plan_approved_by_seats();

CREATE FUNCTION plans_revision_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR to_jsonb(NEW) - 'stakeholders_notified_at'
                         IS DISTINCT FROM to_jsonb(OLD) - 'stakeholders_notified_at' THEN
    RAISE EXCEPTION 'a revision is frozen' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER plans_revision_frozen BEFORE UPDATE OR DELETE ON plans_revision
  FOR EACH ROW EXECUTE FUNCTION plans_revision_frozen();

CREATE FUNCTION plans_frozen_file_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a revision is frozen' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER plans_frozen_file_kept BEFORE UPDATE OR DELETE ON plans_frozen_file
  FOR EACH ROW EXECUTE FUNCTION plans_frozen_file_kept();
"""
PLANS_UNDO = """
DROP TRIGGER plans_frozen_file_kept ON plans_frozen_file; DROP FUNCTION plans_frozen_file_kept();
DROP TRIGGER plans_revision_frozen ON plans_revision; DROP FUNCTION plans_revision_frozen();
DROP TRIGGER plans_plan_approved_by_seats ON plans_plan; DROP FUNCTION plans_plan_approved_by_seats();
"""

# What was written of a delegation or an emergency is not rewritten; it is ended, confirmed, reviewed, once.
RECORDS = """
CREATE FUNCTION approvals_delegation_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL OR to_jsonb(NEW) - 'ended_at' IS DISTINCT FROM to_jsonb(OLD) - 'ended_at' THEN
    RAISE EXCEPTION 'a delegation can only be ended' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approvals_delegation_kept BEFORE UPDATE OR DELETE ON approvals_delegation
  FOR EACH ROW EXECUTE FUNCTION approvals_delegation_kept();

CREATE FUNCTION approvals_emergency_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (NEW.revision_id, NEW.reason, NEW.until, NEW.asked_by_id, NEW.asked_at)
       IS DISTINCT FROM (OLD.revision_id, OLD.reason, OLD.until, OLD.asked_by_id, OLD.asked_at)
     OR (OLD.confirmed_by_id IS NOT NULL AND (NEW.confirmed_by_id, NEW.confirmed_at, NEW.review_due_at)
         IS DISTINCT FROM (OLD.confirmed_by_id, OLD.confirmed_at, OLD.review_due_at))
     OR (OLD.reviewed_by_id IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD)) THEN
    RAISE EXCEPTION 'what was written of an emergency stays' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approvals_emergency_kept BEFORE UPDATE OR DELETE ON approvals_emergency
  FOR EACH ROW EXECUTE FUNCTION approvals_emergency_kept();
"""
RECORDS_UNDO = """
DROP TRIGGER approvals_emergency_kept ON approvals_emergency; DROP FUNCTION approvals_emergency_kept();
DROP TRIGGER approvals_delegation_kept ON approvals_delegation; DROP FUNCTION approvals_delegation_kept();
"""

SEATS_UNDO = """
DROP FUNCTION approvals_check_signers(approvals_seat);
CREATE OR REPLACE FUNCTION approvals_seat_duties() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.decision <> '' THEN
    RAISE EXCEPTION 'this seat is decided already' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
"""

# Plans that wait when this is applied get their stages from their seats.
STAGES = """
INSERT INTO approvals_stage (revision_id, position, stage, opens_at, due_at, opened_at, completed_at)
SELECT r.id, s.position, s.stage,
       p.scheduled_for - s.opens * interval '1 day', p.scheduled_for - s.due * interval '1 day',
       CASE WHEN s.stage = 'NOTIFY' THEN r.stakeholders_notified_at ELSE seats.opened END,
       CASE WHEN s.stage = 'NOTIFY' THEN r.stakeholders_notified_at ELSE seats.completed END
  FROM plans_plan p
  JOIN plans_revision r ON r.plan_id = p.id AND r.number = p.revision
 CROSS JOIN (VALUES (0, 'REVIEW', 5, NULL::int), (1, 'SECURITY', 3, NULL), (2, 'NOTIFY', 3, 3), (3, 'GO', 0, 1))
       AS s (position, stage, due, opens)
  LEFT JOIN LATERAL (
       SELECT min(x.opened_at) AS opened,
              CASE WHEN bool_and(x.decision = 'APPROVE') THEN max(x.decided_at) END AS completed
         FROM approvals_seat x WHERE x.revision_id = r.id AND x.stage = s.stage) seats ON true
 WHERE p.status = 'SUBMITTED';
"""

STATES_AGAIN = (
    "DROP TRIGGER plans_plan_status_transitions ON plans_plan; DROP FUNCTION plans_plan_status_transitions();"
    + PLAN_STATES.trigger_sql(table="plans_plan")
)


class Migration(migrations.Migration):
    dependencies = [("migrations_portal", "0011_chain_as_rows")]
    operations = [
        migrations.RunSQL(STATES_AGAIN, migrations.RunSQL.noop),
        migrations.RunSQL(SEATS, SEATS_UNDO),
        migrations.RunSQL(PLANS, PLANS_UNDO),
        migrations.RunSQL(RECORDS, RECORDS_UNDO),
        migrations.RunSQL(STAGES, migrations.RunSQL.noop),
    ]
