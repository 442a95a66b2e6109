"""How often somebody tried something, for all web processes (ADR 0013). Unlogged: nothing of it matters after a crash."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_portal', '0019_cleared_outcome'),
    ]

    operations = [
        migrations.CreateModel(
            name='Pace',
            fields=[
                ('key', models.CharField(max_length=120, primary_key=True, serialize=False)),
                ('counted', models.PositiveIntegerField()),
                ('ends_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'db_table': 'accounts_pace',
            },
        ),
        migrations.RunSQL(
            'ALTER TABLE accounts_pace SET UNLOGGED', 'ALTER TABLE accounts_pace SET LOGGED'
        ),
    ]
