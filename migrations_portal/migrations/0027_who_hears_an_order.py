from django.db import migrations, models


class Migration(migrations.Migration):
    """A run that was taken from a dead worker says so, and one that is paused says whether it is at rest."""

    dependencies = [("migrations_portal", "0026_outcomes_of_destroyed_data")]

    operations = [
        migrations.AddField(
            model_name="migrationrun",
            name="taken_over_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="migrationrun",
            name="held_at",
            field=models.DateTimeField(null=True),
        ),
    ]
