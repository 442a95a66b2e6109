"""The tables of backups and of the copies that are made from them."""

from django.db import models
from django.db.models import Q

from migrations_portal.backups.rules import BackupStatus


class Backup(models.Model):
    """A dump in the vault, and what was proven of it. The row is there before the first byte is."""

    run = models.ForeignKey(
        "migrations_portal.MigrationRun",
        on_delete=models.PROTECT,
        null=True,
        related_name="backups",
    )
    """Empty for a backup that a rehearsal took."""
    target = models.ForeignKey(
        "migrations_portal.Target", on_delete=models.PROTECT, related_name="backups"
    )
    purpose = models.CharField(max_length=20)
    provider = models.CharField(max_length=12, default="dump")
    status = models.CharField(max_length=8, default=str(BackupStatus.STORED))
    problem = models.TextField(blank=True)
    bucket = models.CharField(max_length=63)
    key = models.CharField(max_length=300)
    """Of its only archive, or the folder of its archives."""
    version_id = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    """Of its only archive; of `rules.whole_digest` when it is divided."""
    parts = models.JSONField(default=list)
    """Its archives: name, archive, key, version_id, size, sha256, and the SHA-256 of each uploaded piece."""
    counts = models.JSONField(default=dict)
    """Exact rows per table ("schema.table"), counted in the snapshot of the dump."""
    facts = models.JSONField(default=dict)
    """Snapshot, LSN, versions, compression, what the vault said after the upload, seconds."""
    progress = models.CharField(max_length=200, blank=True)
    held_until = models.DateTimeField(null=True)
    """While it is taken: when its process counts as dead."""
    taken_at = models.DateTimeField()
    retain_until = models.DateTimeField()
    read_back_at = models.DateTimeField(null=True)
    """When every byte was read back from the vault and matched the hash."""
    restored_at = models.DateTimeField(null=True)
    """When a restore drill gave exactly the counted rows."""
    restore_seconds = models.FloatField(null=True)
    """How long that restore took: the real time to recover."""
    drill = models.JSONField(default=dict)
    """Where it was restored, and what was compared there."""

    class Meta:
        db_table = "backups_backup"
        constraints = [
            models.UniqueConstraint(
                fields=["bucket", "key", "version_id"], name="backups_backup_object_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[str(each) for each in BackupStatus]),
                name="backups_backup_status_known",
            ),
        ]

    def __str__(self) -> str:
        return self.location

    @property
    def location(self) -> str:
        """The address as the audit record gives it."""
        return self.key if self.provider != "dump" else f"s3://{self.bucket}/{self.key}"

    @property
    def proven(self) -> bool:
        """Whether it was read back and restored."""
        return self.read_back_at is not None and self.restored_at is not None

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return sum(self.counts.values())


class RestoredCopy(models.Model):
    """A database that the portal made beside a target: PHI, so its making and its dropping are on record (S, HIPAA)."""

    home = models.ForeignKey(
        "migrations_portal.Target", on_delete=models.PROTECT, related_name="copies"
    )
    """The target on whose server it lies."""
    database = models.CharField(max_length=63)
    purpose = models.CharField(max_length=20)
    backup = models.ForeignKey(Backup, on_delete=models.PROTECT, null=True, related_name="copies")
    made_by = models.CharField(max_length=120)
    """What made it, such as "run 7" or "rehearsal 3"."""
    made_at = models.DateTimeField()
    held_until = models.DateTimeField()
    """When the process that made it counts as dead; then the sweep drops it."""
    dropped_at = models.DateTimeField(null=True)
    """When it was gone for sure: dropped, and looked for."""

    class Meta:
        db_table = "backups_copy"
        constraints = [
            models.UniqueConstraint(
                fields=["home", "database"],
                condition=Q(dropped_at__isnull=True),
                name="backups_copy_database_once",
            )
        ]

    def __str__(self) -> str:
        return self.database
