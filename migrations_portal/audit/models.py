"""The ledger's table. Rows are made by the database function `audit_append` only; triggers refuse any change."""

from django.db import models


class Entry(models.Model):
    """One link of the chain. No foreign keys: the ledger outlives what it speaks of."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=40, db_index=True)
    actor = models.CharField(max_length=254, db_index=True)
    plan = models.BigIntegerField(null=True, db_index=True)
    target = models.CharField(max_length=80, blank=True, db_index=True)
    phi = models.BooleanField(default=False)
    result = models.CharField(max_length=40)
    canonical = models.TextField()
    """The exact bytes that were hashed, as text (UTF-8)."""
    prev_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        db_table = "audit_entry"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"
