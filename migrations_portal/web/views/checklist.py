"""The checklist of a plan: read, ticked, and taken away as Markdown."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.approvals import services as approvals
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.plans import checklist_markdown, queries, services
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import checklist as presenter
from migrations_portal.web.presenters import plans as plan_presenter


@require_GET
def checklist(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Show the four lists of the spec."""
    person = signed_in(request)
    plan = queries.get(plan_id=plan_id, person=person)
    rows = presenter.rows_of(plan)
    roles = access.roles_in(person=person, group=plan.target.group)
    may_tick = plan_presenter.may_tick(plan, person=person, roles=roles)
    lists = presenter.lists(plan, rows=rows, may_tick=may_tick)
    told = {
        "plan": {
            "number": plan.number,
            "title": plan.title,
            "status": plan.status,
            "zone": plan.target.time_zone,
            "url": reverse("plan", args=[plan.pk]),
        },
        "checklist": lists,
        "next": next((i for each in lists for i in each["items"] if i["tick_url"]), None),
        "gates": presenter.card(plan, rows=rows)["gates"],
        "export_url": reverse("plan-checklist-export", args=[plan.pk]),
    }
    return render(request, "plans/checklist.html", told)


@require_GET
def export(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Download the spec's template, filled in."""
    plan = queries.get(plan_id=plan_id, person=signed_in(request))
    sheet = presenter.sheet(plan, rows=presenter.rows_of(plan), public_url=clock.public_url())
    return HttpResponse(
        checklist_markdown.written(sheet),
        content_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="checklist-{plan.number}.md"'},
    )


def go_on(plan_id: int) -> None:
    """Let the chain go on when the gate that was waited for is open now."""
    approvals.go_on(
        plan_id=plan_id, now=clock.now(), day=clock.day(), public_url=clock.public_url()
    )
    bells.notices_soon()
    bells.runs_soon()


@require_POST
def tick(request: HttpRequest, plan_id: int, key: str) -> HttpResponse:
    """Tick an item by hand."""
    person = signed_in(request)
    queries.get(plan_id=plan_id, person=person)
    try:
        services.tick(
            plan_id=plan_id,
            key=key,
            by=person,
            note=request.POST.get("note", ""),
            now=clock.now(),
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        go_on(plan_id)
    return redirect(reverse("plan-checklist", args=[plan_id]) + f"#{key}")
