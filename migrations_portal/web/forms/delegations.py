"""The form by which a role is handed on."""

from datetime import datetime, tzinfo
from typing import Any

from django import forms

from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import TargetGroup
from migrations_portal.web.forms.accounts import add_proof

LOCAL = "%Y-%m-%dT%H:%M"


def _moment(label: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        input_formats=[LOCAL, "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL),
        error_messages={"invalid": "This is no date and time.", "required": "Choose a time."},
    )


class DelegationForm(forms.Form):
    """Which role, to whom, from when to when, and why. Times are UTC."""

    power = forms.ChoiceField(
        label="Your role", error_messages={"required": "Choose the role that you hand on."}
    )
    to = forms.ModelChoiceField(
        label="Deputy",
        queryset=Person.objects.none(),
        help_text="Somebody with a signing role for the same targets.",
        error_messages={"required": "Choose who stands in for you."},
    )
    starts_at = _moment("From (UTC)")
    ends_at = _moment("Until (UTC)")
    reason = forms.CharField(
        label="Reason, for the record",
        max_length=300,
        error_messages={"required": "Say why, such as leave."},
    )

    def __init__(
        self,
        *args: Any,
        powers: list[tuple[TargetGroup, Role]],
        people: list[Person],
        asks: str,
        **more: Any,
    ) -> None:
        """Take the roles that the person holds, who could stand in, and how the person shows who they are: see `step_up.asks`."""
        super().__init__(*args, **more)
        add_proof(self, asks=asks)
        self.powers = {f"{group.pk}:{role}": (group, role) for group, role in powers}
        choices = [(key, f"{role.title}, {group}") for key, (group, role) in self.powers.items()]
        self.fields["power"].choices = choices  # type: ignore[attr-defined]
        self.fields["to"].queryset = Person.objects.filter(  # type: ignore[attr-defined]
            pk__in=[each.pk for each in people]
        ).order_by("full_name")

    def chosen(self) -> tuple[TargetGroup, Role]:
        """Return the group and the role that were chosen."""
        return self.powers[self.cleaned_data["power"]]

    def moment(self, name: str, *, zone: tzinfo) -> datetime:
        """Return a time of the form in `zone`."""
        given: datetime = self.cleaned_data[name]
        return given.replace(tzinfo=zone)
