"""The sign-off page in its states."""

from typing import Any

from django import forms

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
    {"term": "Way back", "value": "Tried on staging, 38 s", "tone": "good"},
    {"term": "Backup", "value": "Will be taken and restored before the run", "tone": "good"},
    {"term": "Longest lock", "value": "2.1 s on patients (staging)", "tone": "good"},
    {"term": "Warnings", "value": "1: full table scan, 41 s", "tone": "warn"},
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
NOT_YOURS = sign_off("not_yours", next_action={"label": "My turn", "url": "#"})
CLOSED = sign_off("closed", reason="Ana Lopez withdrew WC-142 on 29 Oct.", zone=ZONE)
