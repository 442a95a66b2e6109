"""The tables of second factors, and of how often something was tried."""

from django.conf import settings
from django.db import models


class SecondFactor(models.Model):
    """An authenticator app that a person showed to hold. Without `confirmed_at` it counts for nothing."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="second_factor"
    )
    sealed_secret = models.TextField()
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)
    """The step of the last code used; that one and older ones are refused."""
    wrong_codes = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "accounts_second_factor"

    def __str__(self) -> str:
        return f"second factor {self.pk}"


class RecoveryCode(models.Model):
    """A code for the day on which the phone is lost; only its hash is kept."""

    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="codes")
    code_hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "accounts_recovery_code"
        constraints = [
            models.UniqueConstraint(
                fields=["factor", "code_hash"], name="accounts_recovery_code_once"
            )
        ]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class Pace(models.Model):
    """How often somebody tried something since the first try of this stretch of time. Unlogged; see `accounts.pace`."""

    key = models.CharField(max_length=120, primary_key=True)
    """What, and the hash of who."""
    counted = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)
    """When the counting begins anew, by the database's clock."""

    class Meta:
        db_table = "accounts_pace"

    def __str__(self) -> str:
        return f"pace {self.key}"
