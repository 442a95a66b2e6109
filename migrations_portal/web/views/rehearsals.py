"""Pages about proof: rehearsals and backups."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.backups import queries as backup_queries
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.rehearsals import queries, services
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.rehearsals.rules import RehearsalStatus
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import backups as backup_presenter
from migrations_portal.web.presenters import rehearsals as presenter

PAGE_SIZE = 50
STOP_POLLING = 286
"""htmx ends its polling at this status."""


def may_start(plan: MigrationPlan, *, person: Person) -> bool:
    """Say whether the person may start a rehearsal of this plan by hand."""
    return bool(access.roles_in(person=person, group=plan.target.group) & services.REHEARSERS)


@require_GET
@never_cache
def rehearsal(request: HttpRequest, rehearsal_id: int) -> HttpResponse:
    """Show one rehearsal."""
    return render(request, "rehearsals/rehearsal.html", _told(request, rehearsal_id)[1])


@require_GET
@never_cache
def live(request: HttpRequest, rehearsal_id: int) -> HttpResponse:
    """Say what a rehearsal does just now; load the page again when it is over."""
    row, told = _told(request, rehearsal_id)
    answer = render(request, "rehearsals/_live.html", told)
    if row.status in {RehearsalStatus.DONE, RehearsalStatus.FAILED}:
        answer["HX-Refresh"] = "true"
    return answer


def _told(request: HttpRequest, rehearsal_id: int) -> tuple[Rehearsal, dict[str, object]]:
    person = signed_in(request)
    row = queries.get(rehearsal_id=rehearsal_id, person=person)
    allowed = may_start(row.plan, person=person)
    return row, presenter.page(row, now=clock.now(), may_start=allowed)


@require_POST
def rehearse(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Start a rehearsal of a plan's files as they are now."""
    person = signed_in(request)
    plan = plan_queries.get(plan_id=plan_id, person=person)
    try:
        row = services.ask(
            plan=plan,
            revision=plan_queries.newest_revision(plan),
            by=person,
            now=clock.now(),
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
        return redirect(reverse("plan", args=[plan_id]) + "#rehearsal")
    bells.rehearse_soon(row)
    return redirect("rehearsal", rehearsal_id=row.pk)


@require_GET
def backup_list(request: HttpRequest) -> HttpResponse:
    """Show the newest backups that the person may see."""
    rows = backup_queries.visible(person=signed_in(request))[:PAGE_SIZE]
    return render(
        request, "backups/list.html", {"backups": [backup_presenter.row(each) for each in rows]}
    )


@require_GET
def backup(request: HttpRequest, backup_id: int) -> HttpResponse:
    """Show what was proven of one backup."""
    found = backup_queries.get(backup_id=backup_id, person=signed_in(request))
    return render(request, "backups/backup.html", backup_presenter.page(found))
