"""The gallery of components at /-/parts: every part in every state, in development and in the demo only."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from migrations_portal.web.forms.accounts import SecondStepForm

_AT = datetime(2025, 11, 4, 2, 0, tzinfo=UTC)
_ZONE = "America/New_York"
_LEVELS = ("LOW", "MEDIUM", "HIGH", "CRITICAL", "")
_STATUSES = (
    *("DRAFT", "SUBMITTED", "APPROVED", "SCHEDULED", "DUE", "RUNNING", "SUCCEEDED", "FAILED"),
    "KEPT",
    "MARKED",
    *(
        "ROLLED_BACK",
        "NEEDS_DECISION",
        "RESTORING",
        "RECOVERING",
        "RESTORED",
        "REJECTED",
        "WITHDRAWN",
    ),
    *("EXPIRED", "CANCELLED", "OPEN", "ACKNOWLEDGED", "CLOSED", "A_STATE_OF_TOMORROW"),
)
_TONES = ("", "good", "warn", "bad", "worst", "info", "phi")


class _SampleForm(forms.Form):
    title = forms.CharField(label="Title", help_text="What people will call it.")
    reason = forms.CharField(label="Reason", widget=forms.Textarea)
    target = forms.ChoiceField(label="Target", choices=[("p", "production"), ("s", "staging")])
    how = forms.ChoiceField(
        label="How", widget=forms.RadioSelect, choices=[("up", "Up"), ("down", "Down")]
    )
    mine = forms.BooleanField(label="Only mine", help_text="Plans that you wrote.")


def _named(key: str, values: tuple[str, ...], **more: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(value or "none", {key: value, **more}) for value in values]


_STEP = {"title": "Migrate", "key": "g", "seconds": 31, "exit_code": None}
_EMPTY_FORM, _WRONG_FORM = _SampleForm(auto_id="ok_%s"), _SampleForm({}, auto_id="wrong_%s")
_ACTION = {"label": "Sign as database admin…", "url": "#"}
_STATES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "brand": [("", {"url": "#"})],
    "button": [
        ("primary", {"label": "Submit for review", "url": "#", "tone": "primary"}),
        ("plain", {"label": "Save draft", "url": "#"}),
        ("danger", {"label": "Roll back WC-142…", "url": "#", "tone": "danger"}),
        ("blocked: leads to what blocks it", {"label": "Submit", "url": "#", "blocked": True}),
        ("big", {"label": "Sign", "url": "#", "tone": "primary", "big": True}),
    ],
    "chip": [(tone or "none", {"word": "9 passed", "tone": tone, "mark": "✓"}) for tone in _TONES],
    "level_chip": _named("level", _LEVELS),
    "phi_chip": [("touched", {"phi": True}), ("not touched", {"phi": False})],
    "status_chip": _named("status", _STATUSES),
    "severity_chip": _named("severity", ("P0", "P1", "P2", "P3")),
    "mark": _named("tone", ("good", "warn", "bad", "info", "")),
    "time": [
        *_named("style", ("short", "long", "clock", "date"), at=_AT, zone=_ZONE),
        ("UTC", {"at": _AT}),
    ],
    "rail": [
        (
            "done, now, late, to come",
            {
                "stations": [
                    {"label": "T-7 Review", "state": "done", "at": _AT, "zone": _ZONE},
                    {"label": "T-5 Security", "state": "now", "lines": ["Cleo Park is asked"]},
                    {"label": "T-1 Go", "state": "late", "lines": ["2 h late"]},
                    {"label": "T-0 Run", "state": "", "lines": ["3 Nov, 21:00"]},
                ]
            },
        )
    ],
    "who": [
        (
            "signed, your turn, waiting, later, sent back",
            {
                "seats": [
                    {
                        "role_title": "CTO",
                        "state": "ok",
                        "name": "Carla Mendes",
                        "at": _AT,
                        "signature": [("Meaning", "approve as CTO"), ("Reason", "Read it")],
                    },
                    {"role_title": "Database admin", "state": "turn"},
                    {
                        "role_title": "Privacy officer",
                        "state": "waiting",
                        "note": "2 days.",
                        "again_url": "#",
                    },
                    {"role_title": "Executive", "state": "later", "note": "After the others"},
                    {"role_title": "Security officer", "state": "no", "name": "Sam Reed"},
                ]
            },
        )
    ],
    "facts": [
        (
            size,
            {
                "glance": size == "glance",
                "facts": [
                    {"term": "Way back", "value": "Tried on staging, 38 s", "tone": "good"},
                    {"term": "Longest lock", "value": "41 s", "tone": "warn", "detail": "patients"},
                    {"term": "Backup", "value": "None", "tone": "bad"},
                    {"term": "Tables", "value": "patients, consents", "code": True},
                    {"term": "Why", "value": "JIRA-1234", "url": "#"},
                ],
            },
        )
        for size in ("full", "glance")
    ],
    "checks": [
        (
            "each tone",
            {
                "checks": [
                    {"tone": "bad", "title": "No rollback", "action": _ACTION, "detail": "Try it."},
                    {"tone": "warn", "title": "Full scan", "action": {**_ACTION, "plain": True}},
                    {"tone": "good", "title": "Backup proven"},
                    {"tone": "", "title": "Not looked at"},
                ]
            },
        )
    ],
    "steps": [
        (
            "each state",
            {
                "steps": [
                    {**_STEP, "state": "ok", "detail": "412 MB"},
                    {**_STEP, "state": "now", "output": "migrating", "key": "now"},
                    {**_STEP, "state": "failed", "output": "ERROR", "exit_code": 1, "key": "f"},
                    {**_STEP, "state": "skipped", "seconds": None},
                    {**_STEP, "state": "", "seconds": None},
                ]
            },
        )
    ],
    "kpis": [
        (
            "each tone",
            {
                "kpis": [
                    {"label": "Connections", "value": "86", "limit": "of 200", "tone": tone}
                    | {"points": [1, 2, 8, 5], "top": 10}
                    for tone in ("", "good", "warn", "bad")
                ]
            },
        )
    ],
    "diff": [
        (
            "",
            {
                "label": "Schema before and now",
                "lines": [
                    {"number": 1, "kind": "", "text": "CREATE TABLE patients ("},
                    {"number": 2, "kind": "del", "text": "  note text"},
                    {"number": 2, "kind": "add", "text": "  note varchar(80)"},
                ],
            },
        )
    ],
    "log": [
        (
            "",
            {
                "labelled_by": "part-log",
                "left_out": 1284,
                "lines": [
                    {"at": _AT, "text": "BEGIN"},
                    {"at": _AT, "text": "waiting 0.8 s for a lock", "tone": "warn"},
                    {"at": _AT, "text": "ERROR: it exists", "tone": "bad"},
                ],
            },
        )
    ],
    "field": [
        (
            f"{field.name}, {'wrong' if field.errors else 'empty'}",
            {"field": field},
        )
        for form in (_EMPTY_FORM, _WRONG_FORM)
        for field in form
    ],
    "error_summary": [("", {"form": _WRONG_FORM})],
    "proof": [
        ("code", {"by": "code", "id": "again", "required": True}),
        ("passkey", {"by": "passkey", "id": "other", "required": True}),
    ],
    "proof_fields": [("", {"id": "fields", "required": False})],
    "use_passkey": [("", {"because": "Asked again because of high risk."})],
    "fields": [
        (second, {"form": SecondStepForm(second=second, auto_id=f"{second}_%s")})
        for second in ("code", "passkey")
    ],
    "note": [
        (tone, {"tone": tone, "title": f"A {tone} note", "text": "Said once."})
        for tone in ("info", "good", "warn", "bad")
    ],
    "empty": [("", {"title": "No plans yet", "text": "Write one.", "action": _ACTION})],
    "table": [
        (
            "",
            {
                "caption": "Row counts",
                "columns": [{"label": "Table"}, {"label": "Rows", "num": True}],
                "rows": [
                    [{"text": "patients", "code": True}, {"text": "50,000", "num": True}],
                    [{"text": "consents", "tone": "bad"}, {"text": "12", "num": True}],
                ],
            },
        )
    ],
    "pager": [
        (
            "",
            {
                "what": "plans",
                "pager": {"first": 51, "last": 100, "total": 1204}
                | {"previous_url": "#", "next_url": "#"},
            },
        )
    ],
    "copy": [("", {"text": "5be1c0ff…9f31", "what": "hash"})],
    "code": [
        (
            "sql",
            {
                "text": "CREATE INDEX CONCURRENTLY students_grade ON students (grade);",
                "language": "sql",
                "label": "the safe form",
            },
        )
    ],
}


@dataclass(frozen=True)
class State:
    """A component in one state."""

    caption: str
    html: SafeString


@dataclass(frozen=True)
class Part:
    """A component with all its states."""

    name: str
    about: str
    states: tuple[State, ...]


def gallery() -> list[Part]:
    """Return every component that stands by itself, rendered in its states, by name."""
    return [
        Part(
            name=name,
            about=_about(name),
            states=tuple(
                State(caption, mark_safe(render_to_string(f"components/{name}.html", context)))  # noqa: S308 - our own templates
                for caption, context in states
            ),
        )
        for name, states in sorted(_STATES.items())
    ]


def _about(name: str) -> str:
    """Return the comment at the top of a component's file, which names its parameters."""
    engine = engines["django"]
    assert isinstance(engine, DjangoTemplates)  # noqa: S101 - narrows the type; settings name no other
    source = engine.engine.get_template(f"components/{name}.html").source or ""
    found = re.match(r"{% comment %}(.*?){% endcomment %}", str(source), re.DOTALL)
    return found[1].strip() if found else ""


@login_not_required
@require_safe
def parts(request: HttpRequest) -> HttpResponse:
    """Show the gallery; anywhere but in development and in the demo there is no such page."""
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
    return render(request, "parts/index.html", {"parts": gallery()})
