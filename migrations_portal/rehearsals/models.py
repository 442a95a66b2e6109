"""The table of rehearsals."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from migrations_portal.rehearsals.rules import Copy, RehearsalStatus


class Rehearsal(models.Model):
    """A plan's files, tried on a copy of the target. Claimed by one conditional UPDATE; begun again when its worker dies."""

    plan = models.ForeignKey(
        "migrations_portal.MigrationPlan", on_delete=models.PROTECT, related_name="rehearsals"
    )
    revision = models.ForeignKey(
        "migrations_portal.PlanRevision",
        on_delete=models.PROTECT,
        null=True,
        related_name="rehearsals",
    )
    """The frozen content that it speaks of; empty for a draft."""
    target = models.ForeignKey(
        "migrations_portal.Target", on_delete=models.PROTECT, related_name="rehearsals"
    )
    files_digest = models.CharField(max_length=64)
    status = models.CharField(max_length=8, default=str(RehearsalStatus.QUEUED), db_index=True)
    requested_at = models.DateTimeField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    """Empty when the portal started it."""
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    claimed_by = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True)
    phase = models.CharField(max_length=80, blank=True)
    """What it does just now, in words."""
    copy = models.CharField(max_length=6, blank=True)
    backup = models.ForeignKey(
        "migrations_portal.Backup", on_delete=models.PROTECT, null=True, related_name="rehearsals"
    )
    finished_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    """Why it could not be carried out, as a sentence."""
    result = models.JSONField(default=dict)
    history = models.JSONField(default=list)
    """The history of the real target when it was rehearsed."""
    newer_migration = models.CharField(max_length=200, blank=True)
    """A migration that came into the target's history since."""

    class Meta:
        db_table = "rehearsals_rehearsal"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[str(each) for each in RehearsalStatus]),
                name="rehearsals_status_known",
            ),
            models.CheckConstraint(
                condition=Q(copy__in=["", *(str(each) for each in Copy)]),
                name="rehearsals_copy_known",
            ),
            models.UniqueConstraint(
                fields=["plan", "files_digest"],
                condition=Q(status__in=["QUEUED", "RUNNING"]),
                name="rehearsals_one_going_on",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["DONE", "FAILED"], finished_at__isnull=False)
                | Q(status__in=["QUEUED", "RUNNING"], finished_at__isnull=True),
                name="rehearsals_finished_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"rehearsal {self.pk}"
