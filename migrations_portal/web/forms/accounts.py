"""The forms of one's own account."""

from typing import Any

from django import forms

CODE_HELP = "Six digits from your authenticator app, or a recovery code."


class PasswordField(forms.CharField):
    """The password that somebody has."""

    def __init__(self, *, help_text: str = "") -> None:
        """Take the help below the label."""
        super().__init__(
            label="Your password",
            help_text=help_text,
            strip=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )


class CodeField(forms.CharField):
    """A one-time code."""

    def __init__(self, *, help_text: str = CODE_HELP) -> None:
        """Take the help below the label."""
        super().__init__(
            label="One-time code",
            help_text=help_text,
            max_length=60,
            widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
        )


class ConfirmForm(forms.Form):
    """The first code of a new factor."""

    code = CodeField(help_text="The six digits that your app shows now.")


class RemoveForm(forms.Form):
    """What it takes to remove one's own factor."""

    password = PasswordField()
    code = CodeField()


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

    def __init__(self, *args: Any, has_factor: bool, **more: Any) -> None:
        """Take whether a code is asked for."""
        super().__init__(*args, **more)
        if has_factor:
            self.fields["code"] = CodeField()

    def clean_again(self) -> str:
        """Refuse two passwords that differ."""
        again = str(self.cleaned_data["again"])
        if again != self.cleaned_data.get("new", again):
            raise forms.ValidationError("The two are not the same. Type them again.")
        return again


class ChangeForm(ChooseForm):
    """The same, with the password that somebody has."""

    old = PasswordField(help_text="The one that you sign in with now.")
    field_order = ["old", "new", "again", "code"]


class ForgottenForm(forms.Form):
    """Whose password was forgotten."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
