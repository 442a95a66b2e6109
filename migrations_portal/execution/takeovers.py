"""Taking a run over from a worker that died (X4, X8), and what becomes of an order that the dead worker had."""

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.execution.models import MigrationRun, RunStep
from migrations_portal.execution.rules import (
    LEASE,
    TAKEOVER_AFTER,
    WORKING,
    StepStatus,
    order_ended,
)
from migrations_portal.plans import services as plans


def lost_runs() -> list[MigrationRun]:
    """Return the running runs whose lease ended long enough ago that their holder has stopped itself (X4)."""
    rows = MigrationRun.objects.filter(
        status__in=[str(status) for status in WORKING],
        lease_until__lt=Now() - TAKEOVER_AFTER,
    )
    return list(rows.exclude(claimed_by="").select_related("plan"))


@transaction.atomic
def take_over(*, run_id: int, fence: int) -> int | None:
    """Take a lost run from its dead holder: a new fence shuts the old one out. Returns it, or None if somebody was quicker.

    An order given before ends here, since the new holder begins nothing and hears none: it leaves the row, and the run's problem
    and the ledger say that it stood.
    """
    run = (
        MigrationRun.objects.select_for_update(of=("self",))
        .select_related("plan__target", "order_by")
        .get(pk=run_id)
    )
    highest = (
        MigrationRun.objects.filter(target_id=run.target_id).aggregate(top=Max("fence"))["top"] or 0
    )
    taken = MigrationRun.objects.filter(
        pk=run_id,
        fence=fence,
        status__in=[
            str(status) for status in WORKING
        ],  # its holder may have ended it since we looked
        lease_until__lt=Now() - TAKEOVER_AFTER,
    ).update(fence=highest + 1, lease_until=Now() + LEASE, taken_over_at=Now(), held_at=None)
    if taken != 1:
        return None
    RunStep.objects.filter(run_id=run_id, status=str(StepStatus.RUNNING)).update(
        status=str(StepStatus.LOST), finished_at=Now(), output="The worker that ran this step died."
    )
    if run.order:
        _end_order(run)
    return int(highest + 1)


def _end_order(run: MigrationRun) -> None:
    by = run.order_by.full_name if run.order_by else "Somebody"
    said = order_ended(run.order, by=by)
    MigrationRun.objects.filter(pk=run.pk).update(
        order="", order_by=None, order_at=None, order_reason="", problem=said
    )
    audit.append(
        plans.draft_entry(
            run.plan,
            kind=EntryKind.RUN_DECISION,
            actor=PORTAL,
            sentence=f"Run {run.pk} was taken over. {said} The order ended with that worker; nothing more of the run begins.",
            phi=False,
        )
    )
