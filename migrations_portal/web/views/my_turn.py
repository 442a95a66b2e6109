"""What waits for the signed-in person."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.targets import queries as target_queries
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import next_step


@require_GET
def my_turn(request: HttpRequest) -> HttpResponse:
    """Show my duties, soonest first, and my plans that wait for others."""
    person, now = signed_in(request), timezone.now()
    mine = plan_queries.visible(person=person).filter(author=person, closed_at__isnull=True)
    others = [
        {
            "plan_number": plan.number,
            "title": plan.title,
            "status": plan.status,
            "level": "",
            "waiting_for": "",
        }
        for plan in mine
    ]
    engineer = target_queries.visible_targets(
        person=person, roles=frozenset({Role.ENGINEER})
    ).exists()
    new_url = reverse("plan-new") if engineer else ""
    duties = [_duty(seat, now=now) for seat in queries.waiting_for(person=person, now=now)]
    return render(
        request,
        "people/my_turn.html",
        {"duties": duties, "others": others, "next": "", "new_url": new_url},
    )


def _other(plan: MigrationPlan) -> dict[str, Any]:
    seats = queries.seats_of_plan(plan)
    waiting = next_step.waiting_for(plan, seats=seats)
    return {
        "plan_number": plan.number,
        "title": plan.title,
        "url": reverse("plan", args=[plan.pk]),
        "status": plan.status,
        "level": seats[0].revision.level if seats else "",
        "waiting_for": f"{waiting['name']} {waiting['role_title']}".strip() if waiting else "",
    }


def _duty(seat: Seat, *, now: datetime) -> dict[str, Any]:
    plan = seat.revision.plan
    hours = int((now - seat.due_at).total_seconds() // 3600)
    return {
        "plan_number": plan.number,
        "title": plan.title,
        "url": reverse("sign-off", args=[seat.pk]),
        "action_label": "Read and sign",
        "what": f"Sign as {Role(seat.role).noun}",
        "level": seat.revision.level,
        "phi": seat.revision.phi,
        "due_at": seat.due_at,
        "zone": plan.target.time_zone,
        "late": f"{hours} h late" if hours >= 1 else "",
    }
