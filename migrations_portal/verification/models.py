"""What the checks found on a run."""

from django.db import models


class VerificationResult(models.Model):
    """One check on one run. Never holds row values, only names and counts."""

    run = models.ForeignKey(
        "migrations_portal.MigrationRun", on_delete=models.PROTECT, related_name="verification"
    )
    phase = models.CharField(max_length=12)
    """"after" the migration, after the "rollback", or after the "restore"."""
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=60)
    title = models.CharField(max_length=160)
    passed = models.BooleanField()
    severity = models.CharField(max_length=8)
    sentence = models.TextField()
    facts = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        db_table = "verification_result"
        constraints = [
            models.UniqueConstraint(
                fields=["run", "phase", "position"], name="verification_result_position_once"
            )
        ]

    def __str__(self) -> str:
        return self.title
