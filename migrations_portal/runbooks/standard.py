"""The spec's "Standard Migration Procedure": its eight steps, in its order, with the truth read from the target."""

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime

from migrations_portal.backups import services as backups
from migrations_portal.backups.models import Backup
from migrations_portal.execution.recorder import StepRecord
from migrations_portal.execution.reins import Pull
from migrations_portal.execution.rules import (
    STANDARD_STEPS,
    Aborted,
    HoldLost,
    LeaseLost,
    NotNow,
    Outcome,
    StepFacts,
    StepFailed,
)
from migrations_portal.kernel import failpoints
from migrations_portal.kernel.errors import ProductError, Trouble
from migrations_portal.runbooks import (
    endings,
    health,
    losses,
    migrating,
    proving,
    rollback,
    signed,
    staging,
    truth,
    watch_period,
)
from migrations_portal.runbooks.before import Before
from migrations_portal.runbooks.endings import Ending
from migrations_portal.runbooks.leave import Leave, ready
from migrations_portal.runbooks.migrating import FileFailed
from migrations_portal.runbooks.sessions import held_target
from migrations_portal.runbooks.tools import RunContext, Tools, open_context
from migrations_portal.runbooks.truth import TargetState
from migrations_portal.runbooks.watch import watching
from migrations_portal.verification import services as verification

logger = logging.getLogger(__name__)

STEP: dict[str, StepFacts] = {step.key: step for step in STANDARD_STEPS}


def execute(
    *, run_id: int, fence: int, tools: Tools, clock: Callable[[], datetime], public_url: str
) -> None:
    """Execute a claimed run to one of its endings.

    Whatever happens is written down: SUCCEEDED, FAILED (target proven unchanged), ROLLED_BACK (undone by name and
    verified) or NEEDS_DECISION. A worker that loses its lease stops without another word (X4).
    """
    context = open_context(
        run_id=run_id, fence=fence, tools=tools, clock=clock, public_url=public_url
    )
    try:
        with watching(context):
            endings.open_for_emergency(context)
            endings.conclude(context, _run(context))
    except LeaseLost:
        logger.warning("run %s: the lease is lost, this worker stops", run_id)


def _run(context: RunContext) -> Ending:
    """Hold the target's lock and go through the eight steps.

    What fails up to step 4 ends the run before a change. From step 5 on no failure may be called harmless unless the
    target itself says so: anything unforeseen is an unknown outcome.
    """
    with contextlib.ExitStack() as held:
        try:
            signed.check(context)
            failpoints.reach("run.before-lock")
            holder = held.enter_context(held_target(context))
            failpoints.reach("run.after-lock")
            known = _prepare(context)
            leave = Leave(context, holder)
            leave.ask()
        except LeaseLost:
            raise
        except NotNow as closed:
            return endings.postponed(closed.sentence)
        except staging.NotCleared as stuck:
            return endings.unknown(stuck.sentence)
        except Exception as failure:  # noqa: BLE001  # whatever it was, nothing was changed yet, and people are told
            return _stopped(_told(context, failure))
        try:
            return _change(context, known, leave)
        except LeaseLost:
            raise
        except Exception as failure:  # noqa: BLE001  # an unforeseen fault here must not leave the run without a word
            said = _told(context, failure).sentence
            return endings.unknown(f"The run broke off after the migration had begun. {said}")


def _stopped(failure: ProductError) -> Ending:
    if isinstance(failure, Aborted):
        return endings.stopped_by_person(failure)
    return endings.stopped_before_change(failure)


def _told(context: RunContext, failure: Exception) -> ProductError:
    """Return the failure with a sentence for people; what is no `ProductError` is a fault of ours and goes to the log."""
    if context.reins.pulled is Pull.ABORTED:
        return Aborted(context.recorder.ordered())
    if isinstance(failure, ProductError):
        return failure
    logger.error("run %s: unforeseen", context.run.pk, exc_info=failure)
    return Trouble(f"A fault of ours ({type(failure).__name__}); the worker's log has the rest.")


def _change(context: RunContext, known: Before, leave: Leave) -> Ending:
    """Steps 5 to 8, and the way back when one of them demands it."""
    try:
        with context.recorder.step(STEP["migrate"]) as step:
            state = migrating.migrate(context, step, before=known.state, leave=leave)
    except Aborted as aborted:  # before the first file was tried
        return endings.stopped_by_person(aborted)
    except NotNow as closed:  # paused in that moment
        return endings.postponed(closed.sentence)
    except HoldLost as lost:
        return endings.stopped_before_change(lost)
    except FileFailed as failure:
        return _after_failed_file(context, known, failure)
    failpoints.reach("migrate.recorded")
    problem = _confirm(context, known, state=state) or watch_period.hold(context)
    if problem:
        return _take_back(context, known, applied=context.approved, reason=problem)
    endings.prove(
        context,
        ("migration-executed", "verification-passed", "integrity-verified", "foreign-keys-valid"),
    )
    endings.prove(context, ("indexes-created", "row-counts-match"))
    return endings.SUCCESS


def _after_failed_file(context: RunContext, known: Before, failure: FileFailed) -> Ending:
    """A file failed: say what the target holds, and undo the files before it when that is safe."""
    context.recorder.note(
        schema_after=failure.after.schema, history_after=list(failure.after.history)
    )
    if failure.outcome is Outcome.PARTIAL:
        return endings.half_done(failure.sentence)
    if failure.outcome is not Outcome.NOTHING_CHANGED:
        return endings.unknown(failure.sentence)
    if failure.applied:
        return _take_back(context, known, applied=failure.applied, reason=failure.sentence)
    return endings.nothing_changed(failure.sentence)


def _take_back(
    context: RunContext, known: Before, *, applied: tuple[str, ...], reason: str
) -> Ending:
    """Undo by name at once, unless that would pass off a table without its data as the table that was there (ADR 0016)."""
    gone = losses.destroyed(context, files=applied)
    if gone and not context.run.staging:
        return endings.irreversible(reason, destroyed=gone)
    return rollback.execute(context, applied=applied, before=known, reason=reason)


def _prepare(context: RunContext) -> Before:
    """Steps 1 to 4. Nothing here changes the target; any `ProductError` ends the run before a change."""
    ready(context)
    with context.recorder.step(STEP["health-before"]) as step:
        health.check_before(context, step)
    ready(context)
    staging.clear(context)
    failpoints.reach("backup.before")
    with context.recorder.step(STEP["backup"]) as step:
        deleted = verification.deleted_rows(
            server=context.tools.server, endpoint=context.endpoint, name=context.application_name
        )
        step.facts["deleted"] = deleted
        backup = _back_up(context, step)
        failpoints.reach("backup.after-dump")
    ready(context)
    with context.recorder.step(STEP["verify-backup"]) as step:
        _prove_backup(context, step, backup=backup)
        failpoints.reach("backup.after-proof")
    endings.prove(context, ("backup-created-and-verified", "backup-completed", "backup-verified"))
    failpoints.reach("status.before")
    with context.recorder.step(STEP["status-before"]) as step:
        state = _status_before(context, step)
        baseline = verification.baseline(
            server=context.tools.server,
            endpoint=context.endpoint,
            name=context.application_name,
            tables=context.run.revision.tables,
        )
        step.facts["baseline"] = baseline.as_json()
    context.recorder.note(schema_before=state.schema, history_before=list(state.history))
    return Before(state=state, baseline=baseline, counts=backup.counts, deleted=deleted)


def _back_up(context: RunContext, step: StepRecord) -> Backup:
    backup = backups.take(
        run_id=context.run.pk,
        target=context.run.target,
        endpoint=context.endpoint,
        tools=context.tools.backup,
        application_name=context.application_name,
        phi=context.run.revision.phi,
        purpose="pre-migration",
        now=context.clock(),
        on_progress=backups.spaced(step.say),
    )
    step.say(f"{backup.location}: {backup.size:,} bytes, SHA-256 {backup.sha256}")
    step.say(
        f"{len(backup.counts)} tables, {sum(backup.counts.values()):,} rows counted in the dump's own snapshot"
    )
    step.exit_code = 0
    return backup


def _prove_backup(context: RunContext, step: StepRecord, *, backup: Backup) -> None:
    proof = backups.prove(
        backup,
        drill=context.drill,
        tools=context.tools.backup,
        application_name=context.application_name,
        clock=context.clock,
    )
    step.say(
        f"Read back from the vault and hashed: equal; encrypted ({proof.facts.encryption}), kept until {backup.retain_until:%Y-%m-%d}"
    )
    step.say(
        f"Restored on staging in {proof.restore_seconds:.1f} s: {proof.tables} tables, {proof.rows:,} rows, every count equal"
    )
    step.say("The restored copy is dropped")
    step.facts = {"restore_seconds": round(proof.restore_seconds, 1)}
    step.exit_code = 0


def _status_before(context: RunContext, step: StepRecord) -> TargetState:
    """Step 4: what is applied, what is pending, and that none of ours is in the history already."""
    state = truth.read_state(context)
    status = context.tools.driver.status(context.endpoint, context.bundle, limits=context.limits)
    step.quote(status.output)
    already = sorted(set(context.approved) & set(state.history))
    if already:
        raise StepFailed(
            f"{', '.join(already)} is in the target's history already. Nothing was run; find out who applied it."
        )
    strangers = sorted(set(status.pending) - set(context.approved))
    if strangers:
        step.say(
            f"Pending but not part of this plan, so left alone: {', '.join(strangers)}",
            level="warn",
        )
    step.exit_code = 0
    return state


def _confirm(context: RunContext, known: Before, *, state: TargetState) -> str:
    """Steps 6 to 8. Return the sentence that demands a rollback, or nothing."""
    context.recorder.note(schema_after=state.schema, history_after=list(state.history))
    try:
        with context.recorder.step(STEP["status-after"]) as step:
            failpoints.reach("status-after.before")
            _status_after(context, step, before=known.state, after=state)
        with context.recorder.step(STEP["verify"]) as step:
            failpoints.reach("verify.before")
            _verify(context, step, known=known)
            failpoints.reach("verify.after")
        with context.recorder.step(STEP["health-after"]) as step:
            failpoints.reach("health-after.before")
            health.check_after(context, step)
        staging.ask_application(context)
    except StepFailed as failure:
        return failure.sentence
    except ProductError:
        if context.reins.pulled is not Pull.ABORTED:
            raise
        return context.recorder.ordered()  # what failed is what the stop has cut off
    return ""


def _status_after(
    context: RunContext, step: StepRecord, *, before: TargetState, after: TargetState
) -> None:
    """Step 6: the history gained exactly the approved files (X10)."""
    status = context.tools.driver.status(context.endpoint, context.bundle, limits=context.limits)
    step.quote(status.output)
    gained = truth.added(before=before.history, after=after.history)
    if gained != set(context.approved):
        raise StepFailed(
            f"The history gained {sorted(gained)}, not exactly what was approved {list(context.approved)}."
        )
    step.say(f"The history gained exactly the approved files: {', '.join(context.approved)}")
    step.exit_code = 0


def _verify(context: RunContext, step: StepRecord, *, known: Before) -> None:
    """Step 7: the spec's queries as assertions, and the plan's own."""
    results = proving.prove(
        context, known=known, phase="after", checks=verification.plan_checks(context.plan)
    )
    for each in results:
        step.say(
            f"{'ok' if each.passed else each.severity}: {each.sentence}",
            level="info" if each.passed else "warn",
        )
    failed = [each.sentence for each in results if not each.passed and each.severity == "fail"]
    context.recorder.note(verification_status="failed" if failed else "passed")
    if failed:
        raise StepFailed("Verification failed: " + " ".join(failed))
    step.exit_code = 0
