"""Pages about runs: the list, one run live, and the decision of two people."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.execution import deciding, queries
from migrations_portal.execution.rules import Choice
from migrations_portal.kernel.errors import Refused
from migrations_portal.tasks import bells
from migrations_portal.web import clock
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import runs as presenter

PAGE_SIZE = 50


@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """Show the newest runs that the person may see."""
    rows = queries.visible(person=signed_in(request))[:PAGE_SIZE]
    return render(
        request,
        "execution/list.html",
        {"runs": [presenter.row(each) for each in rows], "filtered": False},
    )


@require_GET
@never_cache
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show one run."""
    return _page(request, run_id, template="execution/run.html")


@require_GET
@never_cache
def live(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the moving part of a run by itself."""
    return _page(request, run_id, template="execution/_run_live.html")


def _page(request: HttpRequest, run_id: int, *, template: str) -> HttpResponse:
    person = signed_in(request)
    row = queries.get(run_id=run_id, person=person)
    return render(request, template, presenter.page(row, person=person, now=timezone.now()))


@require_POST
def decide(request: HttpRequest, run_id: int) -> HttpResponse:
    """Record one person's choice; the second of two lets a worker carry it out."""
    person = signed_in(request)
    queries.get(run_id=run_id, person=person)
    given = request.POST.get("choice", "")
    if given not in set(Choice):
        messages.error(request, "Choose one of the options.")
        return redirect("run", run_id=run_id)
    try:
        complete = deciding.decide(
            run_id=run_id,
            choice=Choice(given),
            by=person,
            reason=request.POST.get("reason", ""),
            now=timezone.now(),
            public_url=clock.public_url(),
        )
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        said = (
            "Two people agree; it begins."
            if complete
            else "Your choice is recorded. A second person has to choose the same."
        )
        bells.runs_soon()
        messages.success(request, said)
    return redirect(reverse("run", args=[run_id]))
