"""What waits for a person, what of theirs waits for others, and what is late. The most urgent comes first."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from migrations_portal.approvals import queries as approval_queries
from migrations_portal.approvals.models import Seat
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import RunStatus
from migrations_portal.incidents.models import Incident
from migrations_portal.kernel.memory import remembered
from migrations_portal.people.models import Person
from migrations_portal.people.rules import DECIDING_ROLES, Role
from migrations_portal.plans import checklist
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans.models import ChecklistItem, MigrationPlan, Phase
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.targets import queries as target_queries
from migrations_portal.web.presenters import plan_rows

SHOWN = 50
"""Of each kind; whoever has more than this waiting has another problem."""
RESPONDERS = frozenset({Role.INCIDENT_RESPONDER, Role.DBA})
CLOSING_DAYS = timedelta(days=14)
"""How long after its end a plan's open checklist is brought up."""
_BY_HAND = [item.key for item in checklist.TEMPLATE if not item.by_portal]
_AFTER = [
    item.key
    for item in checklist.TEMPLATE
    if not item.by_portal
    and item.section in {checklist.Section.EXECUTION, checklist.Section.POST_MIGRATION}
]
_OPEN = [
    str(each)
    for each in (
        PlanStatus.SUBMITTED,
        PlanStatus.APPROVED,
        PlanStatus.SCHEDULED,
        PlanStatus.RUNNING,
        PlanStatus.NEEDS_DECISION,
    )
]


def page(*, person: Person, now: datetime) -> dict[str, Any]:
    """Return everything that the page says, in a fixed number of queries."""
    incidents, decisions = _incidents(person, now=now), _decisions(person)
    seats = _seats(person, now=now)
    found = len(incidents) + len(decisions) + len(seats)
    if found < SHOWN:  # all of them are here, so the bar need not count them again
        remembered(("waiting", person.pk), lambda: found)
    mine = list(_my_plans(person, now=now)[: 4 * SHOWN])
    duties = [
        *incidents,
        *decisions,
        *seats,
        *_sent_back(mine),
        *_deploys(person),
        *_checklists(person, mine=mine),
        *_drafts(mine),
    ]
    others = plan_rows.rows([plan for plan in mine if plan.status in _OPEN][:SHOWN], now=now)
    return {
        "duties": duties,
        "others": others,
        "late": sum(1 for each in (*duties, *others) if each["late"]),
        "new_url": reverse("plan-new")
        if target_queries.acts_anywhere(person=person, roles=frozenset({Role.ENGINEER}))
        else "",
        "next": "You get a mail as soon as something does." if not duties else "",
    }


def _my_plans(person: Person, *, now: datetime) -> QuerySet[MigrationPlan]:
    """My plans that are open or ended lately, and whether somebody has taken an ended one up again."""
    lately = Q(closed_at__gte=now - CLOSING_DAYS)
    again = MigrationPlan.objects.filter(cloned_from=OuterRef("pk"))
    return (
        plan_queries.visible(person=person)
        .filter(lately | Q(status__in=[str(PlanStatus.DRAFT), *_OPEN]), author=person)
        .annotate(again=Exists(again))
    )


def waiting(*, person: Person, now: datetime) -> int:
    """Return how much waits for the person: the number that every page shows, in one query."""
    return remembered(("waiting", person.pk), lambda: _count(person, now=now))


def _count(person: Person, *, now: datetime) -> int:
    """Count seats, incidents and decisions; the latter two only for whoever has to do with them."""
    seats = approval_queries.open_for(person=person, now=now).order_by().values("pk")
    if not target_queries.acts_anywhere(person=person, roles=RESPONDERS | DECIDING_ROLES):
        return seats.count()
    incidents = _open_incidents(person).order_by().values("pk")
    decisions = _open_decisions(person).order_by().values("pk")
    return seats.union(incidents, decisions, all=True).count()


def _duty(plan: MigrationPlan | None, **said: Any) -> dict[str, Any]:
    empty = {"level": "", "phi": False, "due_at": None, "late": "", "detail": ""}
    about = {
        "plan_number": plan.number if plan else "",
        "title": plan.title if plan else "",
        "zone": plan.target.time_zone if plan else None,
    }
    return empty | about | said


def _open_incidents(person: Person) -> QuerySet[Incident]:
    """Incidents that nobody has taken yet, for those who lead or watch runs."""
    groups = target_queries.groups_of(person=person, roles=RESPONDERS)
    return Incident.objects.filter(
        acknowledged_at__isnull=True, closed_at__isnull=True, run__plan__target__group__in=groups
    )


def _open_decisions(person: Person) -> QuerySet[MigrationRun]:
    """Runs that wait for two people, of whom this person can be one and has not been yet."""
    groups = target_queries.groups_of(person=person, roles=DECIDING_ROLES)
    return (
        MigrationRun.objects.filter(
            status=str(RunStatus.NEEDS_DECISION), plan__target__group__in=groups
        )
        .exclude(plan__author=person)
        .exclude(decisions__by=person)
    )


def _incidents(person: Person, *, now: datetime) -> list[dict[str, Any]]:
    rows = (
        _open_incidents(person)
        .select_related("run__plan__target", "run__revision")
        .order_by("severity", "respond_by")[:SHOWN]
    )
    return [
        _duty(
            row.run.plan,
            what=f"Take the {row.severity} incident",
            url=reverse("incident", args=[row.pk]),
            action_label="Open the incident",
            level=row.run.revision.level,
            due_at=row.respond_by,
            late=plan_rows.late(row.respond_by, now=now),
        )
        for row in rows
    ]


def _decisions(person: Person) -> list[dict[str, Any]]:
    rows = (
        _open_decisions(person)
        .select_related("plan__target", "revision")
        .annotate(chosen=Count("decisions"))
        .order_by("pk")[:SHOWN]
    )
    return [
        _duty(
            row.plan,
            what="Decide what happens after the run",
            detail="A second person has to choose" if row.chosen else "Two people have to choose",
            url=reverse("run", args=[row.pk]),
            action_label="Look and decide",
            level=row.revision.level,
            phi=row.revision.phi,
        )
        for row in rows
    ]


def _seats(person: Person, *, now: datetime) -> list[dict[str, Any]]:
    rows = approval_queries.waiting_for(person=person, now=now)
    return [_seat(each, now=now) for each in rows[:SHOWN]]


def _seat(seat: Seat, *, now: datetime) -> dict[str, Any]:
    return _duty(
        seat.revision.plan,
        what=f"Sign as {Role(seat.role).title.lower()}",
        url=reverse("sign-off", args=[seat.pk]),
        action_label="Read and sign",
        level=seat.revision.level,
        phi=seat.revision.phi,
        due_at=seat.due_at,
        late=plan_rows.late(seat.due_at, now=now),
    )


def _sent_back(mine: list[MigrationPlan]) -> list[dict[str, Any]]:
    """My plans that ended without a run and that nobody has taken up again."""
    return [
        _duty(
            plan,
            what="Sent back" if plan.status == PlanStatus.REJECTED else "Expired",
            url=reverse("plan", args=[plan.pk]),
            action_label="Read why",
            detail="Mend it in a new plan made from this one, or leave it",
        )
        for plan in mine
        if plan.status in {PlanStatus.REJECTED, PlanStatus.EXPIRED}
        and not getattr(plan, "again", False)
    ]


def _deploys(person: Person) -> list[dict[str, Any]]:
    before = Phase.objects.filter(series=OuterRef("series"), position=OuterRef("position") - 1)
    rows = (
        Phase.objects.filter(
            plan__author=person,
            position__gt=1,
            deployed_at__isnull=True,
            plan__target__group__in=target_queries.groups_of(person=person),
        )
        .annotate(before=Subquery(before.values("plan__status")[:1]))
        .filter(before=str(PlanStatus.SUCCEEDED))
        .select_related("plan__target")[:SHOWN]
    )
    return [
        _duty(
            row.plan,
            what="Confirm the deploy before this phase",
            url=f"{reverse('plan', args=[row.plan_id])}#phases",
            action_label="Confirm the deploy",
            detail=row.deploy_before,
        )
        for row in rows
    ]


def _checklists(person: Person, *, mine: list[MigrationPlan]) -> list[dict[str, Any]]:
    """My plans in review with items that gate a stage, and my ended plans whose lists are not closed."""
    gating = [key for key in checklist.GATES if key in _BY_HAND]
    after = [plan.pk for plan in mine if plan.status == PlanStatus.SUCCEEDED]
    review = [plan.pk for plan in mine if plan.status == PlanStatus.SUBMITTED]
    if not after and not review:
        return []
    counts = (
        ChecklistItem.objects.filter(
            Q(plan__in=review, key__in=gating) | Q(plan__in=after, key__in=_AFTER),
            done_at__isnull=True,
            by_portal=False,
        )
        .values("plan")
        .annotate(count=Count("pk"))
    )
    found = {row["plan"]: row["count"] for row in counts}
    return [
        _duty(
            plan,
            what=f"Tick {found[plan.pk]} checklist item{'s' if found[plan.pk] > 1 else ''}",
            url=reverse("plan-checklist", args=[plan.pk]),
            action_label="Open the checklist",
            detail="The chain waits for them"
            if plan.status == PlanStatus.SUBMITTED
            else "The run is over; close the list",
        )
        for plan in mine
        if plan.pk in found
    ]


def _drafts(mine: list[MigrationPlan]) -> list[dict[str, Any]]:
    return [
        _duty(
            plan,
            what="Finish the draft",
            url=reverse("plan-edit", args=[plan.pk]),
            action_label="Continue",
        )
        for plan in mine
        if plan.status == PlanStatus.DRAFT
    ]
