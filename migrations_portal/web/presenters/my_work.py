"""What waits for a person, what of theirs waits for others, and what is late. The most urgent comes first."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.urls import reverse

from migrations_portal.approvals import queries as approval_queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import EMERGENCY_CONFIRMERS
from migrations_portal.compliance.auditors import ADMITTERS
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import RunStatus
from migrations_portal.incidents.models import Incident
from migrations_portal.incidents.rules import Severity
from migrations_portal.kernel.memory import remembered
from migrations_portal.people.models import Person
from migrations_portal.people.rules import DECIDING_ROLES, Role
from migrations_portal.plans import checklist
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans.models import ChecklistItem, MigrationPlan, Phase
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.targets import queries as target_queries
from migrations_portal.web.presenters import duties, next_step, plan_rows
from migrations_portal.web.presenters.duties import duty

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


class _Duty(StrEnum):
    """What a plan of mine wants of me; it wants one thing at a time."""

    SENT_BACK = "SENT_BACK"
    CHECKLIST = "CHECKLIST"
    DRAFT = "DRAFT"


_BACK = [str(each) for each in (PlanStatus.REJECTED, PlanStatus.EXPIRED, *next_step.AFTER_A_RUN)]
_WITH_ME = [str(PlanStatus.DRAFT), str(PlanStatus.REJECTED)]
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
    mine = list(_my_plans(person, now=now)[: 4 * SHOWN])
    incidents = _incidents(person, now=now)
    found = [
        *(each for each in incidents if each["severity"] == Severity.P0),
        *duties.emergencies(person, now=now),
        *_decisions(person),  # the target is held until it is decided
        *(each for each in incidents if each["severity"] != Severity.P0),
        *_seats(person, now=now),
        *_of_my_plans(mine, _Duty.SENT_BACK),
        *_deploys(person),
        *_of_my_plans(mine, _Duty.CHECKLIST),
        *_of_my_plans(mine, _Duty.DRAFT),
        *duties.ending(person, now=now),
    ]
    if len(found) < SHOWN:  # all of them are here, so the bar need not count them again
        remembered(("waiting", person.pk), lambda: len(found))
    others = plan_rows.rows([plan for plan in mine if plan.status in _OPEN][:SHOWN], now=now)
    return {
        "duties": found,
        "others": others,
        "late": sum(1 for each in (*found, *others) if each["late"]),
        "new_url": reverse("plan-new")
        if target_queries.acts_anywhere(person=person, roles=frozenset({Role.ENGINEER}))
        else "",
        "next": "You get a mail as soon as something does." if not found else "",
    }


def _my_plans(person: Person, *, now: datetime) -> QuerySet[Any]:
    """My plans that are open or ended lately, each with its `duty` (one of `_Duty`, or empty) and its `open_items`.

    Sent back: it ended without its change being in, and nobody has taken it up again. Checklist: items that gate a stage while it is
    in review, and what closes the lists after its run.
    """
    lately = Q(closed_at__gte=now - CLOSING_DAYS)
    again = MigrationPlan.objects.filter(cloned_from=OuterRef("pk"))
    gating = [key for key in checklist.GATES if key in _BY_HAND]
    asked = Q(plan__status=str(PlanStatus.SUBMITTED), key__in=gating) | Q(
        plan__status=str(PlanStatus.SUCCEEDED), key__in=_AFTER
    )
    missing = ChecklistItem.objects.filter(
        asked, plan=OuterRef("pk"), done_at__isnull=True, by_portal=False
    )
    sent_back = Q(status__in=_BACK, again=False)
    return (
        plan_queries.visible(person=person)
        .filter(lately | Q(status__in=[*_WITH_ME, *_OPEN]), author=person)
        .annotate(
            again=Exists(again),
            open_items=Subquery(
                missing.order_by().values("plan").annotate(count=Count("pk")).values("count")
            ),
            duty=Case(
                When(status=str(PlanStatus.DRAFT), then=Value(_Duty.DRAFT)),
                When(sent_back, then=Value(_Duty.SENT_BACK)),
                When(open_items__gt=0, then=Value(_Duty.CHECKLIST)),
                default=Value(""),
            ),
        )
    )


def waiting(*, person: Person, now: datetime) -> int:
    """Return how much waits for the person: the number that every page shows, in one query."""
    return remembered(("waiting", person.pk), lambda: _count(person, now=now))


def _count(person: Person, *, now: datetime) -> int:
    """Count what the page lists; each kind only for whoever holds a role that has to do with it."""
    seats = approval_queries.open_for(person=person, now=now).order_by().values("pk")
    others: list[QuerySet[Any]] = []
    if target_queries.acts_anywhere(person=person, roles=frozenset(Role)):
        others.append(_my_plans(person, now=now).exclude(duty="").order_by().values("pk"))
        others.append(_open_deploys(person).order_by().values("pk"))
    if target_queries.acts_anywhere(person=person, roles=RESPONDERS):
        others.append(_open_incidents(person).order_by().values("pk"))
    if target_queries.acts_anywhere(person=person, roles=DECIDING_ROLES):
        others.append(_open_decisions(person).order_by().values("pk"))
    if target_queries.acts_anywhere(person=person, roles=EMERGENCY_CONFIRMERS):
        others.append(duties.open_emergencies(person, now=now).order_by().values("pk"))
    if target_queries.acts_anywhere(person=person, roles=ADMITTERS | {Role.AUDITOR}):
        others.append(duties.ending_roles(person, now=now).order_by().values("pk"))
    return seats.union(*others, all=True).count()


def _open_incidents(person: Person) -> QuerySet[Incident]:
    """Incidents that nobody has taken yet, for those who lead or watch runs."""
    groups = target_queries.groups_of(person=person, roles=RESPONDERS)
    return Incident.objects.filter(
        acknowledged_at__isnull=True, closed_at__isnull=True, run__plan__target__group__in=groups
    )


def _open_decisions(person: Person) -> QuerySet[MigrationRun]:
    """Runs that wait for two people, of whom this person can be one and has not been yet."""
    groups = target_queries.groups_of(person=person, roles=DECIDING_ROLES)
    involved = (
        Q(plan__author=person)
        | Q(plan__last_editor=person)
        | Q(plan__executor=person)
        | Q(plan__commit_authors__contains=[person.email.casefold()])
    )
    return (
        MigrationRun.objects.filter(status=str(RunStatus.NEEDS_DECISION), target__group__in=groups)
        .exclude(involved)
        .exclude(decisions__by=person)
    )


def _incidents(person: Person, *, now: datetime) -> list[dict[str, Any]]:
    rows = (
        _open_incidents(person)
        .select_related("run__plan__target", "run__revision")
        .order_by("severity", "respond_by")[:SHOWN]
    )
    return [
        duty(
            row.run.plan,
            severity=row.severity,
            what=f"Take the {row.severity} incident INC-{row.pk}",
            detail=row.title,
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
        duty(
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
    return duty(
        seat.revision.plan,
        what=f"Sign as {Role(seat.role).noun}",
        url=reverse("sign-off", args=[seat.pk]),
        action_label="Read and sign",
        level=seat.revision.level,
        phi=seat.revision.phi,
        due_at=seat.due_at,
        late=plan_rows.late(seat.due_at, now=now),
    )


def _open_deploys(person: Person) -> QuerySet[Phase]:
    """Phases of mine whose predecessor succeeded, and whose deploy nobody has confirmed."""
    before = Phase.objects.filter(series=OuterRef("series"), position=OuterRef("position") - 1)
    return (
        Phase.objects.filter(
            plan__author=person,
            position__gt=1,
            deployed_at__isnull=True,
            plan__target__group__in=target_queries.groups_of(person=person),
        )
        .annotate(before=Subquery(before.values("plan__status")[:1]))
        .filter(before=str(PlanStatus.SUCCEEDED))
    )


def _deploys(person: Person) -> list[dict[str, Any]]:
    return [
        duty(
            row.plan,
            what="Confirm the deploy before this phase",
            url=f"{reverse('plan', args=[row.plan_id])}#phases",
            action_label="Confirm the deploy",
            detail=row.deploy_before,
        )
        for row in _open_deploys(person).select_related("plan__target")[:SHOWN]
    ]


def _of_my_plans(mine: list[MigrationPlan], duty: _Duty) -> list[dict[str, Any]]:
    tell = {_Duty.SENT_BACK: _sent_back, _Duty.CHECKLIST: _checklist, _Duty.DRAFT: _draft}[duty]
    return [tell(plan) for plan in mine if getattr(plan, "duty", "") == duty]


_SENT_BACK: dict[str, str] = {
    PlanStatus.REJECTED: "Sent back",
    PlanStatus.EXPIRED: "Expired",
    PlanStatus.FAILED: "The run failed",
    PlanStatus.ROLLED_BACK: "Rolled back",
    PlanStatus.RESTORED: "The backup was restored",
}


def _sent_back(plan: MigrationPlan) -> dict[str, Any]:
    return duty(
        plan,
        what=_SENT_BACK[plan.status],
        url=reverse("plan", args=[plan.pk]),
        action_label="Read why",
        detail="Open it for changes, or withdraw it"
        if plan.status == PlanStatus.REJECTED
        else "Mend it in a new plan made from this one, or leave it",
    )


def _checklist(plan: MigrationPlan) -> dict[str, Any]:
    count = getattr(plan, "open_items", 0)
    return duty(
        plan,
        what=f"Tick {count} checklist item{'s' if count > 1 else ''}",
        url=reverse("plan-checklist", args=[plan.pk]),
        action_label="Open the checklist",
        detail="The chain waits for them"
        if plan.status == PlanStatus.SUBMITTED
        else "The run is over; close the list",
    )


def _draft(plan: MigrationPlan) -> dict[str, Any]:
    return duty(
        plan,
        what="Finish the draft",
        url=reverse("plan-edit", args=[plan.pk]),
        action_label="Continue",
    )
