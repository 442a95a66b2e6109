"""Keeping the windows and freezes of a target."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from migrations_portal.kernel.errors import Refused
from migrations_portal.people.access import NotAllowed
from migrations_portal.targets.models import Target
from migrations_portal.web import clock
from migrations_portal.web.forms.windows import PeriodForm
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import windows as presenter
from migrations_portal.web.views.calendar import visible_target
from migrations_portal.windows import ics, queries, services
from migrations_portal.windows.rules import CalendarRefused


@require_GET
def periods(request: HttpRequest, target_id: int) -> HttpResponse:
    """Show the windows and freezes of a target; who keeps them gets the forms."""
    person = signed_in(request)
    target = visible_target(person, target_id)
    return render(request, "windows/periods.html", presenter.periods(target, person=person))


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, target_id: int) -> HttpResponse:
    """Add a window or a freeze."""
    person = signed_in(request)
    target = visible_target(person, target_id)
    if not queries.keeps(person=person, target=target):
        raise NotAllowed("Windows and freezes are kept by database admins and administrators.")
    form = PeriodForm(request.POST or None, initial={"kind": request.GET.get("kind", "")})
    if request.method == "POST" and form.is_valid():
        try:
            row = services.add(target=target, facts=form.facts(), by=person, now=clock.now())
        except Refused as refusal:
            form.add_error(None, refusal.sentence)
        else:
            messages.success(request, f"“{row.name}” is in the calendar.")
            return redirect("periods", target_id=target.pk)
    return _form(request, form, target=target, title=f"New window or freeze for {target.name}")


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, period_id: int) -> HttpResponse:
    """Change a window or a freeze."""
    person = signed_in(request)
    row = queries.get(period_id=period_id, person=person)
    form = PeriodForm(request.POST or None, row=row)
    if request.method == "POST" and form.is_valid():
        try:
            services.change(
                period_id=period_id,
                facts=form.facts(),
                by=person,
                reason=form.cleaned_data["reason"],
            )
        except Refused as refusal:
            form.add_error(None, refusal.sentence)
        else:
            messages.success(
                request, "The calendar is changed. Plans that no longer fit are marked in it."
            )
            return redirect("periods", target_id=row.target_id)
    return _form(request, form, target=row.target, title=f"Change “{row.name}”")


def _form(request: HttpRequest, form: PeriodForm, *, target: Target, title: str) -> HttpResponse:
    told = {
        "form": form,
        "title": title,
        "zone": target.time_zone,
        "target_name": target.name,
        "back_url": reverse("periods", args=[target.pk]),
    }
    return render(
        request,
        "windows/period_form.html",
        told,
        status=422 if form.is_bound and form.errors else 200,
    )


@require_POST
def end(request: HttpRequest, period_id: int) -> HttpResponse:
    """Take a window or a freeze out of the calendar."""
    person = signed_in(request)
    row = services.end(
        period_id=period_id,
        by=person,
        reason=request.POST.get("reason", "")[:300],
        now=clock.now(),
    )
    messages.success(request, f"“{row.name}” is taken out of the calendar.")
    return redirect("periods", target_id=row.target_id)


@require_POST
def import_file(request: HttpRequest, target_id: int) -> HttpResponse:
    """Take in a freeze calendar (.ics)."""
    person = signed_in(request)
    target = visible_target(person, target_id)
    upload = request.FILES.get("calendar")
    problems = ["Choose the .ics file first."]
    if upload is not None:
        try:
            outcome = services.import_freezes(
                target=target,
                events=ics.read_freezes(upload.read(ics.MAX_BYTES + 1), zone=target.zone),
                by=person,
                now=clock.now(),
            )
        except CalendarRefused as refused:
            problems = refused.problems
        else:
            messages.success(request, outcome.sentence)
            return redirect("periods", target_id=target.pk)
    told = presenter.periods(target, person=person) | {"problems": problems}
    return render(request, "windows/periods.html", told, status=422)
