"""The ledger's tables. Entries are made by the database function `audit_append` only; triggers refuse any change."""

from django.db import models
from django.db.models import Q


class Entry(models.Model):
    """One link of the chain. No foreign keys: the ledger outlives what it speaks of.

    The table has one more column, `search`, made by PostgreSQL from the hashed text (migration 0006).
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=40)
    actor = models.CharField(max_length=254)
    plan = models.BigIntegerField(null=True)
    target = models.CharField(max_length=80, blank=True)
    phi = models.BooleanField(default=False)
    result = models.CharField(max_length=40)
    canonical = models.TextField()
    """The exact bytes that were hashed, as text (UTF-8)."""
    prev_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        db_table = "audit_entry"
        default_permissions = ()
        # A page is the next 50 by `seq` that fit: each filter has an index that is read in that order.
        indexes = [
            models.Index(fields=["kind", "seq"], name="audit_entry_kind_seq"),
            models.Index(fields=["actor", "seq"], name="audit_entry_actor_seq"),
            models.Index(fields=["plan", "seq"], name="audit_entry_plan_seq"),
            models.Index(fields=["target", "seq"], name="audit_entry_target_seq"),
            models.Index(fields=["result", "seq"], name="audit_entry_result_seq"),
            models.Index(fields=["seq"], condition=Q(phi=True), name="audit_entry_phi_seq"),
            # For questions by several values at once (see explorer).
            models.Index(
                fields=["target", "kind", "result", "phi", "seq"], name="audit_entry_sort_seq"
            ),
            models.Index(
                fields=["actor", "target", "kind", "result", "phi", "seq"],
                name="audit_entry_actor_sort_seq",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class Checkpoint(models.Model):
    """A signed statement of how the ledger stood (L5). The truth is its copy in the store; this one waits there, and serves."""

    number = models.BigIntegerField(primary_key=True)
    first = models.BigIntegerField()
    """The first entry that it covers; one more than `seq` when it covers none."""
    seq = models.BigIntegerField(db_index=True)
    """The last entry that it covers."""
    at = models.DateTimeField()
    key = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=60)
    content = models.TextField()
    """Payload, signature and the hashes it covers, as one JSON line: the object in the store."""
    stored_at = models.DateTimeField(null=True)
    version_id = models.CharField(max_length=200, blank=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "audit_checkpoint"
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["number"],
                condition=Q(stored_at__isnull=True),
                name="audit_checkpoint_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"checkpoint {self.number}"


class LedgerCheck(models.Model):
    """One check of the chain: asked for, under way, or done."""

    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    whole = models.BooleanField(default=True)
    """From the first entry on, or only what came since the last check that held."""
    claimed_at = models.DateTimeField(null=True)
    rows_done = models.BigIntegerField(default=0)
    rows_total = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    intact = models.BooleanField(null=True)
    last_seq = models.BigIntegerField(default=0)
    first_bad = models.BigIntegerField(null=True)
    harm = models.CharField(max_length=20, blank=True)
    sentence = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "audit_check"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | ~Q(sentence=""),
                name="audit_check_done_says_what",
            )
        ]

    def __str__(self) -> str:
        return f"check {self.pk}"

    @property
    def percent(self) -> int:
        """How much of it is done, 0 to 100."""
        return 100 if self.done_at else min(99, 100 * self.rows_done // max(1, self.rows_total))


class Freeze(models.Model):
    """Runs are held because the ledger does not hold (L8, X15). Only a person lifts it."""

    at = models.DateTimeField()
    cause = models.CharField(max_length=20)
    sentence = models.CharField(max_length=500)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=254, blank=True)
    lift_reason = models.TextField(blank=True)

    class Meta:
        db_table = "audit_freeze"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by="", lift_reason="")
                | (Q(lifted_at__isnull=False) & ~Q(lifted_by="") & ~Q(lift_reason="")),
                name="audit_freeze_lifted_whole",
            ),
            models.UniqueConstraint(
                fields=["cause"],
                condition=Q(lifted_at__isnull=True),
                name="audit_freeze_one_per_cause",
            ),
        ]

    def __str__(self) -> str:
        return self.sentence
