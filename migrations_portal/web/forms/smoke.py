"""Smoke checks in the form of a draft."""

from typing import Any

from django import forms

from migrations_portal.plans.smoke import LONGEST_SECONDS, MOST_CHECKS, SmokeCheck


class SmokeForm(forms.Form):
    """One GET to the application on staging."""

    name = forms.CharField(label="Name", max_length=120, help_text="What works when it passes.")
    url = forms.CharField(label="Address", max_length=500)
    status = forms.IntegerField(
        label="Must answer", min_value=100, max_value=599, initial=200, help_text="HTTP status."
    )
    text = forms.CharField(
        label="With the text",
        max_length=200,
        required=False,
        help_text="Empty: any answer will do.",
    )
    seconds = forms.IntegerField(
        label="Within seconds", min_value=1, max_value=LONGEST_SECONDS, initial=10
    )


SmokeFormSet = forms.formset_factory(SmokeForm, extra=0, can_delete=True, max_num=MOST_CHECKS)


def filled_smoke(formset: Any) -> list[SmokeCheck] | None:
    """Return the rows that were filled in and not struck out; None when the page had no such rows at all."""
    if not formset.is_bound or formset.prefix + "-TOTAL_FORMS" not in formset.data:
        return None
    return [
        SmokeCheck(**{key: value for key, value in form.cleaned_data.items() if key != "DELETE"})
        for form in formset.forms
        if form.cleaned_data and not form.cleaned_data.get("DELETE")
    ]
