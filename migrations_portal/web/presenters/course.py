"""What a person can do with a plan's course now, and what the page has to say first, as plain values."""

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from migrations_portal.approvals import queries, services
from migrations_portal.approvals.models import Emergency, Seat
from migrations_portal.approvals.policy import (
    EMERGENCY_AT_MOST,
    EMERGENCY_CONFIRMERS,
    STAGES,
    Stage,
)
from migrations_portal.kernel.days import WHOLE_DAY, days_from
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PLAN_STATES, PlanStatus
from migrations_portal.web import clock, step_up

LOCAL = "%Y-%m-%dT%H:%M"


def offers(plan: MigrationPlan, *, person: Person, now: datetime) -> list[dict[str, Any]]:
    """Return the forms that this person may send: {name, url, label, explain, danger, time} each; the most wanted first."""
    offered = [
        _confirm(plan, person=person, now=now),
        _review(plan, person=person),
        *_of_the_author(plan, person=person, now=now),
        *_of_those_who_answer(plan, person=person),
    ]
    return [each for each in offered if each is not None]


def _offer(
    plan: MigrationPlan, name: str, *, label: str, explain: str, danger: bool = False, **more: Any
) -> dict[str, Any]:
    ask = {"ask": "Reason, for the record", "time": None}
    url = reverse(f"plan-{name}", args=[plan.pk])
    return {
        "name": name,
        "url": url,
        "label": label,
        "explain": explain,
        "danger": danger,
        **ask,
        **more,
    }


def _can(plan: MigrationPlan, target: PlanStatus) -> bool:
    return PLAN_STATES.can(source=PlanStatus(plan.status), target=target)


def _of_the_author(
    plan: MigrationPlan, *, person: Person, now: datetime
) -> list[dict[str, Any] | None]:
    if plan.author_id != person.pk:
        return []
    return [
        _offer(
            plan,
            "revise",
            label="Open for changes",
            explain="What was signed and ticked counts no more. When you submit it again, signers see what changed and sign anew.",
            open=plan.status == PlanStatus.REJECTED,
        )
        if _can(plan, PlanStatus.DRAFT)
        else None,
        _emergency(plan, person=person, now=now) if plan.status == PlanStatus.DRAFT else None,
        _offer(
            plan,
            "withdraw",
            label=f"Withdraw {plan.number}",
            explain="It ends here. Everybody who was asked is told.",
            danger=True,
        )
        if _can(plan, PlanStatus.WITHDRAWN)
        else None,
    ]


def _emergency(plan: MigrationPlan, *, person: Person, now: datetime) -> dict[str, Any]:
    hours = int(EMERGENCY_AT_MOST.total_seconds() // 3600)
    proposed = (now + timedelta(hours=4)).astimezone(plan.target.zone)
    return _offer(
        plan,
        "emergency",
        label="Submit as an emergency",
        explain=f"Skips the seven days, never a signature or the backup. A second person confirms it, it ends within {hours} hours, "
        "it is told to everybody who answers for the target, and it is reviewed afterwards. Set T-0 in the draft first.",
        danger=True,
        ask="What makes it an emergency",
        time={"name": "until", "label": "Ends at", "value": f"{proposed:{LOCAL}}"},
        asks_code=step_up.asks(person),
    )


def _of_those_who_answer(plan: MigrationPlan, *, person: Person) -> list[dict[str, Any] | None]:
    try:
        services.check_may_change_course(plan, by=person)
    except Refused:
        return []
    waits = plan.status in services.WAITS and not plan.emergency_reason and plan.scheduled_for
    return [
        _postpone(plan, t0=plan.scheduled_for) if waits and plan.scheduled_for else None,
        _cancel(plan) if _can(plan, PlanStatus.CANCELLED) else None,
    ]


def of_a_due_run(plan: MigrationPlan, *, person: Person) -> list[dict[str, Any]]:
    """Return what the page of a run that has not begun offers: to cancel its plan, to those who may."""
    try:
        services.check_may_change_course(plan, by=person)
    except Refused:
        return []
    return [_cancel(plan)] if _can(plan, PlanStatus.CANCELLED) else []


def _cancel(plan: MigrationPlan) -> dict[str, Any]:
    return _offer(
        plan,
        "cancel",
        label=f"Cancel {plan.number}",
        explain="The run does not start. Everybody who signed, and everybody who was told, hears of it.",
        danger=True,
    )


def _postpone(plan: MigrationPlan, *, t0: datetime) -> dict[str, Any]:
    later = days_from(t0, days=1, zone=plan.target.zone, day=WHOLE_DAY)
    local = later.astimezone(plan.target.zone)
    return _offer(
        plan,
        "postpone",
        label="Postpone",
        explain="Reviews stay; the go is asked anew for the new day. It has to fit a window of the target.",
        time={
            "name": "to",
            "label": f"New T-0 ({plan.target.time_zone})",
            "value": f"{local:{LOCAL}}",
        },
    )


def _confirm(plan: MigrationPlan, *, person: Person, now: datetime) -> dict[str, Any] | None:
    row = _waiting_emergency(plan, now=now)
    may = access.roles_in(person=person, group=plan.target.group) & EMERGENCY_CONFIRMERS
    if row is None or not may or person.pk in {row.asked_by_id, plan.last_editor_id}:
        return None
    if plan.committed_by(person.email):
        return None
    return _offer(
        plan,
        "emergency-confirm",
        label="Confirm the emergency",
        explain=f"{row.asked_by.full_name} says: “{row.reason}” You say with your name that it cannot wait.",
        danger=True,
        open=True,
        asks_code=step_up.asks(person),
    )


def _waiting_emergency(plan: MigrationPlan, *, now: datetime) -> Emergency | None:
    if plan.status != PlanStatus.SUBMITTED or not plan.emergency_reason:
        return None
    rows = Emergency.objects.filter(revision__plan=plan, revision__number=plan.revision)
    return rows.filter(confirmed_at=None, until__gt=now).select_related("asked_by").first()


def _review(plan: MigrationPlan, *, person: Person) -> dict[str, Any] | None:
    row = services.owed_review(plan)
    if row is None or person.pk not in {each.pk for each in services.reviewers(row, plan=plan)}:
        return None
    return _offer(
        plan,
        "emergency-review",
        label="Write the review of the emergency",
        explain="Was it one? What was skipped? What changes so that the next one is not needed?",
        ask="The review",
        open=True,
    )


def notes(plan: MigrationPlan, *, seats: list[Seat], now: datetime) -> list[dict[str, str]]:
    """Return what a reader has to know first: emergency, owed review, a seat that nobody can fill, a moved T-0."""
    found = []
    if plan.emergency_reason and plan.emergency_until:
        found.append(_note("bad", "Emergency", _emergency_words(plan, now=now)))
    owed = services.owed_review(plan)
    if owed is not None and owed.review_due_at is not None:
        late = " It is overdue." if now > owed.review_due_at else ""
        due = clock.moment(plan, owed.review_due_at)
        found.append(
            _note("warn", "A review is owed", f"The emergency is to be reviewed by {due}.{late}")
        )
    stuck = [seat for seat in seats if seat.unfillable_since and not seat.decision]
    found += [_note("bad", "Stuck", _stuck_words(plan, seat=seat, now=now)) for seat in stuck]
    found += [_late(seat, plan=plan) for seat in _overdue(plan, seats=seats, now=now)]
    if services.was_postponed(plan) and plan.planned_for:
        found.append(
            _note("info", "Postponed", f"T-0 was {clock.moment(plan, plan.planned_for)} at first.")
        )
    return found


def _stuck_words(plan: MigrationPlan, *, seat: Seat, now: datetime) -> str:
    title = Role(seat.role).noun
    lacks = f"Nobody can sign as {title}."
    if queries.signers_of(seat, now=now):
        lacks = f"Too few people can sign as {title}: whoever signs in one role signs in no other."
    return f"{lacks} Ask an administrator of {plan.target.group} to give somebody else the role."


def _overdue(plan: MigrationPlan, *, seats: list[Seat], now: datetime) -> list[Seat]:
    if plan.status != PlanStatus.SUBMITTED:
        return []
    return [row for row in seats if row.opened_at and not row.decision and row.due_at < now]


def _late(seat: Seat, *, plan: MigrationPlan) -> dict[str, str]:
    stage = STAGES[Stage(seat.stage)]
    return _note(
        "warn",
        "Late",
        f"{stage.label} {stage.title} was due {clock.moment(plan, seat.due_at)}, and the {Role(seat.role).noun} has not signed.",
    )


def _note(tone: str, title: str, text: str) -> dict[str, str]:
    return {"tone": tone, "title": title, "text": text}


def _emergency_words(plan: MigrationPlan, *, now: datetime) -> str:
    until = clock.moment(plan, plan.emergency_until or now)
    waits = (
        " A second person has not confirmed it yet; no seat is open before."
        if _waiting_emergency(plan, now=now)
        else ""
    )
    return f"It skips the lead times, no seat and no backup, until {until}: {plan.emergency_reason}{waits}"
