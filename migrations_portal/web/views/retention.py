"""Pages of retention: legal holds, and the wish to dispose of old records, to which a second person has to agree."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.compliance import queries, services
from migrations_portal.compliance.models import Disposal, LegalHold
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.targets.models import TargetGroup
from migrations_portal.web import clock, refusals
from migrations_portal.web.forms.ledger import DisposalForm
from migrations_portal.web.people import signed_in
from migrations_portal.web.views.compliance import groups_of, number


@require_GET
def holds(request: HttpRequest) -> HttpResponse:
    """Show legal holds and wishes to dispose."""
    person = signed_in(request)
    groups = groups_of(person)
    told = {
        "groups": list(groups),
        "form": DisposalForm(),
        "holds": [_hold(row) for row in queries.holds(groups=groups)],
        "disposals": [_disposal(row, person) for row in queries.disposals(groups=groups)],
    }
    return render(request, "compliance/holds.html", told)


def _hold(row: LegalHold) -> dict[str, Any]:
    return {
        "matter": row.matter,
        "group": row.group.name,
        "by": row.set_by.full_name,
        "at": row.set_at,
        "lifted_at": row.lifted_at,
        "lifted_by": row.lifted_by.full_name if row.lifted_by else "",
        "reason": row.lift_reason,
        "url": reverse("compliance-lift", args=[row.pk]),
    }


def _disposal(row: Disposal, person: Person) -> dict[str, Any]:
    return {
        "before": row.before,
        "group": row.group.name,
        "reason": row.reason,
        "by": row.asked_by.full_name,
        "at": row.asked_at,
        "agreed": row.agreed,
        "decided_by": row.decided_by.full_name if row.decided_by else "",
        "mine": row.asked_by_id == person.pk,
        "url": reverse("compliance-disposal", args=[row.pk]),
    }


def _tried(request: HttpRequest, said: str, act: Callable[[], object]) -> HttpResponse:
    try:
        act()
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        messages.success(request, said)
    return redirect("compliance-holds")


@require_POST
def set_hold(request: HttpRequest) -> HttpResponse:
    """Set a legal hold."""
    person = signed_in(request)
    group: TargetGroup = get_object_or_404(groups_of(person), pk=number(request.POST.get("group")))
    matter, now = request.POST.get("matter", ""), clock.now()
    return _tried(
        request,
        "The hold stands.",
        lambda: services.set_hold(group=group, matter=matter, by=person, now=now),
    )


@require_POST
def lift_hold(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Lift a legal hold."""
    person = signed_in(request)
    groups_of(person)
    reason, now = request.POST.get("reason", ""), clock.now()
    return _tried(
        request,
        "The hold is lifted.",
        lambda: services.lift_hold(hold_id=hold_id, reason=reason, by=person, now=now),
    )


@require_POST
def ask_disposal(request: HttpRequest) -> HttpResponse:
    """Ask for disposal."""
    person = signed_in(request)
    group: TargetGroup = get_object_or_404(groups_of(person), pk=number(request.POST.get("group")))
    form, now = DisposalForm(request.POST), clock.now()
    if not form.is_valid():
        messages.error(request, "Give a day and a reason.")
        return redirect("compliance-holds")
    return _tried(
        request,
        "A second person has to agree.",
        lambda: services.ask_disposal(group=group, by=person, now=now, **form.cleaned_data),
    )


@require_POST
def decide_disposal(request: HttpRequest, disposal_id: int) -> HttpResponse:
    """Agree to a disposal, or refuse it."""
    person = signed_in(request)
    groups_of(person)
    agree, now = request.POST.get("agree") == "yes", clock.now()
    return _tried(
        request,
        "Your decision stands in the ledger.",
        lambda: services.decide_disposal(disposal_id=disposal_id, agree=agree, by=person, now=now),
    )
