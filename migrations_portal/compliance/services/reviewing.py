"""The duty to look through the query log after a run on PHI."""

from datetime import datetime

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.compliance.models import (
    LogReview,
)
from migrations_portal.compliance.rules import (
    REVIEW_WITHIN,
    DpiaIncomplete,
)
from migrations_portal.compliance.services.officers import check_officer
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import RunStatus
from migrations_portal.people.models import Person
from migrations_portal.plans.services import draft_entry

ENDED = tuple(
    str(each)
    for each in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.ROLLED_BACK, RunStatus.RESTORED)
)


def open_reviews(*, now: datetime) -> int:
    """Open the duty to review the query log for each ended run on PHI that has none; return how many were opened."""
    runs = MigrationRun.objects.filter(
        revision__phi=True, status__in=ENDED, claimed_at__isnull=False, log_review__isnull=True
    )
    made = [
        LogReview.objects.get_or_create(
            run=run,
            defaults={"opened_at": now, "due_at": (run.finished_at or now) + REVIEW_WITHIN},
        )[1]
        for run in runs
    ]
    return sum(made)


@transaction.atomic
def finish_review(*, review_id: int, finding: str, by: Person, now: datetime) -> LogReview:
    """Write down what the review found; raise `NotAllowed`, `DpiaIncomplete` without a finding."""
    row = (
        LogReview.objects.select_for_update(of=("self",))
        .select_related("run__plan__target__group")
        .get(pk=review_id)
    )
    plan = row.run.plan
    check_officer(person=by, group=plan.target.group)
    if not finding.strip():
        raise DpiaIncomplete("Say what you looked at and what you found.")
    if row.done_at is not None:
        raise DpiaIncomplete("This review is done already; its finding stands in the ledger.")
    row.done_at, row.done_by, row.finding = now, by, finding.strip()
    row.save(update_fields=["done_at", "done_by", "finding"])
    audit.append(
        draft_entry(
            plan,
            kind=EntryKind.REVIEW_DONE,
            actor=audit.actor(by),
            sentence=f"{by.full_name} reviewed the query log of run {row.run_id}.",
            reason=row.finding,
            phi=True,
        )
    )
    return row
