"""The tables of the chain."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from migrations_portal.approvals.rules import SEATED_STAGES, Decision


class Seat(models.Model):
    """One signature that a revision needs. Copied from the policy at submission; a later policy does not touch it."""

    revision = models.ForeignKey(
        "migrations_portal.PlanRevision", on_delete=models.PROTECT, related_name="seats"
    )
    position = models.PositiveSmallIntegerField()
    stage = models.CharField(max_length=10)
    role = models.CharField(max_length=20)
    due_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=8, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    printed_name = models.CharField(max_length=120, blank=True)
    meaning = models.CharField(max_length=120, blank=True)
    factors = models.CharField(max_length=60, blank=True)
    """How the person proved who they are, such as "password"."""
    signed_digest = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "approvals_seat"
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "stage", "role"], name="approvals_seat_once"
            ),
            models.CheckConstraint(
                condition=Q(stage__in=[str(each) for each in SEATED_STAGES]),
                name="approvals_seat_stage_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    decision="", decided_by__isnull=True, decided_at__isnull=True, signed_digest=""
                )
                | (
                    Q(decision__in=[str(each) for each in Decision])
                    & Q(decided_by__isnull=False, decided_at__isnull=False, opened_at__isnull=False)
                    & ~Q(reason="")
                    & ~Q(signed_digest="")
                    & ~Q(printed_name="")
                    & ~Q(meaning="")
                    & ~Q(factors="")
                ),
                name="approvals_seat_decision_whole",
            ),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True) | Q(decided_at__gte=F("opened_at")),
                name="approvals_seat_decided_after_opened",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.role}"


class Invitation(models.Model):
    """A link in a mail that leads one person to one seat. It opens a page and grants nothing (A1, A3)."""

    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, related_name="invitations")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="invitations"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "approvals_invitation"
        constraints = [
            models.UniqueConstraint(fields=["seat", "person"], name="approvals_invitation_once")
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"
