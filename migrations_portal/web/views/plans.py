"""Pages about plans: the list, one plan, ticking its checklist."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.approvals import queries as approval_queries
from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.execution import queries as run_queries
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries, reassessment, services
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.rehearsals.services import REHEARSERS
from migrations_portal.targets import queries as target_queries
from migrations_portal.tasks import bells
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import assessment, course, next_step
from migrations_portal.web.presenters import plans as presenter
from migrations_portal.web.presenters import rehearsals as rehearsal_presenter
from migrations_portal.web.presenters import seats as seat_presenter
from migrations_portal.web.presenters.compliance import compliance_actions

PAGE_SIZE = 50


def _may_write(person: Person) -> bool:
    return target_queries.acts_anywhere(person=person, roles=frozenset({Role.ENGINEER}))


@require_GET
def plan_list(request: HttpRequest) -> HttpResponse:
    """Show the newest plans that the person may see."""
    person = signed_in(request)
    rows = list(queries.visible(person=person)[:PAGE_SIZE])
    revisions = queries.newest_revisions(rows)
    seats = approval_queries.seats_of_plans(rows)
    told = {
        "plans": [
            _row(plan, revision=revisions.get(plan.pk), seats=seats.get(plan.pk, []))
            for plan in rows
        ],
        "filtered": False,
        "new_url": reverse("plan-new") if _may_write(person) else "",
    }
    return render(request, "plans/list.html", told)


def _row(
    plan: MigrationPlan, *, revision: PlanRevision | None, seats: list[Seat]
) -> dict[str, object]:
    waiting = next_step.waiting_for(plan, seats=seats)
    return {
        "number": plan.number,
        "title": plan.title,
        "url": reverse("plan", args=[plan.pk]),
        "level": revision.level if revision else "",
        "phi": bool(revision and revision.phi),
        "status": plan.status,
        "target": plan.target.name,
        "scheduled_for": plan.scheduled_for,
        "zone": plan.target.time_zone,
        "waiting_for": f"{waiting['name']} {waiting['role_title']}".strip() if waiting else "",
        "signed": sum(1 for seat in seats if seat.decision),
        "seats": len(seats),
        "author": plan.author.full_name,
    }


@require_GET
def plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Show one plan."""
    person = signed_in(request)
    row = queries.get(plan_id=plan_id, person=person)
    return render(request, "plans/detail.html", _told(row, person=person))


def _told(row: MigrationPlan, *, person: Person) -> dict[str, Any]:
    now = timezone.now()
    seats = approval_queries.seats_of_plan(row)
    revision = seats[0].revision if seats else queries.newest_revision(row)
    files = list(row.files.order_by("position"))
    assessed = queries.assessment_of(row, files=files)
    level = revision.level if revision else (assessed.level if assessed else "")
    phi = revision.phi if revision else bool(assessed and assessed.phi)
    runs = list(run_queries.visible(person=person).filter(plan=row))
    roles = access.roles_in(person=person, group=row.target.group)
    return {
        "plan": presenter.about(row, revision=revision, level=level, phi=phi),
        "action": next_step.primary(row, person=person, seats=seats, runs=runs, now=now),
        "actions": compliance_actions(row, phi=phi, person=person),
        "waiting_for": next_step.waiting_for(row, seats=seats),
        "notes": [*course.notes(row, seats=seats, now=now), *_notes(seats)],
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
            now=timezone.now(),
        ),
        "documentation": presenter.documentation(row),
        "verification": [vars(each) for each in _checks(row)],
        "checklist": presenter.checklist(
            row, may_tick=presenter.may_tick(row, person=person, roles=roles)
        ),
        "seats": [_seat(seat, person=person) for seat in seats],
        "glance": presenter.glance(row, level=level),
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
        and approvals.can_decide(seat, by=person, now=timezone.now())
    )
    url = {"url": reverse("sign-off", args=[seat.pk]), "url_label": "Sign…"} if mine else {}
    return {**seat_presenter.seat(seat, mine=mine, now=timezone.now()), **url}


def _checks(row: MigrationPlan) -> list[services.Check]:
    return [
        services.Check(name=each.name, sql=each.sql, expected=each.expected)
        for each in row.checks.order_by("position")
    ]


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
def tick(request: HttpRequest, plan_id: int, key: str) -> HttpResponse:
    """Tick a checklist item by hand."""
    person = signed_in(request)
    queries.get(plan_id=plan_id, person=person)
    try:
        services.tick(
            plan_id=plan_id,
            key=key,
            by=person,
            note=request.POST.get("note", ""),
            now=timezone.now(),
        )
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return redirect(reverse("plan", args=[plan_id]) + "#checklist")


@require_POST
def assess_again(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Ask for a new assessment, because the target or its list of PHI has changed."""
    person = signed_in(request)
    row = queries.get(plan_id=plan_id, person=person)
    try:
        reassessment.assess_again(plan_id=plan_id, by=person, now=timezone.now())
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        bells.assess_soon(row)
        messages.success(request, "A worker assesses it now; the result comes by itself.")
    return redirect(f"{reverse('plan', args=[plan_id])}#assessment")
