"""Pages about incidents."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.incidents import queries, services
from migrations_portal.incidents.models import Incident
from migrations_portal.incidents.rules import PLAYBOOK, SEVERITIES, TRIGGERS, Severity, Trigger
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.rules import Role
from migrations_portal.web import clock, refusals
from migrations_portal.web.people import signed_in


class FindingForm(forms.Form):
    """What was found and done; asked when an incident is closed."""

    finding = forms.CharField(
        label="What was found, and what was done",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say what was found and done before you close the incident."},
    )


@require_GET
def incident_list(request: HttpRequest) -> HttpResponse:
    """Show the newest incidents, open ones first."""
    now = clock.now()
    rows = list(queries.visible(person=signed_in(request))[:50])
    rows.sort(key=lambda row: row.closed_at is not None)
    return render(
        request, "incidents/list.html", {"incidents": [_row(each, now=now) for each in rows]}
    )


def _status(row: Incident) -> str:
    if row.closed_at:
        return "CLOSED"
    return "ACKNOWLEDGED" if row.acknowledged_at else "OPEN"


def _row(row: Incident, *, now: datetime) -> dict[str, Any]:
    left = round((row.respond_by - now).total_seconds() / 60)
    clock = f"respond within {left} min" if left >= 0 else f"{-left} min late"
    return {
        "number": f"INC-{row.pk}",
        "url": reverse("incident", args=[row.pk]),
        "severity": row.severity,
        "title": row.title,
        "status": _status(row),
        "plan": {"number": row.run.plan.number, "url": reverse("plan", args=[row.run.plan_id])},
        "opened_at": row.opened_at,
        "zone": row.run.target.time_zone,
        "who": row.acknowledged_by.full_name if row.acknowledged_by else "",
        "clock": clock if _status(row) == "OPEN" else "",
    }


@require_GET
def incident(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Show one incident: how bad, by when, whom to call, what to do."""
    row = queries.get(incident_id=incident_id, person=signed_in(request))
    return render(request, "incidents/detail.html", _told(row, now=clock.now(), form=FindingForm()))


def _told(row: Incident, *, now: datetime, form: FindingForm) -> dict[str, Any]:
    facts = SEVERITIES[Severity(row.severity)]
    is_open = row.closed_at is None
    return {
        "incident": {
            "number": f"INC-{row.pk}",
            "severity": row.severity,
            "known_text": TRIGGERS[Trigger(row.trigger)].known,
            "do_first_text": TRIGGERS[Trigger(row.trigger)].do_first,
            "class_text": f"{row.severity} is the class of: {facts.description}. Response: {facts.response.lower()}.",
            "title": row.title,
            "status": _status(row),
            "opened_at": row.opened_at,
            "respond_by": row.respond_by,
            "zone": row.run.target.time_zone,
            "target": row.run.target.name,
            "finding": row.finding,
            "closed_by": row.closed_by.full_name if row.closed_by else "",
            "closed_at": row.closed_at,
        },
        "plan": {"number": row.run.plan.number, "url": reverse("plan", args=[row.run.plan_id])},
        "run": {"number": row.run_id, "url": reverse("run", args=[row.run_id])},
        "clock": _clock(row, now=now),
        "has_it": {"name": row.acknowledged_by.full_name, "at": row.acknowledged_at}
        if row.acknowledged_by
        else None,
        "take": {"url": reverse("incident-take", args=[row.pk])}
        if is_open and not row.acknowledged_at
        else None,
        "contacts": [
            {
                "role_title": Role(each.role).title,
                "name": each.name,
                "phone": each.phone,
                "tel": "".join(sign for sign in each.phone if sign in "+0123456789"),
                "email": each.email,
            }
            for each in queries.contacts(row.run.target)
        ],
        "phases": _phases(row, now=now),
        "timeline": [
            {"at": each.at, "who": each.who, "sentence": each.sentence}
            for each in row.events.order_by("pk")
        ],
        "close": {"url": reverse("incident-close", args=[row.pk]), "form": form}
        if is_open
        else None,
    }


def _clock(row: Incident, *, now: datetime) -> dict[str, str]:
    facts = SEVERITIES[Severity(row.severity)]
    until = row.acknowledged_at or row.closed_at or now
    minutes, seconds = divmod(int((until - row.opened_at).total_seconds()), 60)
    allowed = int(facts.respond_within.total_seconds() // 60)
    late = until > row.respond_by and allowed > 0
    answered = row.acknowledged_at is not None or row.closed_at is not None
    sentence = f"of {allowed}:00 to respond" if allowed else "respond at once"
    return {
        "value": f"{minutes:02}:{seconds:02}",
        "sentence": f"until somebody took it ({facts.response.lower()} allowed)"
        if answered
        else sentence,
        "tone": "bad" if late or (not answered and allowed == 0) else "good",
    }


def _phases(row: Incident, *, now: datetime) -> list[dict[str, Any]]:
    """Return the spec's playbook, which is for P0 alone; the phase whose time it is stands open."""
    if row.severity != Severity.P0:
        return []
    age = now - row.opened_at
    current = next((phase for phase in PLAYBOOK if age <= phase.until), PLAYBOOK[-1])
    return [
        {
            "title": phase.title,
            "state": "now" if phase is current and row.closed_at is None else "",
            "points": [
                {"title": item, "done": False, "by": "", "at": None, "tick_url": None}
                for item in phase.items
            ],
        }
        for phase in PLAYBOOK
    ]


@require_POST
def take(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Say "I have it"."""
    person = signed_in(request)
    queries.get(incident_id=incident_id, person=person)
    try:
        services.acknowledge(incident_id=incident_id, by=person, now=clock.now())
    except Refused as refusal:
        refusals.tell(request, refusal)
    return redirect("incident", incident_id=incident_id)


@require_POST
def close(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Close the incident with a finding."""
    person = signed_in(request)
    row = queries.get(incident_id=incident_id, person=person)
    form = FindingForm(request.POST)
    if not form.is_valid():
        return render(
            request, "incidents/detail.html", _told(row, now=clock.now(), form=form), status=422
        )
    try:
        services.close(
            incident_id=incident_id,
            by=person,
            finding=form.cleaned_data["finding"],
            now=clock.now(),
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    return redirect("incident", incident_id=incident_id)
