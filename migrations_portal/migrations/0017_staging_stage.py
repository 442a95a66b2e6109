"""The stage before production: staging partners, runs there, smoke checks; production starts only after them."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# Production starts only when the same revision has succeeded on the target's staging partner. KEPT shows nothing about the plan.
STAGING_FIRST = """
CREATE FUNCTION execution_run_staging_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'RUNNING' AND OLD.status = 'DUE' AND NOT NEW.staging AND EXISTS (
       SELECT 1 FROM targets_target mine
        WHERE mine.id = NEW.target_id AND mine.staging_target_id IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM execution_run before
               WHERE before.revision_id = NEW.revision_id AND before.staging AND before.target_id = mine.staging_target_id
                 AND before.status = 'SUCCEEDED' AND before.outcome IN ('APPLIED', 'MARKED'))) THEN
    RAISE EXCEPTION 'this revision has not succeeded on staging' USING ERRCODE = 'check_violation', CONSTRAINT = 'execution_run_staging_first';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER execution_run_staging_first BEFORE UPDATE ON execution_run FOR EACH ROW EXECUTE FUNCTION execution_run_staging_first();
"""
STAGING_FIRST_UNDO = "DROP TRIGGER execution_run_staging_first ON execution_run; DROP FUNCTION execution_run_staging_first();"


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_portal', '0016_ledger_sorts'),
    ]

    operations = [
        migrations.CreateModel(
            name='PlanSmokeCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('name', models.CharField(max_length=120)),
                ('url', models.CharField(max_length=500)),
                ('status', models.PositiveSmallIntegerField(default=200)),
                ('text', models.CharField(blank=True, max_length=200)),
                ('seconds', models.PositiveSmallIntegerField(default=10)),
            ],
            options={
                'db_table': 'plans_smoke_check',
            },
        ),
        migrations.RemoveConstraint(
            model_name='migrationrun',
            name='execution_run_one_per_revision',
        ),
        migrations.AddField(
            model_name='migrationrun',
            name='staging',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='target',
            name='smoke_addresses',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=300), blank=True, default=list, size=None),
        ),
        migrations.AddField(
            model_name='target',
            name='staging_target',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='migrations_portal.target'),
        ),
        migrations.AddConstraint(
            model_name='migrationrun',
            constraint=models.UniqueConstraint(condition=models.Q(('staging', False), models.Q(('status__in', ['CANCELLED', 'POSTPONED']), _negated=True)), fields=('revision',), name='execution_run_one_per_revision'),
        ),
        migrations.AddConstraint(
            model_name='migrationrun',
            constraint=models.UniqueConstraint(condition=models.Q(('staging', True), ('status__in', ['DUE', 'RUNNING', 'RESTORING', 'RECOVERING', 'NEEDS_DECISION'])), fields=('revision',), name='execution_run_one_staging_at_once'),
        ),
        migrations.AddConstraint(
            model_name='target',
            constraint=models.CheckConstraint(condition=models.Q(('staging_target__isnull', True), models.Q(('staging_target', models.F('id')), _negated=True), _connector='OR'), name='targets_target_staging_is_another'),
        ),
        migrations.AddField(
            model_name='plansmokecheck',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='smoke_checks', to='migrations_portal.migrationplan'),
        ),
        migrations.AddConstraint(
            model_name='plansmokecheck',
            constraint=models.UniqueConstraint(fields=('plan', 'position'), name='plans_smoke_check_position_once'),
        ),
        migrations.RunSQL(STAGING_FIRST, STAGING_FIRST_UNDO),
    ]
