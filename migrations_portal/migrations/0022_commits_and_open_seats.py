"""Who wrote the commit of a plan signs nothing of it; nobody signs a seat that is not open, or by a role that has ended (A4, A6)."""

import django.contrib.postgres.fields
from django.db import migrations, models

# Beside approvals_check_signers of 0012, which asks about the plan, the people and the role.
SEATS = """
CREATE FUNCTION approvals_seat_may_be_decided() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  holder integer := coalesce(NEW.on_behalf_of_id, NEW.decided_by_id);
  plan plans_plan; target_group bigint;
BEGIN
  SELECT p.* INTO plan FROM plans_plan p JOIN plans_revision r ON r.plan_id = p.id WHERE r.id = NEW.revision_id;
  SELECT group_id INTO target_group FROM targets_target WHERE id = plan.target_id;
  IF NEW.opened_at IS NULL OR NOT EXISTS (
       SELECT 1 FROM approvals_stage s
        WHERE s.revision_id = NEW.revision_id AND s.stage = NEW.stage AND s.opened_at IS NOT NULL AND s.completed_at IS NULL) THEN
    RAISE EXCEPTION 'this seat is not open' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (SELECT 1 FROM people_person p
              WHERE p.id IN (NEW.decided_by_id, NEW.on_behalf_of_id) AND lower(p.email) = ANY (plan.commit_authors)) THEN
    RAISE EXCEPTION 'nobody signs a plan whose commit they wrote' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM targets_group_role r JOIN auth_permission a ON a.id = r.permission_id
                  WHERE r.user_id = holder AND r.content_object_id = target_group
                    AND a.codename = 'act_as_' || lower(NEW.role)
                    AND (r.valid_until IS NULL OR r.valid_until > NEW.decided_at)) THEN
    RAISE EXCEPTION 'the role by which this is signed has ended' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER approvals_seat_may_be_decided BEFORE UPDATE ON approvals_seat
  FOR EACH ROW WHEN (OLD.decision = '' AND NEW.decision <> '') EXECUTE FUNCTION approvals_seat_may_be_decided();
"""
SEATS_UNDO = """
DROP TRIGGER approvals_seat_may_be_decided ON approvals_seat; DROP FUNCTION approvals_seat_may_be_decided();
"""

PLANS = """
CREATE FUNCTION plans_plan_commit_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a submitted plan keeps its commit' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER plans_plan_commit_kept BEFORE UPDATE ON plans_plan
  FOR EACH ROW WHEN (OLD.status <> 'DRAFT' AND (NEW.git_commit <> OLD.git_commit OR NEW.commit_authors <> OLD.commit_authors))
  EXECUTE FUNCTION plans_plan_commit_kept();
"""
PLANS_UNDO = "DROP TRIGGER plans_plan_commit_kept ON plans_plan; DROP FUNCTION plans_plan_commit_kept();"


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_portal', '0021_traffic_diverted'),
    ]

    operations = [
        migrations.AddField(
            model_name='migrationplan',
            name='commit_authors',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=254), blank=True, db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='migrationplan',
            name='git_commit',
            field=models.CharField(blank=True, db_default='', max_length=40),
        ),
        migrations.AddConstraint(
            model_name='migrationplan',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('commit_authors', []), ('git_commit', '')), models.Q(('git_commit__regex', '^[0-9a-f]{40}$'), models.Q(('commit_authors', []), _negated=True)), _connector='OR'), name='plans_plan_commit_whole'),
        ),
        migrations.RunSQL(SEATS, SEATS_UNDO),
        migrations.RunSQL(PLANS, PLANS_UNDO),
    ]
