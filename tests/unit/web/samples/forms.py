"""Django forms like those of the product, as far as the templates see them."""

from django import forms

from migrations_portal.web.forms.windows import PeriodForm

LEVELS = [
    ("", "Any"),
    ("LOW", "Low"),
    ("MEDIUM", "Medium"),
    ("HIGH", "High"),
    ("CRITICAL", "Critical"),
]


class PlanFilter(forms.Form):
    q = forms.CharField(label="Title or number", required=False)
    status = forms.ChoiceField(
        label="State", choices=[("", "Any"), ("DRAFT", "Draft")], required=False
    )
    level = forms.ChoiceField(label="Risk", choices=LEVELS, required=False)
    mine = forms.BooleanField(label="Only mine", required=False)


class LedgerFilter(forms.Form):
    person = forms.CharField(label="Who", required=False)
    plan = forms.IntegerField(label="Plan", required=False)
    kind = forms.ChoiceField(label="What", choices=[("", "Anything")], required=False)
    since = forms.DateField(label="From", widget=forms.DateInput({"type": "date"}), required=False)
    until = forms.DateField(label="Until", widget=forms.DateInput({"type": "date"}), required=False)
    phi = forms.BooleanField(label="Only PHI", required=False)


class SignIn(forms.Form):
    username = forms.EmailField(label="Email")
    password = forms.CharField(label="Password", widget=forms.PasswordInput)


class Finding(forms.Form):
    finding = forms.CharField(
        label="What was found, and what was done",
        widget=forms.Textarea,
        error_messages={"required": "Say what was found and done before you close the incident."},
    )


def _text(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, widget=forms.Textarea, required=False)


class PlanForm(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput, initial=3)
    title = forms.CharField(label="Title", error_messages={"required": "Give the plan a title."})
    target = forms.ChoiceField(
        label="Target", choices=[("1", "white_cross_production"), ("2", "staging")]
    )
    scheduled_for = forms.DateTimeField(
        label="Date and time of the run (T-0)",
        help_text="In the target’s time zone, America/New_York. At least 7 days ahead.",
        widget=forms.DateTimeInput({"type": "datetime-local"}),
        required=False,
    )
    upload = forms.FileField(
        label="Migration files",
        help_text="One or more Sequelize files (.js, .cjs) or SQL files, at most 1 MiB each.",
        required=False,
    )
    purpose = _text("Migration purpose and scope", "What it is for, and what it does not touch.")
    tables_affected = _text("Tables and columns affected", "Those that change.")
    expected_seconds = forms.IntegerField(
        label="Expected execution time",
        help_text="In seconds.",
        min_value=1,
        error_messages={"min_value": "Say how many seconds it may take, at least 1."},
        required=False,
    )
    rollback_procedure = _text(
        "Rollback procedure", "How it is undone, and what is lost by undoing it."
    )
    verification_steps = _text(
        "Post-migration verification steps", "How you will know that it worked."
    )
    risk_mitigation = _text(
        "Risk assessment and mitigation", "What may go wrong, and what you do about it."
    )
    communication_plan = _text("Communication plan", "Who is told what, and when.")
    justification = _text("Justification with a ticket", "Why, with its number, such as JIRA-1234.")


class CheckForm(forms.Form):
    name = forms.CharField(label="Name", help_text="What holds when it returns the right value.")
    sql = forms.CharField(label="Query", widget=forms.Textarea, help_text="One SELECT.")
    expected = forms.CharField(label="Must return")


ChecksFormSet = forms.formset_factory(CheckForm, extra=1, can_delete=True)


WINDOW = {
    "form": PeriodForm({"kind": "FREEZE", "name": ""}),
    "title": "New window or freeze for white_cross_production",
    "zone": "America/New_York",
    "target_name": "white_cross_production",
    "back_url": "#",
}
