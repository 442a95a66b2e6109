"""The forms with which administrators look after people."""

from typing import Any

from django import forms

from migrations_portal.people.models import Person
from migrations_portal.people.rules import GIVEN_BY_ADMINISTRATORS, Role
from migrations_portal.targets.models import TargetGroup
from migrations_portal.web.forms.accounts import add_proof

Powers = dict[str, tuple[TargetGroup, Role]]


def powers_of(groups: list[TargetGroup]) -> Powers:
    """Return every role that an administrator gives in these groups, by the key that a form posts."""
    return {
        f"{group.pk}:{role}": (group, role)
        for group in groups
        for role in Role
        if role in GIVEN_BY_ADMINISTRATORS
    }


def choices_of(powers: Powers) -> list[tuple[str, str]]:
    """Return them as choices; the group is named where there is more than one."""
    several = len({group.pk for group, _ in powers.values()}) > 1
    return [
        (key, f"{role.title}, {group}" if several else role.title)
        for key, (group, role) in powers.items()
    ]


class ActForm(forms.Form):
    """Why, and, where the portal asks again who somebody is, the password and a code."""

    reason = forms.CharField(
        label="Why",
        max_length=300,
        help_text="Stands in the ledger, and in the mail to those who are concerned.",
        error_messages={"required": "Say why."},
    )

    def __init__(self, *args: Any, asks: str, **more: Any) -> None:
        """Take how the person has to show again who they are: see `step_up.asks`."""
        super().__init__(*args, **more)
        add_proof(self, asks=asks)


class RoleForm(ActForm):
    """One role, given or taken."""

    power = forms.ChoiceField(label="Role", error_messages={"required": "Choose a role."})
    field_order = ["power", "reason"]

    def __init__(self, *args: Any, powers: Powers, **more: Any) -> None:
        """Take the roles that can be chosen."""
        super().__init__(*args, **more)
        self.by_key = powers
        self.fields["power"].choices = choices_of(powers)  # type: ignore[attr-defined]

    def chosen(self) -> tuple[TargetGroup, Role]:
        """Return the group and the role."""
        return self.by_key[self.cleaned_data["power"]]


class InviteForm(ActForm):
    """Somebody new."""

    full_name = forms.CharField(
        label="Name", max_length=120, help_text="As it shall stand beside signatures."
    )
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text="They sign in with it. The link to choose a password goes there.",
    )
    powers = forms.MultipleChoiceField(
        label="Roles",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one role."},
    )
    field_order = ["full_name", "email", "powers", "reason"]

    def __init__(self, *args: Any, powers: Powers, **more: Any) -> None:
        """Take the roles that can be given."""
        super().__init__(*args, **more)
        self.by_key = powers
        self.fields["powers"].choices = choices_of(powers)  # type: ignore[attr-defined]

    def chosen(self) -> list[tuple[TargetGroup, Role]]:
        """Return the groups and roles."""
        return [self.by_key[key] for key in self.cleaned_data["powers"]]

    def clean_email(self) -> str:
        """Return the address, without one that is taken (the service has the last word)."""
        email = str(self.cleaned_data["email"])
        if Person.objects.filter(email__iexact=email).exists():
            raise forms.ValidationError(
                "This address has an account. Find it in the list, and give it the role there."
            )
        return email
