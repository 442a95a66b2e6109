"""Many plans at once: where each stands and whom it waits for, in a fixed number of queries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q
from django.urls import reverse

from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import STAGES, Stage
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan, PlanAssessment, PlanRevision
from migrations_portal.plans.rules import PlanStatus

_LIVE = {PlanStatus.SUBMITTED}
_LATER = {
    PlanStatus.APPROVED: "its time",
    PlanStatus.SCHEDULED: "its time",
    PlanStatus.RUNNING: "its run",
    PlanStatus.NEEDS_DECISION: "two people to decide",
}


def rows(plans: Sequence[MigrationPlan], *, now: datetime) -> list[dict[str, Any]]:
    """Return a row per plan (with target and group selected): four queries, however many plans."""
    counts = Q(seats__voided_at__isnull=True)
    revisions = {
        row.plan_id: row
        for row in PlanRevision.objects.filter(plan__in=plans, number=F("plan__revision"))
        .only("plan_id", "number", "level", "phi")
        .annotate(
            asked=Count("seats", filter=counts),
            signed=Count("seats", filter=counts & ~Q(seats__decision="")),
        )
    }
    assessed = {
        row.plan_id: row
        for row in PlanAssessment.objects.filter(
            plan__in=[plan for plan in plans if plan.pk not in revisions], level__gt=""
        )
        .order_by("plan", "-pk")
        .distinct("plan")
        .only("plan_id", "level", "phi")
    }
    live = [plan.pk for plan in plans if plan.status in _LIVE]
    open_seats = {
        seat.revision.plan_id: seat
        for seat in Seat.objects.filter(
            revision__in=[revisions[pk].pk for pk in live if pk in revisions],
            opened_at__isnull=False, decision="", voided_at__isnull=True,
        )
        .order_by("revision", "position")
        .distinct("revision")
        .select_related("revision")
        .only("stage", "role", "due_at", "revision__plan_id")
    }  # fmt: skip
    groups = {plan.target.group_id: plan.target.group for plan in plans if plan.status in _LIVE}
    holders = access.holders_by_role(list(groups.values()))
    return [
        _row(
            plan,
            revision=revisions.get(plan.pk),
            assessed=revisions.get(plan.pk) or assessed.get(plan.pk),
            open_seat=open_seats.get(plan.pk),
            holders=holders,
            now=now,
        )
        for plan in plans
    ]


def _row(
    plan: MigrationPlan,
    *,
    revision: Any,
    assessed: PlanRevision | PlanAssessment | None,
    open_seat: Seat | None,
    holders: dict[tuple[int, Role], list[Any]],
    now: datetime,
) -> dict[str, Any]:
    return {
        "number": plan.number,
        "plan_number": plan.number,
        "title": plan.title,
        "url": reverse("plan", args=[plan.pk]),
        "level": assessed.level if assessed else "",
        "phi": bool(assessed and assessed.phi),
        "status": plan.status,
        "target": plan.target.name,
        "scheduled_for": plan.scheduled_for,
        "zone": plan.target.time_zone,
        "stage": _stage(open_seat),
        "waiting_for": _whom(plan, open_seat, holders),
        "due_at": open_seat.due_at if open_seat else None,
        "late": _late(plan, open_seat, now=now),
        "signed": revision.signed if revision else 0,
        "seats": revision.asked if revision else 0,
        "author": plan.author.full_name,
    }


def _late(plan: MigrationPlan, seat: Seat | None, *, now: datetime) -> str:
    if plan.status in _LIVE and plan.scheduled_for and plan.scheduled_for < now:
        return "T-0 has passed"
    return late(seat.due_at, now=now) if seat else ""


def _stage(seat: Seat | None) -> str:
    if seat is None:
        return ""
    facts = STAGES[Stage(seat.stage)]
    return f"{facts.label} {facts.title}"


def _whom(
    plan: MigrationPlan, seat: Seat | None, holders: dict[tuple[int, Role], list[Any]]
) -> str:
    if seat is None:
        return _LATER.get(PlanStatus(plan.status), "")
    role = Role(seat.role)
    involved = {plan.author_id, plan.last_editor_id, plan.executor_id}
    people = [
        each
        for each in holders.get((plan.target.group_id, role), [])
        if each.pk not in involved and not plan.committed_by(each.email)
    ]
    title = role.noun
    if not people:
        return f"nobody: no {title} is left, ask an administrator"
    return f"{people[0].full_name}, {title}"


def late(due_at: datetime, *, now: datetime) -> str:
    """Return how late something is: "2 h late", "3 days late", or nothing."""
    hours = int((now - due_at).total_seconds() // 3600)
    if hours < 1:
        return "" if now < due_at else "due now"
    return f"{hours} h late" if hours < 48 else f"{hours // 24} days late"  # noqa: PLR2004
