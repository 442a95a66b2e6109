"""Windows, freezes and feeds; comments; phases with their gates; checklist items that only proof ticks; postponed runs."""

import django.db.models.deletion
from typing import Any

from django.conf import settings
from django.db import migrations, models

from migrations_portal.execution.rules import RUN_STATES
from migrations_portal.kernel.states import StateTable
from migrations_portal.plans.checklist import TEMPLATE
from migrations_portal.plans.rules import PLAN_STATES

PROVEN_ITEMS = "UPDATE plans_checklist_item SET by_portal = true WHERE done_by_id IS NULL AND (done_at IS NOT NULL OR key IN ({}))".format(
    ", ".join(f"'{item.key}'" for item in TEMPLATE if item.by_portal)
)

# A phase begins only when the one before it succeeded and a person confirmed the deploy between them.
PHASES = """
CREATE FUNCTION plans_plan_phase_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status IS DISTINCT FROM OLD.status AND NEW.status IN ('SUBMITTED', 'RUNNING') AND EXISTS (
       SELECT 1 FROM plans_phase mine
         JOIN plans_phase before ON before.series_id = mine.series_id AND before.position = mine.position - 1
         JOIN plans_plan first ON first.id = before.plan_id
        WHERE mine.plan_id = NEW.id AND (first.status <> 'SUCCEEDED' OR mine.deployed_at IS NULL)) THEN
    RAISE EXCEPTION 'the phase before this one is not complete' USING ERRCODE = 'check_violation', CONSTRAINT = 'plans_plan_phase_gate';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER plans_plan_phase_gate BEFORE UPDATE ON plans_plan FOR EACH ROW EXECUTE FUNCTION plans_plan_phase_gate();
"""
PHASES_UNDO = "DROP TRIGGER plans_plan_phase_gate ON plans_plan; DROP FUNCTION plans_plan_phase_gate();"


def states(table: str, rules: StateTable[Any]) -> str:
    """Return the SQL that makes the table's transition trigger anew."""
    name = f"{table}_status_transitions"
    return f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();" + rules.trigger_sql(table=table)


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_portal', '0014_second_factors'),
    ]

    operations = [
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'windows_feed',
            },
        ),
        migrations.CreateModel(
            name='Comment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('text', models.TextField()),
            ],
            options={
                'db_table': 'plans_comment',
            },
        ),
        migrations.CreateModel(
            name='Period',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=16)),
                ('name', models.CharField(max_length=120)),
                ('first_day', models.DateField()),
                ('first_time', models.TimeField()),
                ('minutes', models.PositiveIntegerField()),
                ('rule', models.CharField(blank=True, max_length=300)),
                ('without', models.JSONField(blank=True, default=list)),
                ('time_zone', models.CharField(max_length=60)),
                ('uid', models.CharField(blank=True, max_length=220)),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'windows_period',
            },
        ),
        migrations.CreateModel(
            name='Phase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('deploy_before', models.CharField(blank=True, max_length=300)),
                ('deployed_at', models.DateTimeField(null=True)),
                ('deployed_note', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'db_table': 'plans_phase',
            },
        ),
        migrations.CreateModel(
            name='Series',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=160)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'plans_series',
            },
        ),
        migrations.RemoveConstraint(
            model_name='migrationrun',
            name='execution_run_status_known',
        ),
        migrations.RemoveConstraint(
            model_name='migrationrun',
            name='execution_run_one_per_revision',
        ),
        migrations.AddField(
            model_name='checklistitem',
            name='by_portal',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='migrationplan',
            name='cloned_from',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='clones', to='migrations_portal.migrationplan'),
        ),
        migrations.AddField(
            model_name='migrationplan',
            name='window_ends_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunSQL(PROVEN_ITEMS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name='checklistitem',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('by_portal', True), ('done_by__isnull', True)), models.Q(('by_portal', False), ('done_at__isnull', True), ('done_by__isnull', True)), models.Q(('by_portal', False), ('done_at__isnull', False), ('done_by__isnull', False), models.Q(('note', ''), _negated=True)), _connector='OR'), name='plans_checklist_proof_or_person'),
        ),
        migrations.AddConstraint(
            model_name='migrationrun',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['DUE', 'RUNNING', 'SUCCEEDED', 'FAILED', 'ROLLED_BACK', 'NEEDS_DECISION', 'RESTORING', 'RECOVERING', 'RESTORED', 'CANCELLED', 'POSTPONED'])), name='execution_run_status_known'),
        ),
        migrations.AddConstraint(
            model_name='migrationrun',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['CANCELLED', 'POSTPONED']), _negated=True), fields=('revision',), name='execution_run_one_per_revision'),
        ),
        migrations.AddField(
            model_name='calendarfeed',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='feeds', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='comment',
            name='author',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='comment',
            name='mentioned',
            field=models.ManyToManyField(related_name='mentions', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='comment',
            name='plan',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='migrations_portal.migrationplan'),
        ),
        migrations.AddField(
            model_name='period',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='period',
            name='ended_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='period',
            name='target',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='periods', to='migrations_portal.target'),
        ),
        migrations.AddField(
            model_name='phase',
            name='deployed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='phase',
            name='plan',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='phase', to='migrations_portal.migrationplan'),
        ),
        migrations.AddField(
            model_name='phase',
            name='series',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='phases', to='migrations_portal.series'),
        ),
        migrations.AddConstraint(
            model_name='calendarfeed',
            constraint=models.UniqueConstraint(condition=models.Q(('revoked_at__isnull', True)), fields=('person',), name='windows_feed_one_per_person'),
        ),
        migrations.AddConstraint(
            model_name='comment',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='plans_comment_says_something'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['BUSINESS_HOURS', 'OFF_PEAK', 'MAINTENANCE', 'DOWNTIME', 'FREEZE'])), name='windows_period_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.CheckConstraint(condition=models.Q(('minutes__gt', 0)), name='windows_period_has_length'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_by__isnull', True)), models.Q(('ended_at__isnull', False), ('ended_by__isnull', False)), _connector='OR'), name='windows_period_ended_whole'),
        ),
        migrations.AddConstraint(
            model_name='period',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('uid', ''), _negated=True), ('ended_at__isnull', True)), fields=('target', 'uid'), name='windows_period_uid_once'),
        ),
        migrations.AddConstraint(
            model_name='phase',
            constraint=models.UniqueConstraint(fields=('series', 'position'), name='plans_phase_position_once'),
        ),
        migrations.AddConstraint(
            model_name='phase',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deploy_before', ''), ('position', 1)), models.Q(('position__gt', 1), models.Q(('deploy_before', ''), _negated=True)), _connector='OR'), name='plans_phase_gate_between'),
        ),
        migrations.AddConstraint(
            model_name='phase',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deployed_at__isnull', True), ('deployed_by__isnull', True)), models.Q(('deployed_at__isnull', False), ('deployed_by__isnull', False), models.Q(('deployed_note', ''), _negated=True)), _connector='OR'), name='plans_phase_deploy_whole'),
        ),
        migrations.RunSQL(PHASES, PHASES_UNDO),
        migrations.RunSQL(states("plans_plan", PLAN_STATES), migrations.RunSQL.noop),
        migrations.RunSQL(states("execution_run", RUN_STATES), migrations.RunSQL.noop),
    ]
