"""Handing one's role on for a time, seeing who stands in for whom, and taking it back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from migrations_portal.approvals import services
from migrations_portal.approvals.models import Delegation
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import SIGNING_ROLES, Role
from migrations_portal.targets import queries as target_queries
from migrations_portal.targets.models import TargetGroup
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals, step_up
from migrations_portal.web.forms.accounts import PROOF_FIELDS
from migrations_portal.web.forms.delegations import DelegationForm
from migrations_portal.web.people import signed_in

SHOWN = 100


@sensitive_post_parameters("password", "code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
def delegations(request: HttpRequest) -> HttpResponse:
    """Show who stands in for whom, and hand a role of one's own on."""
    person, now = signed_in(request), clock.now()
    powers = _powers(person)
    offered: dict[str, Any] = {
        "powers": powers,
        "people": _colleagues(person, powers),
        "asks": step_up.asks(person),
    }
    if request.method != "POST":
        first = {"starts_at": now, "ends_at": now + timedelta(days=7)}
        form = DelegationForm(initial=first, **offered)
        return _page(request, person=person, form=form, now=now)
    form = DelegationForm(request.POST, **offered)
    if not form.is_valid():
        return _page(request, person=person, form=form, now=now, status=422)
    group, role = form.chosen()
    try:
        step_up.prove_if_asked(request, person=person)
        row = services.delegate(
            group=group,
            role=role,
            by=person,
            to=form.cleaned_data["to"],
            starts_at=form.moment("starts_at", zone=UTC),
            ends_at=form.moment("ends_at", zone=UTC),
            reason=form.cleaned_data["reason"],
            now=now,
            public_url=clock.public_url(),
        )
    except Refused as refusal:
        refusals.note(request, refusal)
        form.add_error(PROOF_FIELDS.get(refusal.code), refusal.sentence)
        return _page(request, person=person, form=form, now=now, status=409)
    messages.success(request, f"{row.deputy.full_name} stands in for you; they get a mail.")
    bells.notices_soon()
    return redirect("delegations")


@require_POST
def end(request: HttpRequest, delegation_id: int) -> HttpResponse:
    """Take a role back."""
    try:
        row = services.end_delegation(
            delegation_id=delegation_id, by=signed_in(request), now=clock.now()
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        messages.success(request, f"{row.deputy.full_name} no longer stands in for you.")
    return redirect("delegations")


def _powers(person: Person) -> list[tuple[TargetGroup, Role]]:
    return [
        (group, role)
        for group in target_queries.groups_of(person=person, roles=SIGNING_ROLES)
        for role in sorted(access.roles_in(person=person, group=group) & SIGNING_ROLES)
    ]


def _colleagues(person: Person, powers: list[tuple[TargetGroup, Role]]) -> list[Person]:
    found: dict[int, Person] = {}
    for group in {group for group, _ in powers}:
        for role in SIGNING_ROLES:
            found |= {each.pk: each for each in access.holders(role=role, group=group)}
    found.pop(person.pk, None)
    return list(found.values())


def _page(
    request: HttpRequest, *, person: Person, form: DelegationForm, now: datetime, status: int = 200
) -> HttpResponse:
    groups = target_queries.groups_of(person=person)
    rows = (
        Delegation.objects.filter(Q(group__in=groups) | Q(giver=person) | Q(deputy=person))
        .select_related("giver", "deputy", "group")
        .order_by("-ends_at", "-pk")[:SHOWN]
    )
    told = {
        "form": form if form.powers else None,
        "rows": [_row(each, person=person, now=now) for each in rows],
    }
    return render(request, "approvals/delegations.html", told, status=status)


def _row(row: Delegation, *, person: Person, now: datetime) -> dict[str, Any]:
    over = row.ended_at or (row.ends_at if row.ends_at <= now else None)
    return {
        "words": f"{row.deputy.full_name} for {row.giver.full_name}",
        "role_title": Role(row.role).noun,
        "group": row.group.name,
        "starts_at": row.starts_at,
        "ends_at": row.ended_at or row.ends_at,
        "state": "over" if over else "now" if row.starts_at <= now else "later",
        "reason": row.reason,
        "end_url": reverse("delegation-end", args=[row.pk])
        if row.giver_id == person.pk and not over
        else "",
    }
