"""Signing in with a password, slowed down for who guesses."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from migrations_portal.accounts import signing_in


class SignInForm(AuthenticationForm):
    """Django's form; what fails is counted and recorded."""

    too_often = False
    """Whether the try was refused unread."""

    def clean(self) -> dict[str, Any]:
        """Look at the password, unless that was tried too often."""
        given = self.cleaned_data
        if not (given.get("username") and given.get("password")):
            return super().clean()
        ip = str(self.request.META.get("REMOTE_ADDR", "")) if self.request else ""
        who = {"email": given["username"], "ip": ip}
        try:
            signing_in.begin(**who)
        except signing_in.TriedTooOften as refusal:
            self.too_often = True
            raise ValidationError(refusal.sentence) from None
        try:
            found = super().clean()
        except ValidationError:
            signing_in.failed(**who)
            raise
        signing_in.succeeded(**who)
        return found
