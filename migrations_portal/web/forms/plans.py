"""The form of a draft: everything may stay empty until the plan is submitted; the services say what is missing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from migrations_portal.plans.commit import HOW_AUTHORS, HOW_COMMIT, CommitRefused, commit
from migrations_portal.plans.rules import (
    DOCUMENTATION_ITEMS,
    Documentation,
    QueryRefused,
    check_query,
)
from migrations_portal.targets.models import Target

LOCAL_TIME = "%Y-%m-%dT%H:%M"


class SeveralFilesInput(forms.ClearableFileInput):
    """A file input that takes several files."""

    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Returns a list of uploaded files."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        """Clean each file by itself. An empty file is let through: the domain says what is wrong with it."""
        given = data if isinstance(data, (list, tuple)) else [data]
        clean_one = super().clean
        return [clean_one(each, initial) for each in given if each]


def _text(name: str, rows: int = 3) -> forms.CharField:
    title, ask = DOCUMENTATION_ITEMS[name]
    return forms.CharField(
        label=title,
        help_text=ask,
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class PlanForm(forms.Form):
    """A draft. The time of the run is given in the time zone of the target."""

    version = forms.IntegerField(widget=forms.HiddenInput, initial=0)
    title = forms.CharField(
        label="Title",
        max_length=160,
        error_messages={"required": "Give the plan a title: say what changes."},
    )
    target = forms.ModelChoiceField(
        label="Target",
        queryset=Target.objects.none(),
        error_messages={"required": "Choose the database."},
    )
    scheduled_for = forms.DateTimeField(
        label="Date and time of the run (T-0)",
        help_text="In the time zone of the target.",
        required=False,
        input_formats=[LOCAL_TIME, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        ),
    )
    upload = SeveralFilesField(
        label="Migration files",
        help_text="Sequelize (.js, .cjs), SQL or Alembic (.py), at most 1 MiB each. A file of the same name is replaced.",
        required=False,
        allow_empty_file=True,
    )
    git_commit = forms.CharField(
        label="Commit that the files come from",
        help_text=f"40 hexadecimal digits: {HOW_COMMIT}. Part of what people sign. May stay empty.",
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    commit_authors = forms.CharField(
        label="Who wrote the commit",
        help_text=f"Their mail addresses: {HOW_AUTHORS}. They are not asked to sign this plan.",
        required=False,
        max_length=6_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    purpose = _text("purpose")
    tables_affected = _text("tables_affected", rows=2)
    expected_seconds = forms.IntegerField(
        label=DOCUMENTATION_ITEMS["expected_seconds"][0],
        help_text="In seconds.",
        required=False,
        min_value=1,
        max_value=86_400,
    )
    rollback_procedure = _text("rollback_procedure")
    verification_steps = _text("verification_steps")
    risk_mitigation = _text("risk_mitigation")
    communication_plan = _text("communication_plan", rows=2)
    justification = _text("justification", rows=2)

    def __init__(self, *args: Any, targets: Any, **kwargs: Any) -> None:
        """Offer the targets on which the person is an engineer."""
        super().__init__(*args, **kwargs)
        field = self.fields["target"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  # for the type checker
        field.queryset = targets
        zones = sorted(set(targets.order_by().values_list("time_zone", flat=True)))
        self.fields["scheduled_for"].help_text = f"On the wall clock of {' or '.join(zones)}."

    def documentation(self) -> Documentation:
        """Return the documentation as values."""
        given = self.cleaned_data
        return Documentation(**{name: given[name] for name in Documentation.__dataclass_fields__})

    def clean(self) -> dict[str, Any]:
        """Refuse a commit that is not whole, beside its field."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            self.commit = commit(
                sha=given.get("git_commit", ""), authors=given.get("commit_authors", "")
            )
        except CommitRefused as refusal:
            self.add_error(refusal.field, refusal.sentence)
        return given

    def t0(self) -> datetime | None:
        """Return T-0 as an instant: what was typed is the clock on the target's wall."""
        typed: datetime | None = self.cleaned_data["scheduled_for"]
        target: Target = self.cleaned_data["target"]
        return typed.replace(tzinfo=target.zone) if typed else None


class CheckForm(forms.Form):
    """A verification query of the plan's own."""

    name = forms.CharField(
        label="Name", max_length=120, help_text="What holds when it returns the right value."
    )
    sql = forms.CharField(
        label="Query",
        help_text="One SELECT that returns one value.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    expected = forms.CharField(label="Must return", max_length=200)

    def clean_sql(self) -> str:
        """Refuse what is not one reading query, beside the field."""
        sql: str = self.cleaned_data["sql"]
        try:
            check_query(name=self.cleaned_data.get("name", ""), sql=sql)
        except QueryRefused as refusal:
            raise forms.ValidationError(refusal.sentence) from refusal
        return sql


ChecksFormSet = forms.formset_factory(CheckForm, extra=0, can_delete=True, max_num=20)


def filled_checks(formset: Any) -> Sequence[dict[str, str]]:
    """Return the rows that were filled in and not struck out."""
    return [
        form.cleaned_data
        for form in formset.forms
        if form.cleaned_data and not form.cleaned_data.get("DELETE")
    ]
