"""The filters of the list of plans. What makes no sense filters nothing."""

import re
from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from migrations_portal.people.models import Person
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.targets.models import Target

_NUMBER = re.compile(r"(?:WC-)?(\d{1,12})", re.IGNORECASE)


class PlanFilterForm(forms.Form):
    """Title or number, state, target, and only mine; sent by GET."""

    q = forms.CharField(label="Title or number", required=False, max_length=160)
    status = forms.ChoiceField(
        label="State",
        required=False,
        choices=[("", "Any"), *((str(s), s.replace("_", " ").capitalize()) for s in PlanStatus)],
    )
    target = forms.ModelChoiceField(
        label="Target", required=False, queryset=Target.objects.none(), empty_label="Any"
    )
    mine = forms.BooleanField(label="Only mine", required=False)

    def __init__(self, *args: Any, targets: QuerySet[Target], **kwargs: Any) -> None:
        """Offer the targets that the person may see."""
        super().__init__(*args, **kwargs)
        field = self.fields["target"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  # for the type checker
        field.queryset = targets

    @property
    def filtered(self) -> bool:
        """Whether any filter is on."""
        return self.is_valid() and any(self.cleaned_data.values())

    def narrow(self, rows: QuerySet[MigrationPlan], *, person: Person) -> QuerySet[MigrationPlan]:
        """Return the plans that the filters ask for; all of them when the filters make no sense."""
        if not self.is_valid():
            return rows
        given = self.cleaned_data
        if given["q"]:
            number = _NUMBER.fullmatch(given["q"].strip())
            rows = rows.filter(
                Q(pk=int(number[1])) if number else Q(title__icontains=given["q"].strip())
            )
        if given["status"]:
            rows = rows.filter(status=given["status"])
        if given["target"]:
            rows = rows.filter(target=given["target"])
        return rows.filter(author=person) if given["mine"] else rows
