"""Recovery codes hang on the person alone."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_portal', '0024_recovery_codes_of_people'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='recoverycode',
            name='accounts_recovery_code_once',
        ),
        migrations.RemoveField(
            model_name='recoverycode',
            name='factor',
        ),
        migrations.AlterField(
            model_name='recoverycode',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recovery_codes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='recoverycode',
            constraint=models.UniqueConstraint(fields=('person', 'code_hash'), name='accounts_recovery_code_once'),
        ),
    ]
