"""The forms of one's own account."""

from dataclasses import dataclass
from typing import Any

from django import forms

from migrations_portal.accounts.enrolling import LONGEST_NAME

CODE_HELP = "Six digits from your authenticator app, or a recovery code."


PROOF_FIELDS = {"password-wrong": "password", "code-wrong": "code", "code-locked": "code"}
"""Beside which field a refused proof is told; any other is told above the form."""


@dataclass(frozen=True)
class Offer:
    """A passkey that is offered in a form, for components/fields.html."""

    form: forms.Form
    because: str

    @property
    def instead(self) -> str:
        """Say what can be given in its place."""
        return "Password and code instead" if "password" in self.form.fields else "A code instead"

    @property
    def opens(self) -> bool:
        """Whether what can be given in its place stands open: something is wrong with it."""
        return any(getattr(each.field, "proves", False) and each.errors for each in self.form)


def offer_passkey(form: forms.Form, *, asks: str, because: str = "") -> None:
    """Have the form ask for a passkey first, where `asks` says so; password and code stay beside it, and neither has to be filled in.

    `because` is told where the passkey is offered.
    """
    if asks != "passkey":
        return
    form.passkey = Offer(form, because)  # type: ignore[attr-defined]  # for components/fields.html
    for field in form.fields.values():
        if getattr(field, "proves", False):
            field.required = False


class PasswordField(forms.CharField):
    """The password that somebody has."""

    def __init__(self, *, help_text: str = "", proves: bool = True) -> None:
        """Take the help below the label, and whether a passkey may stand in for it."""
        self.proves = proves
        super().__init__(
            label="Your password",
            help_text=help_text,
            strip=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )


class CodeField(forms.CharField):
    """A one-time code."""

    proves = True

    def __init__(self, *, help_text: str = CODE_HELP) -> None:
        """Take the help below the label."""
        super().__init__(
            label="One-time code",
            help_text=help_text,
            max_length=60,
            widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
        )


def add_proof(form: forms.Form, *, asks: str) -> None:
    """Have a form ask again who somebody is: password and code, and a passkey first where there is one. See `step_up.asks`."""
    if asks:
        form.fields["password"] = PasswordField()
        form.fields["code"] = CodeField()
    offer_passkey(form, asks=asks)


class ConfirmForm(forms.Form):
    """The first code of a new factor."""

    code = CodeField(help_text="The six digits that your app shows now.")


class RemoveForm(forms.Form):
    """What it takes to remove one's own factor."""

    password = PasswordField()
    code = CodeField()

    def __init__(self, *args: Any, asks: str = "code", **more: Any) -> None:
        """Take how the person shows again who they are: see `step_up.asks`."""
        super().__init__(*args, **more)
        offer_passkey(self, asks=asks)


class NewPasswordField(forms.CharField):
    """A password that somebody chooses."""

    def __init__(self, *, label: str = "New password", help_text: str = "") -> None:
        """Take the label and the help below it."""
        super().__init__(
            label=label,
            help_text=help_text,
            strip=False,
            max_length=256,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        )


class ChooseForm(forms.Form):
    """A new password, twice; and a code where there is a second factor."""

    new = NewPasswordField(help_text="At least 12 characters; a few words make a good one.")
    again = NewPasswordField(label="The same again")

    def __init__(self, *args: Any, second: str, **more: Any) -> None:
        """Take which second factor is asked for: see `step_up.second`."""
        super().__init__(*args, **more)
        if second:
            self.fields["code"] = CodeField()
        offer_passkey(self, asks=second)

    def clean_again(self) -> str:
        """Refuse two passwords that differ."""
        again = str(self.cleaned_data["again"])
        if again != self.cleaned_data.get("new", again):
            raise forms.ValidationError("The two are not the same. Type them again.")
        return again


class ChangeForm(ChooseForm):
    """The same, with the password that somebody has."""

    old = PasswordField(help_text="The one that you sign in with now.", proves=False)
    field_order = ["old", "new", "again", "code"]


class SecondStepForm(forms.Form):
    """The second step of signing in."""

    code = CodeField()

    def __init__(self, *args: Any, second: str, **more: Any) -> None:
        """Take which second factor is asked for: see `step_up.second`."""
        super().__init__(*args, **more)
        offer_passkey(self, asks=second)


class PasskeyForm(forms.Form):
    """What a new passkey is called, and who says so."""

    name = forms.CharField(
        label="Its name",
        help_text="So that you know it again, such as “Work laptop”.",
        max_length=LONGEST_NAME,
    )
    password = PasswordField()

    def __init__(self, *args: Any, second: str, **more: Any) -> None:
        """Take which second factor is asked for, before there is another one: see `step_up.second`."""
        super().__init__(*args, **more)
        if second:
            self.fields["code"] = CodeField()
        offer_passkey(self, asks=second)


class PasskeyNameForm(forms.Form):
    """Another name for a passkey."""

    name = forms.CharField(label="Its name", max_length=LONGEST_NAME)


class ForgottenForm(forms.Form):
    """Whose password was forgotten."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
