"""Pages about what is PHI on a target: anybody with a role reads them, few may change them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.targets import queries, services
from migrations_portal.targets.rules import Tagged
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals
from migrations_portal.web.forms.phi import ClearForm, TagForm
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import phi as presenter


@require_GET
def phi_targets(request: HttpRequest) -> HttpResponse:
    """List the targets whose catalogue the person may read."""
    rows = queries.with_phi_counts(person=signed_in(request))
    told = [presenter.line(row.target, tagged=row.tagged, read_at=row.read_at) for row in rows]
    return render(request, "targets/phi_list.html", {"targets": told})


@require_GET
def phi(request: HttpRequest, target_id: int) -> HttpResponse:
    """Show one target's catalogue of PHI."""
    return _page(request, target_id, form=TagForm())


def _page(
    request: HttpRequest, target_id: int, *, form: TagForm, status: int = 200
) -> HttpResponse:
    person = signed_in(request)
    target = queries.get(target_id=target_id, person=person)
    told = {**presenter.page(target, person=person), "form": form}
    return render(request, "targets/phi.html", told, status=status)


@require_POST
def tag(request: HttpRequest, target_id: int) -> HttpResponse:
    """Tag tables and columns as PHI; what cannot be read comes back as it was written."""
    person = signed_in(request)
    queries.get(target_id=target_id, person=person)
    form = TagForm(request.POST)
    if not form.is_valid():
        return _page(request, target_id, form=form, status=422)
    try:
        new = services.tag(
            target_id=target_id,
            text=form.cleaned_data["names"],
            by=person,
            reason=form.cleaned_data["reason"],
            now=clock.now(),
        )
    except access.NotAllowed:
        raise
    except Refused as refusal:
        form.add_error("names", refusal.sentence)
        return _page(request, target_id, form=form, status=422)
    messages.success(request, f"{len(new)} tagged as PHI. Plans on them may need a new assessment.")
    return redirect("phi", target_id=target_id)


@require_POST
def clear(request: HttpRequest, target_id: int) -> HttpResponse:
    """Say that a tagged table or column holds no PHI."""
    person = signed_in(request)
    queries.get(target_id=target_id, person=person)
    form = ClearForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why it holds no PHI; the reason stands in the ledger.")
        return redirect("phi", target_id=target_id)
    what = Tagged(form.cleaned_data["relation"], form.cleaned_data["column"])
    try:
        services.clear(
            target_id=target_id,
            what=what,
            by=person,
            reason=form.cleaned_data["reason"],
            now=clock.now(),
        )
    except access.NotAllowed:
        raise
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        messages.success(request, f"{what} no longer counts as PHI by itself.")
    return redirect("phi", target_id=target_id)


@require_POST
def read(request: HttpRequest, target_id: int) -> HttpResponse:
    """Ask a worker to read the target's catalogue now."""
    person = signed_in(request)
    target = queries.get(target_id=target_id, person=person)
    access.check_member(person=person, group=target.group)
    bells.catalogue_soon(target_id=target.pk)
    messages.success(request, "A worker reads the catalogue now. Load this page again in a moment.")
    return redirect("phi", target_id=target_id)
