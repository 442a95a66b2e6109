"""The page of auditors: who may read until when."""

from datetime import UTC, datetime, time

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.compliance import auditors
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import LEDGER_READERS, Role
from migrations_portal.targets import queries as target_queries
from migrations_portal.targets.models import TargetGroup
from migrations_portal.web import clock, refusals
from migrations_portal.web.forms.ledger import AuditorForm
from migrations_portal.web.people import signed_in
from migrations_portal.web.views.compliance import number


def _groups(person: Person) -> QuerySet[TargetGroup]:
    """Return the groups whose auditors the person may see; raise `NotAllowed` when there are none."""
    groups = target_queries.groups_of(person=person, roles=auditors.ADMITTERS | LEDGER_READERS)
    if not groups.exists():
        raise access.NotAllowed
    return groups


@require_GET
def auditor_list(request: HttpRequest) -> HttpResponse:
    """Show the auditors of each group, and a form for a new one."""
    groups = list(_groups(signed_in(request)))
    told = {
        "groups": groups,
        "form": AuditorForm(),
        "auditors": [
            {
                "name": person.full_name,
                "email": person.email,
                "group": group.name,
                "until": until.get(person.pk),
                "url": reverse("auditor-dismiss", args=[group.pk, person.pk]),
            }
            for group in groups
            for until in [access.ends(role=Role.AUDITOR, group=group)]
            for person in access.holders(role=Role.AUDITOR, group=group)
        ],
    }
    return render(request, "compliance/auditors.html", told)


@require_POST
def admit(request: HttpRequest) -> HttpResponse:
    """Admit an auditor until the end of a day."""
    person, form = signed_in(request), AuditorForm(request.POST)
    group = get_object_or_404(_groups(person), pk=number(request.POST.get("group")))
    if not form.is_valid():
        messages.error(request, "Give an address and a day.")
        return redirect("auditors")
    given = form.cleaned_data
    try:
        made = auditors.admit(
            group=group,
            email=given["email"],
            name=given["name"],
            until=datetime.combine(given["until"], time.max, tzinfo=UTC),
            by=person,
            now=clock.now(),
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        messages.success(request, f"{made.full_name} may read and export until then.")
    return redirect("auditors")


@require_POST
def dismiss(request: HttpRequest, group_id: int, person_id: int) -> HttpResponse:
    """End an auditor's time now."""
    person = signed_in(request)
    group = get_object_or_404(_groups(person), pk=group_id)
    auditors.dismiss(group=group, person=get_object_or_404(Person, pk=person_id), by=person)
    messages.success(request, "The role is taken away.")
    return redirect("auditors")
