"""Scheduling, claiming, finishing and deciding on runs."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Value
from django.db.models.functions import Coalesce, Greatest, Now

from migrations_portal.approvals.queries import run_by
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EXTENSION_KEY, PORTAL, Draft, EntryKind
from migrations_portal.backups.models import Backup
from migrations_portal.execution import announcements, orphans, postponing, queries, staging
from migrations_portal.execution.models import MigrationRun, RunDecision, RunStep
from migrations_portal.execution.rules import (
    LEASE,
    RUN_STATES,
    LeaseLost,
    Outcome,
    RunStatus,
)
from migrations_portal.kernel import failpoints
from migrations_portal.kernel.days import WHOLE_DAY
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans import slots
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.rehearsals import queries as rehearsals

PLAN_STATUS_OF: dict[RunStatus, PlanStatus] = {
    RunStatus.RUNNING: PlanStatus.RUNNING,
    RunStatus.SUCCEEDED: PlanStatus.SUCCEEDED,
    RunStatus.FAILED: PlanStatus.FAILED,
    RunStatus.ROLLED_BACK: PlanStatus.ROLLED_BACK,
    RunStatus.NEEDS_DECISION: PlanStatus.NEEDS_DECISION,
    RunStatus.RESTORED: PlanStatus.RESTORED,
    RunStatus.POSTPONED: PlanStatus.APPROVED,
}
RECORD_STATUS: dict[RunStatus, str] = {
    RunStatus.SUCCEEDED: "success",
    RunStatus.FAILED: "failed",
    RunStatus.ROLLED_BACK: "rolled_back",
    RunStatus.NEEDS_DECISION: "needs_decision",
    RunStatus.RESTORED: "restored",
    RunStatus.POSTPONED: "postponed",
}
"""Run status → the word in the spec's audit record."""
RECORD_BY_HAND: dict[Outcome, str] = {Outcome.KEPT: "kept", Outcome.MARKED: "marked_applied"}
"""The word for a run that two people ended by hand: what they said is no success of ours."""


def schedule_approved(*, now: datetime) -> list[int]:
    """Give every approved plan its run, due at T-0 (or at once when T-0 passed while people signed); return the run ids.

    Plans whose target has a staging partner get their run there as soon as they are reviewed (`staging.schedule`).
    Runs whose plan was cancelled, postponed, opened for changes or has expired meanwhile are cancelled first.
    """
    orphans.cancel(now=now)
    ids = MigrationPlan.objects.filter(status=str(PlanStatus.APPROVED)).values_list("pk", flat=True)
    made = (_schedule(plan_id, now=now) for plan_id in list(ids))
    scheduled = [run_id for run_id in made if run_id is not None]
    return [*staging.schedule(now=now), *scheduled]


@transaction.atomic
def _schedule(plan_id: int, *, now: datetime) -> int | None:
    plan = plans.lock(plan_id)
    revision = plan_queries.newest_revision(plan)
    if plan.status != PlanStatus.APPROVED or revision is None:
        return None
    run = MigrationRun.objects.create(
        plan=plan,
        revision=revision,
        target=plan.target,
        due_at=Greatest(Value(plan.scheduled_for or now), queries.at_once(now)),
        created_at=now,
    )
    run.refresh_from_db(fields=["due_at"])
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.RUN_SCHEDULED,
        actor=PORTAL,
        sentence=f"Run {run.pk} of {plan.number} is scheduled for {run.due_at:%Y-%m-%d %H:%M:%S} UTC.",
        phi=revision.phi,
    )
    plans.move(plan, status=PlanStatus.SCHEDULED, entry=entry, now=now)
    return run.pk


def claim(
    *, run_id: int, worker: str, now: datetime, public_url: str, day: timedelta = WHOLE_DAY
) -> int | None:
    """Claim a due run and return its fence, or None when it is not due, not free, or its target is busy.

    One conditional UPDATE by the database's clock, counted (X2); the fence rises with every claim on the target (X3).
    `day` is a T-day, shorter only in the demo.
    """
    try:
        with transaction.atomic():
            fence = _claim(run_id=run_id, worker=worker, now=now, public_url=public_url, day=day)
    except IntegrityError:
        return (
            None  # another run is active on the target; the partial unique index has the last word
        )
    if fence is not None:
        failpoints.reach("claim.after-commit")
    return fence


def _claim(
    *, run_id: int, worker: str, now: datetime, public_url: str, day: timedelta
) -> int | None:
    run = (
        MigrationRun.objects.select_related("plan__target__staging_target", "target", "revision")
        .filter(pk=run_id)
        .first()
    )
    if run is None:
        return None
    plan = plans.lock(run.plan_id)
    wanted = staging.OPEN if run.staging else (PlanStatus.SCHEDULED,)
    if plan.status not in wanted or plan.revision != run.revision.number:
        return None  # cancelled, postponed or opened for changes after the bell rang
    if not _may_start(run, plan=plan, now=now, public_url=public_url, day=day):
        return None
    highest = MigrationRun.objects.filter(target_id=run.target_id).aggregate(
        top=Coalesce(Max("fence"), 0)
    )["top"]
    claimed = MigrationRun.objects.filter(
        pk=run_id, status=str(RunStatus.DUE), due_at__lte=Now()
    ).update(
        status=str(RunStatus.RUNNING),
        claimed_at=Now(),
        claimed_by=worker[:120],
        lease_until=Now() + LEASE,
        fence=highest + 1,
        problem="",
    )
    if claimed != 1:
        return None
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.RUN_STARTED,
        actor=PORTAL,
        sentence=f"Run {run.pk} of {plan.number} started on {run.target.name}.",
        phi=run.revision.phi,
        target=run.target.name,
        environment=run.target.environment.lower(),
        facts={"fence": highest + 1, "worker": worker[:120], "digest": run.revision.digest},
    )
    _move(run, plan=plan, status=PlanStatus.RUNNING, entry=entry, now=now)
    run.refresh_from_db()
    if not run.staging:
        announcements.tell(run, template="run_started", now=now, public_url=public_url)
    failpoints.reach("claim.before-commit")
    return int(highest + 1)


def _move(
    run: MigrationRun, *, plan: MigrationPlan, status: PlanStatus, entry: Draft, now: datetime
) -> None:
    """Let the plan follow its run, with the ledger entry. A run on staging moves no plan."""
    if run.staging or PlanStatus(plan.status) is status:
        audit.append(entry)  # a failed restore leaves the plan waiting for a decision, as before
    else:
        plans.move(plan, status=status, entry=entry, now=now)


def _may_start(
    run: MigrationRun, *, plan: MigrationPlan, now: datetime, public_url: str, day: timedelta
) -> bool:
    """Say whether a due run is in time, meets an open window, a phase that may begin, and a staging stage that has passed.

    Once its "run by" is over its plan ends here, whether or not the sweep has come by (A8).
    On production it is postponed when the window is closed (X18); a run on staging waits for the next one there.
    """
    clock = queries.database_now()
    run.refresh_from_db(fields=["status", "due_at"])
    if run.status != RunStatus.DUE or run.due_at > clock or plan_queries.phase_waits_for(plan):
        return False
    last = run_by(run.revision)
    if last is None or clock >= last:
        if not run.staging:
            postponing.expire(run, plan=plan, now=now, day=day, public_url=public_url)
        return False
    gate = slots.gate(plan, level=run.revision.level, at=clock, target=run.target)
    if run.staging:
        return gate.open
    if not gate.open:
        postponing.postpone(run, plan=plan, gate=gate, now=now, public_url=public_url, day=day)
    return gate.open and not staging.waits_for(run.revision)


@transaction.atomic
def finish(
    *,
    run_id: int,
    fence: int,
    status: RunStatus,
    outcome: Outcome,
    problem: str,
    advice: str,
    now: datetime,
    public_url: str,
) -> MigrationRun:
    """End a claimed run (or hand it to people), with the spec's record per file, the plan's status, and the news.

    Raises `LeaseLost` when the fence is no longer the run's, `TransitionRefused`.
    """
    run = (
        MigrationRun.objects.select_for_update(of=("self",))
        .select_related("plan__target", "plan__author", "revision", "target")
        .filter(pk=run_id, fence=fence)
        .first()
    )
    if run is None:
        raise LeaseLost
    RUN_STATES.check(source=RunStatus(run.status), target=status)
    run.status, run.outcome, run.problem, run.advice = str(status), str(outcome), problem, advice
    run.finished_at = now
    run.save(update_fields=["status", "outcome", "problem", "advice", "finished_at"])
    if status is RunStatus.NEEDS_DECISION:
        RunDecision.objects.filter(
            run=run
        ).delete()  # a failed recovery is decided anew; the ledger keeps who chose it
    plan = plans.lock(run.plan_id)
    word = RECORD_BY_HAND.get(outcome, status.lower())
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.RUN_FINISHED,
        actor=PORTAL,
        sentence=f"Run {run.pk} of {plan.number} ended: {word.replace('_', ' ')}. {outcome.sentence}{_also(run)}",
        reason=problem,
        result=_record_status(run),
        phi=run.revision.phi,
        target=run.target.name,
        environment=run.target.environment.lower(),
    )
    _move(run, plan=plan, status=PLAN_STATUS_OF[status], entry=entry, now=now)
    for record in _records(run, now=now):
        audit.append(
            plans.draft_entry(
                plan,
                kind=EntryKind.MIGRATION_RECORD,
                actor=PORTAL,
                sentence=f"Audit record of {record['migration']} on {run.target.database}.",
                reason=plan.justification,
                result=record["status"],
                phi=run.revision.phi,
                record=record,
                target=run.target.name,
                environment=run.target.environment.lower(),
            )
        )
    announcements.tell(
        run, template=announcements.TEMPLATE_OF[run.shown], now=now, public_url=public_url
    )
    return run


def _also(run: MigrationRun) -> str:
    """Return what else is to be known of the end: traffic that stays away, and files that sent other SQL than was assessed."""
    away = f" {run.traffic_sentence}" if run.traffic_sentence else ""
    files = queries.sent_otherwise(run)
    if not files:
        return away
    return f"{away} Other SQL than was assessed was sent by {', '.join(files)}; the run's page shows it."


def _record_status(run: MigrationRun) -> str:
    by_hand = RECORD_BY_HAND.get(Outcome(run.outcome)) if run.outcome else None
    return by_hand or RECORD_STATUS[RunStatus(run.status)]


def _records(run: MigrationRun, *, now: datetime) -> list[dict[str, Any]]:
    """Return the spec's record, one for each migration file of the run; none for a run that was postponed."""
    if run.status == RunStatus.POSTPONED:
        return []
    backup = Backup.objects.filter(run=run, purpose="pre-migration").order_by("pk").first()
    started = run.claimed_at or now
    return [
        {
            "timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "executor": queries.executor_of(run),
            "migration": name,
            "environment": run.target.environment.lower(),
            "database": run.target.database,
            "tables_affected": list(run.revision.tables),
            "phi_impact": run.revision.phi,
            "justification": run.plan.justification,
            "backup_location": backup.location if backup else "none",
            "duration_seconds": max(0, round((now - started).total_seconds())),
            "status": _record_status(run),
            "verification_status": run.verification_status,
            "rollback_tested": rehearsals.rollback_tested(run.revision),
            EXTENSION_KEY: queries.beyond_the_spec(run, backup=backup),
        }
        for name in _begun(run)
    ]


def _begun(run: MigrationRun) -> list[str]:
    """Return the files that the run has begun with; all of them when it ended before the first."""
    names = list(run.revision.files.order_by("position").values_list("name", flat=True))
    step = RunStep.objects.filter(run=run, key="migrate").first()
    return [name for name in names if name in step.facts] if step and step.facts else names
