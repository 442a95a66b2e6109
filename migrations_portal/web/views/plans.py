"""Pages about plans."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from migrations_portal.plans import queries
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.web.people import signed_in

PAGE_SIZE = 50


@require_GET
def plan_list(request: HttpRequest) -> HttpResponse:
    """Show the newest plans that the person may see."""
    rows = queries.visible(person=signed_in(request))[:PAGE_SIZE]
    return render(
        request, "plans/list.html", {"plans": [_row(plan) for plan in rows], "filtered": False}
    )


def _row(plan: MigrationPlan) -> dict[str, object]:
    revision = queries.newest_revision(plan)
    return {
        "number": plan.number,
        "title": plan.title,
        "url": "",
        "level": revision.level if revision else "",
        "phi": bool(revision and revision.phi),
        "status": plan.status,
        "target": plan.target.name,
        "scheduled_for": plan.scheduled_for,
        "zone": plan.target.time_zone,
        "author": plan.author.full_name,
    }
