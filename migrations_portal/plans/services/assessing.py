"""Asking for the analysis of a plan's files, and keeping what it found."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.plans import queries
from migrations_portal.plans.models import MigrationPlan, PlanAssessment
from migrations_portal.plans.rules import ASSESSMENT_LEASE
from migrations_portal.plans.services.entries import draft_entry


def request_assessment(plan: MigrationPlan, *, now: datetime) -> None:
    """Ask for the analysis of the files as they are now, once."""
    PlanAssessment.objects.get_or_create(
        plan=plan, files_digest=queries.files_digest(plan), defaults={"requested_at": now}
    )


def claim_assessment(*, assessment_id: int, now: datetime) -> bool:
    """Take an assessment that nobody works on; return whether it is ours. Doorbell and sweep may both ring for it."""
    free = Q(claimed_at__isnull=True) | Q(claimed_at__lt=now - ASSESSMENT_LEASE)
    rows = PlanAssessment.objects.filter(free, pk=assessment_id, done_at__isnull=True)
    return rows.update(claimed_at=now) == 1


def release_assessment(*, assessment_id: int) -> None:
    """Give an assessment back undone: the files it belongs to are no longer the plan's."""
    PlanAssessment.objects.filter(pk=assessment_id, done_at__isnull=True).update(claimed_at=None)


def put_off_assessment(*, assessment_id: int, why: str) -> None:
    """Say why an assessment takes longer than it should. It stays claimed, so that the next try is `ASSESSMENT_LEASE` away."""
    PlanAssessment.objects.filter(pk=assessment_id, done_at__isnull=True).update(problem=why)


@transaction.atomic
def store_assessment(  # written once per set of files; the runbook calls it
    *,
    assessment_id: int,
    level: str,
    phi: bool,
    tables: Sequence[str],
    result: Mapping[str, Any],
    problem: str,
    now: datetime,
) -> None:
    """Keep what the analysis found. An assessment that is done already is left as it is."""
    row = (
        PlanAssessment.objects.select_for_update()
        .select_related("plan__target")
        .get(pk=assessment_id)
    )
    if row.done_at is not None:
        return
    row.level, row.phi, row.tables, row.result, row.problem = (
        level,
        phi,
        list(tables),
        dict(result),
        problem,
    )
    row.done_at = now
    row.save()
    audit.append(
        draft_entry(
            row.plan,
            kind=EntryKind.PLAN_ASSESSED,
            actor=PORTAL,
            sentence=f"{row.plan.number} was assessed: "
            + (f"risk {level.lower()}." if level else "not possible."),
            phi=phi,
            result="success" if level else "failed",
            facts={"files_digest": row.files_digest, "tables": list(tables)},
        )
    )
