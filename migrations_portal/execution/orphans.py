"""Runs that wait although their plan no longer does."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.execution import staging
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import RunStatus
from migrations_portal.plans import services as plans
from migrations_portal.plans.rules import PlanStatus

ORPHANED: dict[PlanStatus, str] = {
    PlanStatus.CANCELLED: "was cancelled",
    PlanStatus.EXPIRED: "has expired",
    PlanStatus.DRAFT: "was opened for changes",
    PlanStatus.WITHDRAWN: "was withdrawn",
    PlanStatus.REJECTED: "was rejected",
}
"""What became of a plan whose run no longer waits; anything else is a new date or a new revision."""


def cancel(*, now: datetime) -> int:
    """Cancel the runs that wait although their plan no longer does, each with a ledger entry; return how many."""
    before = Q(staging=True, plan__status__in=[str(each) for each in staging.OPEN])
    waits = before | Q(staging=False, plan__status=str(PlanStatus.SCHEDULED))
    newest = Q(revision__number=F("plan__revision"))
    rows = MigrationRun.objects.filter(~(waits & newest), status=str(RunStatus.DUE))
    return sum(_cancel_orphan(run, now=now) for run in rows.select_related("plan", "revision"))


@transaction.atomic
def _cancel_orphan(run: MigrationRun, *, now: datetime) -> bool:
    became = ORPHANED.get(PlanStatus(run.plan.status), "got another date or content")
    problem = f"{run.plan.number} {became} before this run began, so nothing was run; its history says by whom and why."
    cancelled = MigrationRun.objects.filter(pk=run.pk, status=str(RunStatus.DUE)).update(
        status=str(RunStatus.CANCELLED), finished_at=now, problem=problem
    )
    if cancelled != 1:
        return False
    audit.append(
        plans.draft_entry(
            run.plan,
            kind=EntryKind.RUN_FINISHED,
            actor=PORTAL,
            sentence=f"Run {run.pk} of {run.plan.number} was called off before it began.",
            reason=problem,
            result="cancelled",
            phi=run.revision.phi,
        )
    )
    return True
