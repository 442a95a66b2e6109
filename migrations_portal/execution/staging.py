"""The stage before production: a plan's revision runs on the target's staging partner first, and has to succeed there.

The same rule stands in the database as a trigger on the run's status.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from migrations_portal.approvals.models import ChainStage
from migrations_portal.approvals.policy import Stage
from migrations_portal.audit.rules import PORTAL, Actor, EntryKind
from migrations_portal.audit.services import actor, append
from migrations_portal.execution import queries
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import ACTIVE, Outcome, RunStatus
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.targets.models import Target

OPEN = (PlanStatus.SUBMITTED, PlanStatus.APPROVED, PlanStatus.SCHEDULED)
"""While a plan is in one of these, its revision may run on staging."""
PASSED = (Outcome.APPLIED, Outcome.MARKED)
"""A run that people kept as it is (KEPT) shows nothing about the plan."""
ASKERS = frozenset({Role.ENGINEER, Role.DBA, Role.TECH_LEAD})
"""Who may have a plan run on staging again."""


class StagingRefused(Refused):
    """This plan cannot run on staging now."""

    code = "staging-refused"


@dataclass(frozen=True)
class Standing:
    """How far a revision is on staging."""

    partner: Target
    passed: bool
    sentence: str
    """Who or what is waited for; one line about the run when it passed."""
    run: MigrationRun | None
    may_ask: bool = False
    """Whether a person can have it run again: it ran, and did not succeed."""


def standing(revision: PlanRevision) -> Standing | None:
    """Say how far the revision is on its target's staging partner; None where there is none."""
    partner = revision.plan.target.staging_target
    if partner is None:
        return None
    runs = MigrationRun.objects.filter(revision=revision, target=partner, staging=True)
    run = runs.exclude(status=str(RunStatus.CANCELLED)).order_by("-pk").first()
    if run is None or run.status == RunStatus.POSTPONED:
        return Standing(partner, passed=False, sentence=_not_begun(revision, partner), run=run)
    status = RunStatus(run.status)
    passed = status is RunStatus.SUCCEEDED and run.outcome in PASSED
    over = status not in {RunStatus.DUE, *ACTIVE}
    return Standing(
        partner, passed, _sentence(run, partner, passed=passed), run, may_ask=over and not passed
    )


def _not_begun(revision: PlanRevision, partner: Target) -> str:
    if not _reviewed(revision):
        return f"It runs on {partner} by itself as soon as the technical review (T-7) is signed."
    return f"Its run on {partner} begins within seconds."


def _sentence(run: MigrationRun, partner: Target, *, passed: bool) -> str:
    status = RunStatus(run.status)
    if passed:
        return f"Run {run.pk} on {partner} succeeded, with every check."
    if status is RunStatus.DUE:
        holder = MigrationRun.objects.filter(target=partner, status__in=map(str, ACTIVE)).first()
        held = f"run {holder.pk} holds it" if holder else "it begins when a window is open there"
        return f"Run {run.pk} waits for {partner}: {held}."
    if status is RunStatus.NEEDS_DECISION:
        return f"Run {run.pk} on {partner} waits for two people to decide what happens there."
    if status in ACTIVE:
        return f"Run {run.pk} on {partner} is under way."
    why = run.problem or Outcome(run.outcome).sentence if run.outcome else run.problem
    return (
        f"Run {run.pk} on {partner} did not succeed. {why} "
        "Mend what it names and run it there again, or open the plan for changes."
    )


def waits_for(revision: PlanRevision) -> str:
    """Return why the revision may not start on production yet; empty when it may, or where there is no stage before."""
    stands = standing(revision)
    return "" if stands is None or stands.passed else f"Staging comes first. {stands.sentence}"


def _reviewed(revision: PlanRevision) -> bool:
    """Whether somebody has reviewed what would run on a database that others use too; an emergency does not wait."""
    if revision.plan.emergency_reason:
        return True
    stages = ChainStage.objects.filter(revision=revision, stage=str(Stage.REVIEW))
    return not stages.filter(completed_at__isnull=True).exists()


def schedule(*, now: datetime) -> list[int]:
    """Give each reviewed revision its first run on the staging partner; return the run ids. A failed one is asked for by people."""
    ids = MigrationPlan.objects.filter(
        status__in=map(str, OPEN), target__staging_target__isnull=False
    ).values_list("pk", flat=True)
    made = (_schedule(plan_id, now=now) for plan_id in list(ids))
    return [run_id for run_id in made if run_id is not None]


@transaction.atomic
def _schedule(plan_id: int, *, now: datetime) -> int | None:
    plan = plans.lock(plan_id)
    revision = plan_queries.newest_revision(plan)
    if plan.status not in OPEN or revision is None or not _reviewed(revision):
        return None
    stands = standing(revision)
    if stands is None or (stands.run and stands.run.status != RunStatus.POSTPONED):
        return None
    return _create(revision, partner=stands.partner, by=PORTAL, now=now).pk


def _create(revision: PlanRevision, *, partner: Target, by: Actor, now: datetime) -> MigrationRun:
    plan = revision.plan
    run = MigrationRun.objects.create(
        plan=plan,
        revision=revision,
        target=partner,
        staging=True,
        due_at=queries.at_once(now),
        created_at=now,
    )
    run.refresh_from_db(fields=["due_at"])
    append(
        plans.draft_entry(
            plan,
            kind=EntryKind.RUN_SCHEDULED,
            actor=by,
            sentence=f"Run {run.pk} of {plan.number} goes to staging ({partner}) before production.",
            phi=revision.phi,
            target=partner.name,
            environment=partner.environment.lower(),
        )
    )
    return run


@transaction.atomic
def ask_again(*, plan_id: int, by: Person, now: datetime) -> MigrationRun:
    """Have the newest revision run on staging again after it did not succeed there. Raises `StagingRefused`, `NotAllowed`."""
    plan = plans.lock(plan_id)
    access.check_holds_any(person=by, roles=ASKERS, group=plan.target.group)
    revision = plan_queries.newest_revision(plan)
    if revision is None or plan.status not in OPEN:
        raise StagingRefused("Only a submitted plan that has not run yet goes to staging.")
    stands = standing(revision)
    if stands is None:
        raise StagingRefused(f"{plan.target} has no staging target. An administrator can name one.")
    if not stands.may_ask:
        raise StagingRefused(stands.sentence)
    return _create(revision, partner=stands.partner, by=actor(by), now=now)
