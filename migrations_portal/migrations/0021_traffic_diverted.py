from django.db import migrations, models


class Migration(migrations.Migration):
    """Traffic that a run had diverted is known to whoever goes on with it."""

    dependencies = [("migrations_portal", "0020_throttles")]

    operations = [
        migrations.AddField(
            model_name="migrationrun",
            name="traffic_diverted",
            field=models.BooleanField(default=False, db_default=False),
        ),
    ]
