"""The tables of second factors (apps, passkeys, recovery codes), and of how often something was tried."""

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


class Passkey(models.Model):
    """A key that a person's device or security key made for this portal. The portal keeps the public half only."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="passkeys"
    )
    credential_id = models.BinaryField(unique=True)
    public_key = models.BinaryField()
    """In COSE form, as the device gave it."""
    sign_count = models.BigIntegerField(default=0)
    """What the device counted at the last use; always 0 for those that do not count."""
    transports = models.JSONField(default=list)
    """How the browser reaches it, for the next question: "internal", "usb" and so on."""
    name = models.CharField(max_length=60)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "accounts_passkey"

    def __str__(self) -> str:
        return self.name


class PasskeyChallenge(models.Model):
    """A question to a person's passkeys, good once and for a few minutes, for the one act that `bound_to` names by its hash."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    challenge = models.BinaryField(unique=True)
    bound_to = models.CharField(max_length=64)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_passkey_challenge"

    def __str__(self) -> str:
        return f"challenge {self.pk}"


class RecoveryCode(models.Model):
    """A code for the day on which phone and passkeys are lost; only its hash is kept."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="recovery_codes"
    )
    code_hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "accounts_recovery_code"
        constraints = [
            models.UniqueConstraint(
                fields=["person", "code_hash"], name="accounts_recovery_code_once"
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
