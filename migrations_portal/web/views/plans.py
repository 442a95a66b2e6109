"""Pages about plans: the list and one plan."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.approvals import queries as approval_queries
from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.execution import queries as run_queries
from migrations_portal.kernel.errors import Refused
from migrations_portal.kernel.memory import remembered
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries, reassessment
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.rehearsals.services import REHEARSERS
from migrations_portal.targets import queries as target_queries
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals
from migrations_portal.web.forms.plan_filter import PlanFilterForm
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import (
    assessment,
    checklist,
    course,
    next_step,
    not_begun,
    plan_rows,
    staging,
    together,
)
from migrations_portal.web.presenters import plans as presenter
from migrations_portal.web.presenters import rehearsals as rehearsal_presenter
from migrations_portal.web.presenters import seats as seat_presenter
from migrations_portal.web.presenters.backups import recovery
from migrations_portal.web.presenters.compliance import compliance_actions

PAGE_SIZE = 50
NEVER_RUN = frozenset({PlanStatus.DRAFT, PlanStatus.SUBMITTED, PlanStatus.REJECTED})
"""Plans in these states have no run yet, so none is asked for."""


def _may_write(person: Person) -> bool:
    return target_queries.acts_anywhere(person=person, roles=frozenset({Role.ENGINEER}))


@require_GET
def plan_list(request: HttpRequest) -> HttpResponse:
    """Show the newest plans that the person may see."""
    person = signed_in(request)
    wanted = PlanFilterForm(request.GET, targets=target_queries.visible_targets(person=person))
    rows = wanted.narrow(queries.visible(person=person), person=person)
    before = request.GET.get("before", "")
    if before.isdecimal():
        rows = rows.filter(pk__lt=int(before[:18]))
    page = list(rows[: PAGE_SIZE + 1])
    told = {
        "plans": plan_rows.rows(page[:PAGE_SIZE], now=clock.now()),
        "filters": wanted,
        "filtered": wanted.filtered,
        "clear_url": reverse("plans"),
        "pager": _pager(request, page),
        "new_url": reverse("plan-new") if _may_write(person) else "",
    }
    return render(request, "plans/list.html", told)


def _pager(request: HttpRequest, page: list[MigrationPlan]) -> dict[str, Any] | None:
    """Return the way to older plans; pages are found by number, so a later page costs as much as the first."""
    if len(page) <= PAGE_SIZE:
        return None
    last = page[PAGE_SIZE - 1].pk
    query = request.GET.copy()
    query["before"] = str(last)
    return {
        "first": page[0].pk,
        "last": last,
        "total": None,
        "next_url": f"{reverse('plans')}?{query.urlencode()}",
    }


@require_GET
def plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Show one plan."""
    person = signed_in(request)
    row = queries.get(plan_id=plan_id, person=person)
    kept = request.session.pop(f"comment-{plan_id}", "")
    return render(request, "plans/detail.html", _told(row, person=person, kept=kept))


def _told(row: MigrationPlan, *, person: Person, kept: str) -> dict[str, Any]:
    now = clock.now()
    seats = approval_queries.seats_of_plan(row)
    revision = seats[0].revision if seats else queries.newest_revision(row)
    if (
        revision is not None
    ):  # the seats are read already, so what this person signed need not be asked again
        mine = [seat.role for seat in seats if seat.decided_by_id == person.pk]
        remembered(("signed", revision.pk, person.pk), lambda: mine)
    items = checklist.rows_of(row)
    files = list(row.files.order_by("position"))
    assessed = queries.assessment_of(row, files=files)
    level = revision.level if revision else (assessed.level if assessed else "")
    phi = revision.phi if revision else bool(assessed and assessed.phi)
    runs = (
        []
        if row.status in NEVER_RUN
        else list(run_queries.visible(person=person).filter(plan=row, staging=False))
    )
    roles = access.roles_in(person=person, group=row.target.group)
    return {
        "plan": presenter.about(row, revision=revision, level=level, phi=phi)
        | {"status": presenter.shown_status(row, runs=runs)},
        "action": next_step.primary(row, person=person, seats=seats, runs=runs, now=now),
        "actions": compliance_actions(row, phi=phi, person=person),
        "waiting_for": next_step.waiting_for(row, seats=seats, items=items),
        "notes": [
            *not_begun.note(row, runs=runs, now=now),
            *course.notes(row, seats=seats, now=now),
            *_notes(seats),
        ],
        "stations": presenter.stations(row, revision=revision, seats=seats),
        "assessment": assessment.with_controls(
            assessment.shown(assessed),
            plan=row,
            row=assessed,
            revision=revision,
            may=presenter.may_tick(row, person=person, roles=roles),
        ),
        "files": presenter.files(files),
        "rehearsal": rehearsal_presenter.card(
            row,
            revision=revision,
            files=files,
            may_start=bool(roles & REHEARSERS),
            now=clock.now(),
        ),
        "staging": staging.card(row, revision=revision, roles=roles),
        "documentation": presenter.documentation(row),
        "verification": queries.checks_of(row),
        "checklist": checklist.card(row, rows=items),
        "phases": together.phases(row, person=person, roles=roles),
        "comments": together.conversation(row, roles=roles, kept=kept),
        "clone_url": reverse("plan-clone", args=[row.pk])
        if row.status in together.CLONABLE and Role.ENGINEER in roles
        else None,
        "seats": [_seat(seat, person=person) for seat in seats],
        "glance": [*presenter.glance(row, level=level), recovery(row)],
        "runs": presenter.runs(runs),
        "activity": presenter.activity(row),
        "course": course.offers(row, person=person, now=now),
        "changes_url": reverse("plan-changes", args=[row.pk])
        if revision and revision.number > 1
        else "",
    }


def _seat(seat: Seat, *, person: Person) -> dict[str, Any]:
    mine = (
        not seat.decision
        and seat.opened_at is not None
        and approvals.can_decide(seat, by=person, now=clock.now())
    )
    url = {"url": reverse("sign-off", args=[seat.pk]), "url_label": "Sign…"} if mine else {}
    if approvals.can_ask_again(seat, plan=seat.revision.plan, by=person):
        url["again_url"] = reverse("plan-ask-again", args=[seat.revision.plan_id, seat.pk])
    return {**seat_presenter.seat(seat, mine=mine, now=clock.now()), **url}


def _notes(seats: list[Seat]) -> list[dict[str, str]]:
    rejected = [seat for seat in seats if seat.decision == "REJECT"]
    return [
        {
            "tone": "bad",
            "title": f"Sent back by {seat.printed_name}, {Role(seat.role).noun}",
            "text": seat.reason,
        }
        for seat in rejected
    ]


@require_POST
def assess_again(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Ask for a new assessment, because the target or its list of PHI has changed."""
    person = signed_in(request)
    row = queries.get(plan_id=plan_id, person=person)
    try:
        reassessment.assess_again(plan_id=plan_id, by=person, now=clock.now())
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        bells.assess_soon(row)
        messages.success(request, "A worker assesses it now; the result comes by itself.")
    return redirect(f"{reverse('plan', args=[plan_id])}#assessment")
