from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("migrations_portal", "0018_links_end_with_their_seat"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="migrationrun",
            name="execution_run_outcome_known",
        ),
        migrations.AddConstraint(
            model_name="migrationrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "outcome__in",
                        [
                            "",
                            "APPLIED",
                            "NOTHING_CHANGED",
                            "UNDONE",
                            "PARTIAL",
                            "UNKNOWN",
                            "RESTORED",
                            "KEPT",
                            "MARKED",
                            "CLEARED",
                        ],
                    )
                ),
                name="execution_run_outcome_known",
            ),
        ),
    ]
