"""The ledger's walls: an append function that nobody can trick, a trigger against TRUNCATE, words to search for; checkpoints."""

from django.db import migrations, models

APPEND = r"""
CREATE OR REPLACE FUNCTION audit_append(body text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
-- pg_temp comes last, so that no temporary table of the caller's stands in for the ledger.
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  last_seq bigint; last_hash text; last_at timestamptz; this_at timestamptz; line text; digest text;
  said jsonb := body::jsonb;
BEGIN
  IF jsonb_typeof(said) <> 'object' OR body !~ '^{' OR body ~ E'[\\x01-\\x1f]' THEN
    RAISE EXCEPTION 'an entry is one JSON object in canonical form' USING ERRCODE = 'data_exception';
  END IF;
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
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_truncate;
"""
APPEND_UNDO = "DROP TRIGGER audit_entry_no_truncate ON audit_entry;"

# Words of the sentence, the reason and who acted. PostgreSQL makes them from the hashed text, so that they cannot say otherwise.
SEARCH = """
CREATE FUNCTION audit_words(canonical text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple'::regconfig, concat_ws(' ', canonical::jsonb #>> '{body,what}', canonical::jsonb #>> '{body,why}',
                                                  canonical::jsonb #>> '{body,who,name}'));
ALTER TABLE audit_entry ADD COLUMN search tsvector GENERATED ALWAYS AS (audit_words(canonical)) STORED;
CREATE INDEX audit_entry_search ON audit_entry USING gin (search) WITH (fastupdate = off);
"""
SEARCH_UNDO = "ALTER TABLE audit_entry DROP COLUMN search; DROP FUNCTION audit_words(text);"


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_portal', '0005_seat_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='Checkpoint',
            fields=[
                ('number', models.BigIntegerField(primary_key=True, serialize=False)),
                ('first', models.BigIntegerField()),
                ('seq', models.BigIntegerField(db_index=True)),
                ('at', models.DateTimeField()),
                ('key', models.CharField(max_length=64)),
                ('hash', models.CharField(max_length=64, unique=True)),
                ('reason', models.CharField(max_length=60)),
                ('content', models.TextField()),
                ('stored_at', models.DateTimeField(null=True)),
                ('version_id', models.CharField(blank=True, max_length=200)),
                ('problem', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'db_table': 'audit_checkpoint',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Freeze',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('cause', models.CharField(max_length=20)),
                ('sentence', models.CharField(max_length=500)),
                ('lifted_at', models.DateTimeField(null=True)),
                ('lifted_by', models.CharField(blank=True, max_length=254)),
                ('lift_reason', models.TextField(blank=True)),
            ],
            options={
                'db_table': 'audit_freeze',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='LedgerCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_by', models.CharField(max_length=254)),
                ('asked_at', models.DateTimeField()),
                ('whole', models.BooleanField(default=True)),
                ('claimed_at', models.DateTimeField(null=True)),
                ('rows_done', models.BigIntegerField(default=0)),
                ('rows_total', models.BigIntegerField(default=0)),
                ('done_at', models.DateTimeField(null=True)),
                ('intact', models.BooleanField(null=True)),
                ('last_seq', models.BigIntegerField(default=0)),
                ('first_bad', models.BigIntegerField(null=True)),
                ('harm', models.CharField(blank=True, max_length=20)),
                ('sentence', models.CharField(blank=True, max_length=500)),
            ],
            options={
                'db_table': 'audit_check',
                'default_permissions': (),
            },
        ),
        migrations.AlterField(
            model_name='entry',
            name='actor',
            field=models.CharField(max_length=254),
        ),
        migrations.AlterField(
            model_name='entry',
            name='kind',
            field=models.CharField(max_length=40),
        ),
        migrations.AlterField(
            model_name='entry',
            name='plan',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='entry',
            name='target',
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['kind', 'seq'], name='audit_entry_kind_seq'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['actor', 'seq'], name='audit_entry_actor_seq'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['plan', 'seq'], name='audit_entry_plan_seq'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['target', 'seq'], name='audit_entry_target_seq'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['result', 'seq'], name='audit_entry_result_seq'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('phi', True)), fields=['seq'], name='audit_entry_phi_seq'),
        ),
        migrations.AddIndex(
            model_name='checkpoint',
            index=models.Index(condition=models.Q(('stored_at__isnull', True)), fields=['number'], name='audit_checkpoint_waiting'),
        ),
        migrations.AddConstraint(
            model_name='freeze',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('lift_reason', ''), ('lifted_at__isnull', True), ('lifted_by', '')), models.Q(('lifted_at__isnull', False), models.Q(('lifted_by', ''), _negated=True), models.Q(('lift_reason', ''), _negated=True)), _connector='OR'), name='audit_freeze_lifted_whole'),
        ),
        migrations.AddConstraint(
            model_name='freeze',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('cause',), name='audit_freeze_one_per_cause'),
        ),
        migrations.AddConstraint(
            model_name='ledgercheck',
            constraint=models.CheckConstraint(condition=models.Q(('done_at__isnull', True), models.Q(('sentence', ''), _negated=True), _connector='OR'), name='audit_check_done_says_what'),
        ),
        migrations.RunSQL(APPEND, APPEND_UNDO),
        migrations.RunSQL(SEARCH, SEARCH_UNDO),
    ]
