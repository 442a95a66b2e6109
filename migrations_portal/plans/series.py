"""Series of phases: a phase begins only when the one before it succeeded and a person confirmed the deploy between them.

The same rule stands in the database as a trigger on the plan's status.
"""

from datetime import datetime

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.plans import services
from migrations_portal.plans.models import MigrationPlan, Phase, Series
from migrations_portal.plans.rules import PlanStatus


class PhaseRefused(Refused):
    """This phase cannot be added or confirmed."""

    code = "phase-refused"


@transaction.atomic
def add_phase(
    *, plan_id: int, by: Person, title: str, deploy_before: str, now: datetime
) -> MigrationPlan:
    """Open the draft of the next phase after the last of the plan's series; the plan becomes phase 1 when it has no series yet.

    Raises `PhaseRefused`, `NotAllowed`.
    """
    plan = services.lock(plan_id)
    if not deploy_before.strip():
        raise PhaseRefused("Say what has to be deployed before the next phase may begin.")
    if not title.strip():
        raise PhaseRefused("Give the next phase a title: say what changes in it.")
    own = Phase.objects.filter(plan=plan).first()
    if own is None:
        series = Series.objects.create(title=plan.title, created_at=now)
        own = Phase.objects.create(series=series, position=1, plan=plan)
    series = Series.objects.select_for_update().get(pk=own.series_id)
    last = series.phases.select_related("plan").order_by("-position")[0]
    if last.plan.status in {PlanStatus.WITHDRAWN, PlanStatus.REJECTED, PlanStatus.CANCELLED}:
        raise PhaseRefused(f"{last.plan.number} ended, so nothing can follow it.")
    new = services.create(title=title, target=plan.target, by=by, now=now)
    Phase.objects.create(
        series=series,
        position=last.position + 1,
        plan=new,
        deploy_before=deploy_before.strip()[:300],
    )
    audit.append(
        services.draft_entry(
            new,
            kind=EntryKind.PHASE_ADDED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} opened {new.number} as phase {last.position + 1} after {last.plan.number}.",
            facts={"deploy_before": deploy_before.strip()[:300]},
        )
    )
    return new


@transaction.atomic
def confirm_deploy(*, plan_id: int, by: Person, note: str, now: datetime) -> None:
    """Record that the deploy before this phase is live. Raises `PhaseRefused`, `NotAllowed`."""
    plan = services.lock(plan_id)
    access.check_member(person=by, group=plan.target.group)
    own = Phase.objects.select_for_update().filter(plan=plan).first()
    if own is None or own.position == 1:
        raise PhaseRefused("No deploy comes before this plan.")
    if own.deployed_at is not None:
        raise PhaseRefused("The deploy before this phase is confirmed already.")
    if not note.strip():
        raise PhaseRefused("Say what is live and how you know, such as a link to the deploy.")
    before = Phase.objects.select_related("plan").get(
        series=own.series_id, position=own.position - 1
    )
    if before.plan.status != PlanStatus.SUCCEEDED:
        raise PhaseRefused(
            f"{before.plan.number} has to succeed before its deploy can be confirmed."
        )
    own.deployed_at, own.deployed_by, own.deployed_note = now, by, note.strip()[:300]
    own.save(update_fields=["deployed_at", "deployed_by", "deployed_note"])
    audit.append(
        services.draft_entry(
            plan,
            kind=EntryKind.DEPLOY_CONFIRMED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} confirmed the deploy before {plan.number}: {own.deploy_before}",
            reason=own.deployed_note,
        )
    )
