"""The form of a decision on a seat."""

from collections.abc import Sequence
from typing import Any

from django import forms

from migrations_portal.approvals.rules import Decision
from migrations_portal.web.forms.accounts import CodeField, PasswordField, offer_passkey


class SignOffForm(forms.Form):
    """A reason in the person's own words, the digest that the page showed, and which button was pressed."""

    reason = forms.CharField(
        label="Your reason",
        help_text="Stands beside your name in the ledger.",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2_000,
        error_messages={"required": "Say in your own words why you decide so."},
    )
    shown = forms.CharField(widget=forms.HiddenInput, required=False, max_length=200)
    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    decision = forms.ChoiceField(
        choices=[(str(each), str(each)) for each in Decision],
        widget=forms.HiddenInput,
        required=True,
        error_messages={"required": "Press one of the two buttons."},
    )


class StepUpSignOffForm(SignOffForm):
    """The same, with the password asked again: `because` names the reasons (A5)."""

    password = PasswordField()

    def __init__(self, *args: Any, because: Sequence[str], asks: str, **more: Any) -> None:
        """Take the reasons why it is asked again, such as "high risk", and how: see `step_up.asks`."""
        super().__init__(*args, **more)
        said = f"Asked again because of {' and '.join(because)}."
        self.fields["password"].help_text = said
        offer_passkey(self, asks=asks, because=said)


class TwoFactorSignOffForm(StepUpSignOffForm):
    """The same, for somebody with a second factor."""

    code = CodeField()
