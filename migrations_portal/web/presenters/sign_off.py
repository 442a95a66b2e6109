"""What a signer asks, and what comes after the signature, as plain values."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import MEANINGS, STAGES, WINDOWS, Stage
from migrations_portal.approvals.rules import Decision
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import explained
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans.models import MigrationPlan, PlanAssessment, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.web import clock
from migrations_portal.web.presenters import plans, rehearsals, staging
from migrations_portal.web.presenters.backups import recovery
from migrations_portal.web.presenters.seats import waiting_words


def plan(row: MigrationPlan, *, revision: PlanRevision) -> dict[str, Any]:
    """Return what the page says of the plan."""
    return {
        "number": row.number,
        "title": row.title,
        "level": revision.level,
        "phi": revision.phi,
        "emergency": row.emergency_reason,
        "target": row.target.name,
        "environment": row.target.environment.lower(),
        "scheduled_for": row.scheduled_for,
        "zone": row.target.time_zone,
        "author": row.author.full_name,
        "why": row.justification,
        "purpose": row.purpose,
        "revision": revision.number,
        "digest": revision.digest,
        "url": reverse("plan", args=[row.pk]),
    }


def seat(row: Seat, *, giver: Person | None) -> dict[str, Any]:
    """Return what the page says of the seat; `giver` is whose role it is when the reader is a deputy."""
    role, stage = Role(row.role), Stage(row.stage)
    title = role.noun
    verb = f"Give the go as {title}" if stage is Stage.GO else f"Sign as {title}"
    standing = f" for {giver.full_name}" if giver else ""
    return {
        "role_title": role.title,
        "stage": f"{STAGES[stage].label} {STAGES[stage].title}",
        "question": f"{verb}{standing}?",
        "verb": f"{verb}{standing}",
        "due_at": row.due_at,
    }


def meaning(row: Seat) -> str:
    """Return what the signature means, as the signer says it."""
    stage = Stage(row.stage)
    words = MEANINGS[stage].format(role=Role(row.role).noun)
    return f"I have {words}" if stage is Stage.REVIEW else f"I {words}"


def answers(row: MigrationPlan, *, revision: PlanRevision, now: datetime) -> list[dict[str, str]]:
    """Return what signers ask, what, why, how risky, how proven, how undone, when, who else."""
    assessed = plan_queries.current_assessment(row)
    names = ", ".join(row.files.order_by("position").values_list("name", flat=True))
    return [
        {"term": "What", "value": f"{names}, changes {', '.join(revision.tables) or 'no table'}"},
        {"term": "Why", "value": row.justification},
        {"term": "How risky", "value": _risk(assessed)},
        *_proofs(row, revision=revision, assessed=assessed, now=now),
        {"term": "When", "value": _when(row, revision=revision)},
        {"term": "Who else", "value": _others(revision, now=now)},
        {"term": "Commit", "value": plans.origin(row)},
    ]


def _risk(assessed: PlanAssessment | None) -> str:
    if assessed is None or not assessed.level:
        return "Not assessed"
    reason = str(assessed.result.get("reason", "")) or f"{assessed.level.capitalize()} risk"
    findings = len(assessed.result.get("findings", []))
    warned = f" {findings} finding{'s' if findings != 1 else ''}." if findings else ""
    return f"{reason.rstrip('.')}.{warned}"


def _proofs(
    row: MigrationPlan, *, revision: PlanRevision, assessed: PlanAssessment | None, now: datetime
) -> list[dict[str, str]]:
    """How proven, how undone, and how long it takes to recover: what the statements, the rehearsal and the newest backup say."""
    rehearsed, back = rehearsals.signer_facts(row, revision=revision, now=now)
    said = explained.reversibility(assessed.result) if assessed else None
    graded = f"{said['title']}. {said['sentence']}" if said else ""
    undone = " ".join(dict.fromkeys([graded, back["value"], back.get("detail", "")])).strip()
    return [
        {**rehearsed, "term": "How proven", "detail": ""},
        {**back, "term": "How undone", "value": undone, "detail": ""},
        *staging.signer_fact(revision),
        recovery(row),
    ]


def _when(row: MigrationPlan, *, revision: PlanRevision) -> str:
    if row.scheduled_for is None:
        return "Not known"
    moved = ""
    if row.planned_for and row.planned_for != row.scheduled_for:
        moved = f" (postponed from {clock.moment(row, row.planned_for)})"
    window = WINDOWS[revision.level].lower()
    return (
        f"{clock.moment(row, row.scheduled_for)}{moved}, about {row.expected_seconds} s, {window}"
    )


def _others(revision: PlanRevision, *, now: datetime) -> str:
    rows = list(queries.seats(revision))
    signed = [row.printed_name for row in rows if row.decision == Decision.APPROVE]
    waits = [Role(row.role).noun for row in rows if row.opened_at is not None and not row.decision]
    later = sum(1 for row in rows if row.opened_at is None)
    parts = [
        f"Signed: {', '.join(signed)}" if signed else "Nobody has signed yet",
        f"open: {', '.join(waits)}" if waits else "",
        f"{later} later" if later else "",
    ]
    return "; ".join(part for part in parts if part)


def what_next(row: Seat, *, now: datetime) -> list[str]:
    """Return what happens after the decision on a seat, in sentences."""
    plan_row = row.revision.plan
    status = PlanStatus(plan_row.status)
    author = plan_row.author.full_name
    if status is PlanStatus.REJECTED:
        return [
            f"{plan_row.number} is sent back: this revision has ended.",
            f"{author} was told, and can change the plan and submit it anew.",
        ]
    if status in {PlanStatus.APPROVED, PlanStatus.SCHEDULED} and plan_row.scheduled_for:
        return [
            "All seats are signed.",
            f"The run starts at {clock.moment(plan_row, plan_row.scheduled_for)}; you get a mail when it has ended.",
        ]
    if status is not PlanStatus.SUBMITTED:
        return [f"{plan_row.number} is {status.lower().replace('_', ' ')} now."]
    return _still_open(row, now=now)


def _still_open(row: Seat, *, now: datetime) -> list[str]:
    plan_row = row.revision.plan
    sentences = [
        f"{waiting_words(each, now=now)}, {Role(each.role).noun} ({STAGES[Stage(each.stage)].label})."
        for each in queries.seats(row.revision)
        if each.opened_at is not None and not each.decision
    ]
    waiting = queries.stages(row.revision).filter(opened_at__isnull=True).first()
    if waiting is not None:
        facts = STAGES[Stage(waiting.stage)]
        when = f" on {clock.moment(plan_row, waiting.opens_at)}" if waiting.opens_at else ""
        sentences.append(f"Then: {facts.label} {facts.title}{when}.")
    if plan_row.scheduled_for:
        sentences.append(f"T-0 is {clock.moment(plan_row, plan_row.scheduled_for)}.")
    return sentences


def next_duty(person: Person, *, now: datetime) -> dict[str, str] | None:
    """Return the next seat that waits for the reader, the way home when there is none."""
    waiting = queries.waiting_for(person=person, now=now)
    if not waiting:
        return {"label": "Nothing else waits for you", "url": reverse("my-turn")}
    row = waiting[0]
    label = f"Next: sign {row.revision.plan.number} as {Role(row.role).noun}"
    return {"label": label, "url": reverse("sign-off", args=[row.pk])}
