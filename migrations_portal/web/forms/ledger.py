"""Forms of the ledger: what to look for, what to export, and the records of compliance."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms

from migrations_portal.audit import queries
from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.audit.rules import EntryKind
from migrations_portal.compliance.rules import ExportForm, Question

ANY = ("", "Any")
PHI = [ANY, ("yes", "Touches PHI"), ("no", "Does not")]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


class DayInput(forms.DateInput):
    """A browser's own date picker."""

    input_type = "date"


class LedgerFilterForm(forms.Form):
    """Every field may stay empty. Days are whole days in UTC, both included."""

    text = forms.CharField(label="Words", required=False, max_length=200)
    person = forms.CharField(label="Person (part of the e-mail)", required=False, max_length=254)
    kind = forms.ChoiceField(label="Kind", required=False)
    target = forms.ChoiceField(label="Target", required=False)
    plan = forms.IntegerField(label="Plan (number)", required=False, min_value=1, max_value=2**53)
    phi = forms.ChoiceField(label="PHI", required=False, choices=PHI)
    result = forms.ChoiceField(label="Result", required=False)
    since = forms.DateField(label="From", required=False, widget=DayInput)
    until = forms.DateField(label="To", required=False, widget=DayInput)

    def __init__(self, *args: Any, targets: list[str], **more: Any) -> None:
        """Offer the targets that the person may read, and the results that stand in the ledger."""
        super().__init__(*args, **more)
        choices = {
            "kind": sorted((str(each), _words(each)) for each in EntryKind),
            "target": [(each, each) for each in targets],
            "result": [(each, _words(each)) for each in queries.distinct("result")],
        }
        for name, offered in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  # as declared above
            field.choices = [ANY, *offered]

    def wanted(self) -> LedgerFilter:
        """Return what was asked for; of a form that does not validate, what does."""
        given = {name: value for name, value in self.cleaned_data.items() if value}
        for name, at in (("since", time.min), ("until", time.max)):
            if name in given:
                given[name] = datetime.combine(given[name], at, tzinfo=UTC)
        if "phi" in given:
            given["phi"] = given["phi"] == "yes"
        return LedgerFilter(**given)


class ExportRequestForm(forms.Form):
    """Which form, and what for."""

    form = forms.ChoiceField(
        label="Form",
        choices=[(str(e), e.title) for e in ExportForm if e is not ExportForm.EVIDENCE],
    )
    purpose = forms.CharField(
        label="What is it for?",
        help_text="Stands in the ledger beside your name.",
        max_length=300,
        error_messages={"required": "Say what the export is for."},
    )


class AnswersForm(forms.Form):
    """The questions of an assessment or a record, each with room for a few sentences."""

    def __init__(self, *args: Any, questions: tuple[Question, ...], **more: Any) -> None:
        """Make one field a question."""
        super().__init__(*args, **more)
        for each in questions:
            self.fields[each.key] = forms.CharField(
                label=each.text,
                help_text=each.hint,
                max_length=5_000,
                widget=forms.Textarea(attrs={"rows": 2}),
                error_messages={"required": "This needs an answer."},
            )


class DocumentForm(forms.Form):
    """One document."""

    document = forms.FileField(
        label="Document",
        help_text="PDF, PNG, DOCX or TXT, up to 5 MiB. No data of people, please: describe, do not copy.",
        allow_empty_file=True,
        error_messages={"required": "Choose a file."},
    )


class AuditorForm(forms.Form):
    """Who audits, and until which day (included)."""

    email = forms.EmailField(label="E-mail", max_length=254)
    name = forms.CharField(label="Name", required=False, max_length=120)
    until = forms.DateField(label="Until", widget=DayInput)


class DisposalForm(forms.Form):
    """Which records, and why."""

    before = forms.DateField(label="Records from before", widget=DayInput)
    reason = forms.CharField(label="Reason", max_length=300)
