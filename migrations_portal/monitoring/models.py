"""What was measured on a target during a run."""

from django.db import models


class RunSample(models.Model):
    """The target at one instant. Counts only: no query text, which may carry PHI."""

    run = models.ForeignKey(
        "migrations_portal.MigrationRun", on_delete=models.PROTECT, related_name="samples"
    )
    at = models.DateTimeField()
    connections = models.PositiveIntegerField()
    long_queries = models.PositiveIntegerField()
    """Running for more than five minutes."""
    ungranted_locks = models.PositiveIntegerField()
    blocked_sessions = models.PositiveIntegerField()
    longest_blocked_ms = models.PositiveIntegerField()
    blocked_by_us = models.PositiveIntegerField(default=0)
    """Sessions that wait for a session of this run."""

    transactions = models.BigIntegerField(null=True)
    """Committed and rolled back on the target, since its statistics were reset."""
    rollbacks = models.BigIntegerField(null=True)

    class Meta:
        db_table = "monitoring_sample"
        indexes = [models.Index(fields=["run", "at"], name="monitoring_sample_by_run")]

    def __str__(self) -> str:
        return f"sample of run {self.run_id}"
