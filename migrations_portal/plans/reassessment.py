"""Assessing the same files again, because what the assessment rests on has changed."""

from datetime import datetime

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.plans import queries, services
from migrations_portal.plans.models import PlanAssessment
from migrations_portal.plans.rules import REASSESSED


class NotToAssess(Refused):
    """This plan is not assessed again: it has no file, its assessment is still going on, or it has run."""

    code = "not-to-assess"


@transaction.atomic
def assess_again(*, plan_id: int, by: Person, now: datetime) -> PlanAssessment:
    """Ask for a new assessment of the same files. Raises `NotAllowed`, `NotToAssess`."""
    plan = services.lock(plan_id)
    access.check_member(person=by, group=plan.target.group)
    before = queries.current_assessment(plan) if plan.files.exists() else None
    if before is None:
        raise NotToAssess(f"{plan.number} holds no migration file yet. Upload one first.")
    if before.done_at is None:
        raise NotToAssess(f"{plan.number} is being assessed already; the result comes by itself.")
    if plan.status not in REASSESSED:
        raise NotToAssess(
            f"{plan.number} is {plan.status.lower()}; only a plan that may still run is assessed again."
        )
    row = PlanAssessment.objects.create(
        plan=plan,
        files_digest=before.files_digest,
        attempt=before.attempt + 1,
        requested_at=now,
        asked_by=by,
    )
    audit.append(
        services.draft_entry(
            plan,
            kind=EntryKind.ASSESSMENT_ASKED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} asked for a new assessment of {plan.number}.",
            facts={"attempt": row.attempt},
        )
    )
    return row
