"""What waits for the signed-in person."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries as plan_queries
from migrations_portal.web.people import signed_in


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
    duties = [_duty(seat, now=now) for seat in queries.waiting_for(person=person)]
    return render(request, "people/my_turn.html", {"duties": duties, "others": others, "next": ""})


def _duty(seat: Seat, *, now: datetime) -> dict[str, Any]:
    plan = seat.revision.plan
    hours = int((now - seat.due_at).total_seconds() // 3600)
    return {
        "plan_number": plan.number,
        "title": plan.title,
        "what": f"Sign as {Role(seat.role).title.lower()}",
        "level": seat.revision.level,
        "phi": seat.revision.phi,
        "due_at": seat.due_at,
        "zone": plan.target.time_zone,
        "late": f"{hours} h late" if hours >= 1 else "",
    }
