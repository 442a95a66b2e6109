"""The table of backups."""

from django.db import models


class Backup(models.Model):
    """A dump in the vault, and what was proven of it."""

    run = models.ForeignKey(
        "migrations_portal.MigrationRun", on_delete=models.PROTECT, related_name="backups"
    )
    target = models.ForeignKey(
        "migrations_portal.Target", on_delete=models.PROTECT, related_name="backups"
    )
    purpose = models.CharField(max_length=20)
    bucket = models.CharField(max_length=63)
    key = models.CharField(max_length=300)
    version_id = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    counts = models.JSONField(default=dict)
    """Exact rows per table ("schema.table"), counted in the snapshot of the dump."""
    taken_at = models.DateTimeField()
    retain_until = models.DateTimeField()
    read_back_at = models.DateTimeField(null=True)
    """When every byte was read back from the vault and matched the hash."""
    restored_at = models.DateTimeField(null=True)
    """When a restore drill gave exactly the counted rows."""
    restore_seconds = models.FloatField(null=True)
    """How long that restore took: the real time to recover."""

    class Meta:
        db_table = "backups_backup"
        constraints = [
            models.UniqueConstraint(
                fields=["bucket", "key", "version_id"], name="backups_backup_object_once"
            )
        ]

    def __str__(self) -> str:
        return self.location

    @property
    def location(self) -> str:
        """The address as the audit record gives it."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def proven(self) -> bool:
        """Whether it was read back and restored."""
        return self.read_back_at is not None and self.restored_at is not None
