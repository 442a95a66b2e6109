"""The forms of one's own account."""

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


class ResetForm(forms.Form):
    """Why an administrator takes somebody's factor away."""

    reason = forms.CharField(label="Why", max_length=300)
