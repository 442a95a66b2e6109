"""Forms of the PHI catalogue."""

from django import forms


class TagForm(forms.Form):
    """Names of tables and columns, one a line, and why they hold PHI."""

    names = forms.CharField(
        label="Tables and columns that hold PHI",
        help_text="One a line: students, public.students or public.students.email. # begins a comment.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        max_length=100_000,
        error_messages={"required": "Write the names, one a line."},
    )
    reason = forms.CharField(
        label="Why",
        help_text="Stands in the ledger.",
        max_length=300,
        error_messages={"required": "Say why it holds PHI."},
    )


class ClearForm(forms.Form):
    """One tagged table or column, and why it holds no PHI."""

    relation = forms.CharField(max_length=128)
    column = forms.CharField(max_length=63, required=False)
    reason = forms.CharField(
        max_length=300, error_messages={"required": "Say why it holds no PHI."}
    )
