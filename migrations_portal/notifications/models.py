"""The outbox."""

from django.db import models
from django.db.models import Q

from migrations_portal.notifications.rules import Channel


class Notice(models.Model):
    """One message to one recipient. Made in the transaction of the change; handed over later, at least once."""

    channel = models.CharField(max_length=8)
    template = models.CharField(max_length=60)
    """Folder below templates/mail, which is also the id of the words."""
    recipient = models.CharField(max_length=254, blank=True)
    context = models.JSONField(default=dict)
    """Plain values for the template: no SQL, no PHI (A11)."""
    dedup_key = models.CharField(max_length=200, unique=True)
    plan_id = models.BigIntegerField(null=True, db_index=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "notifications_notice"
        constraints = [
            models.CheckConstraint(
                condition=Q(channel__in=[str(each) for each in Channel]),
                name="notifications_notice_channel_known",
            ),
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True) | Q(given_up_at__isnull=True),
                name="notifications_notice_one_end",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(delivered_at__isnull=True, given_up_at__isnull=True),
                name="notifications_notice_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.template} to {self.recipient or self.channel}"
