"""The form of a window or a freeze: wall-clock times of the target."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms

from migrations_portal.windows.models import Period
from migrations_portal.windows.rules import PeriodKind
from migrations_portal.windows.services import PeriodFacts
from migrations_portal.windows.words import WEEKDAYS, Repeat, Repetition, repeat_of

_LOCAL = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
_KEEP = "KEEP"
REPEATS = {
    Repeat.ONCE: "Once",
    Repeat.DAILY: "Every day",
    Repeat.WEEKLY: "Every week, on the days below",
    Repeat.MONTHLY: "Every month, on the same weekday (such as the third Saturday)",
    Repeat.YEARLY: "Every year, on the same date",
}


def _wall(label: str, missing: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        input_formats=_LOCAL,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_LOCAL[0]),
        error_messages={"required": missing, "invalid": "Write a date and a time."},
    )


class PeriodForm(forms.Form):
    """A window or a freeze. An imported rule that this form cannot say is kept as it is."""

    kind = forms.ChoiceField(label="Kind", choices=[(str(k), k.title) for k in PeriodKind])
    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="What people read in the calendar.",
        error_messages={"required": "Give it a name that people will recognise."},
    )
    begins = _wall("Begins", "Say when it begins.")
    ends = _wall("Ends", "Say when it ends.")
    repeats = forms.ChoiceField(label="Repeats", choices=[(str(k), v) for k, v in REPEATS.items()])
    days = forms.MultipleChoiceField(
        label="Days of the week",
        required=False,
        choices=list(WEEKDAYS.items()),
        widget=forms.CheckboxSelectMultiple,
        help_text="For a weekly window; none means the day it begins on.",
    )
    until = forms.DateField(
        label="Until (last day)",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Empty repeats without end.",
    )
    reason = forms.CharField(
        label="Reason", max_length=300, required=False, help_text="Stands in the ledger."
    )

    def __init__(self, *args: Any, row: Period | None = None, **kwargs: Any) -> None:
        """Begin with what is stored."""
        super().__init__(*args, **kwargs)
        self.rule = row.rule if row else ""
        if row is None:
            return
        said = repeat_of(row.rule)
        self.initial = {
            "kind": row.kind,
            "name": row.name,
            "begins": row.starts,
            "ends": row.starts + timedelta(minutes=row.minutes),
            "repeats": str(said.repeat) if said else _KEEP,
            "days": list(said.days) if said else [],
            "until": said.until if said else None,
        }
        if said is None:
            field = self.fields["repeats"]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  # for the type checker
            field.choices = [(_KEEP, "As imported"), *((str(k), v) for k, v in REPEATS.items())]

    def facts(self) -> PeriodFacts:
        """Return what was entered as values."""
        given = self.cleaned_data
        begins, ends = _naive(given["begins"]), _naive(given["ends"])
        until: date | None = given["until"]
        rule = self.rule
        if given["repeats"] != _KEEP:
            rule = Repetition(
                Repeat(given["repeats"]),
                first=begins.date(),
                days=tuple(given["days"]),
                until=until,
            ).rule()
        return PeriodFacts(
            kind=PeriodKind(given["kind"]),
            name=given["name"],
            starts=begins,
            minutes=int((ends - begins).total_seconds() // 60),
            rule=rule,
        )


def _naive(value: datetime) -> datetime:
    """Return what was typed: Django reads it in UTC, we mean the target's wall."""
    return value.replace(tzinfo=None)
