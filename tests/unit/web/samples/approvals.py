"""The sign-off page in its states."""

from typing import Any

from django import forms

from migrations_portal.web.forms.sign_off import TwoFactorSignOffForm
from tests.unit.web.samples.common import ZONE, days_before
from tests.unit.web.samples.plans import PLAN, SEATS


class DecisionForm(forms.Form):
    digest = forms.CharField(widget=forms.HiddenInput, required=False)
    reason = forms.CharField(
        label="Your reason",
        help_text="What you looked at, or what has to change. It is kept in the ledger.",
        widget=forms.Textarea,
        error_messages={"required": "Say why: a decision needs a reason of its own words."},
    )
    password = forms.CharField(
        label="Your password, once more",
        help_text="High and critical plans are signed with a fresh sign-in.",
        widget=forms.PasswordInput,
    )


FACTS = [
    {"term": "Why", "value": "JIRA-1234: the law asks us since when parents consented"},
    {"term": "How risky", "value": "High: fills a column of patients. 1 finding."},
    {
        "term": "How proven",
        "value": "Undone and redone on a copy, 38 s. Verified afterwards by: one query",
        "tone": "good",
        "verdict": "Proven",
    },
    {"term": "How undone", "value": "Drop the columns; consent recorded meanwhile is lost."},
    {"term": "When", "value": "Mon 03 Nov 2025, 21:00 EST, about 45 s, scheduled maintenance"},
    {"term": "Who else", "value": "Signed: Carla Mendes; open: database admin; 4 later"},
]
_BASE: dict[str, Any] = {
    "plan": PLAN,
    "seat": {
        "role_title": "Database admin",
        "stage": "T-7 Review",
        "question": "Sign as database admin?",
        "verb": "Sign as database admin",
        "due_at": days_before(5),
    },
    "meaning": "I have reviewed and approve as database admin",
    "facts": FACTS,
    "seats": SEATS,
    "post_url": "#",
    "signed_in_as": "dan@example.org",
    "home_url": "/",
    "sign_out_url": "#",
}


def sign_off(state: str, **more: Any) -> dict[str, Any]:
    """Return the page's context in one of its states."""
    return _BASE | {"state": state, "form": DecisionForm()} | more


OPEN = sign_off(
    "open",
    changes={"sentences": ["column is now required", "downtime 10 s, now 25 s"], "url": "#"},
)
OPEN_WITH_ERROR = sign_off("open", form=DecisionForm({"reason": ""}))
_SIGNED = {"word": "Signed", "by": "Dan Okafor, database admin", "at": days_before(5), "reason": ""}
DONE = sign_off(
    "done",
    decided=_SIGNED,
    next=["Petra Novak, privacy officer, is asked next.", "T-0 stays 3 Nov, 21:00 EST."],
    next_action={"label": "Next: sign WC-150", "url": "#"},
)
DECIDED = sign_off(
    "decided",
    decided=_SIGNED | {"word": "Sent back", "by": "Petra Novak", "reason": "The DPIA is missing."},
)
NOT_YET = sign_off("not_yet", reason="Security and compliance sign first; you get a mail then.")
WRONG_PERSON = sign_off("wrong_person", meant_for="Petra Novak")
OPEN_BY_PASSKEY = sign_off("open", form=TwoFactorSignOffForm(because=["high risk"], asks="passkey"))
NEEDS_FACTOR = sign_off(
    "needs_factor",
    reason="Signing at this risk takes a passkey, or a code from your phone beside the password.",
    next_action={"label": "Set up a second factor", "url": "#"},
)
NOT_YOURS = sign_off("not_yours", next_action={"label": "My work", "url": "#"})
CLOSED = sign_off("closed", reason="Ana Lopez withdrew WC-142 on 29 Oct.", zone=ZONE)

_DIFF = [
    {"number": 4, "kind": "", "text": "  up: async (q, Sequelize) => {"},
    {"number": 5, "kind": "del", "text": "    allowNull: true,"},
    {"number": 5, "kind": "add", "text": "    allowNull: false,"},
    {"number": None, "kind": "", "text": "…"},
]
CHANGES: dict[str, Any] = {
    "plan": PLAN,
    "signed": True,
    "old": {"number": 3, "at": days_before(7), "by": "Ana Lopez"},
    "new": {"number": 4, "at": days_before(5), "by": "Ana Lopez"},
    "zone": ZONE,
    "action": {"label": "Sign as database admin…", "url": "#"},
    "fields": [
        {"title": "Expected execution time", "before": "10 s", "after": "25 s"},
        {
            "title": "Rollback procedure",
            "before": "Drop the column.",
            "after": "Drop the column; consent recorded meanwhile is lost.",
        },
    ],
    "files": [
        {
            "name": "20251103000000-add-consent.js",
            "word": "changed",
            "lines": _DIFF,
            "added": 1,
            "removed": 1,
        }
    ],
}
_ROW = {
    "words": "Dan Okafor for Sam Weber",
    "role_title": "security officer",
    "group": "School health",
    "starts_at": days_before(3),
    "ends_at": days_before(-4),
    "state": "now",
    "reason": "On leave",
    "end_url": "#",
}


class HandOnForm(forms.Form):
    power = forms.ChoiceField(label="Your role", choices=[("1", "Security officer, School health")])
    to = forms.ChoiceField(label="Deputy", choices=[("2", "Dan Okafor")])
    starts_at = forms.DateTimeField(label="From (UTC)")
    ends_at = forms.DateTimeField(label="Until (UTC)")
    reason = forms.CharField(label="Reason, for the record")


DELEGATIONS: dict[str, Any] = {
    "form": HandOnForm(),
    "rows": [
        _ROW,
        {**_ROW, "state": "later", "end_url": ""},
        {**_ROW, "state": "over", "end_url": ""},
    ],
}
