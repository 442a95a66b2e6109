"""The spec's "Rollback Execution": its six steps. Undoes by name, newest first, only what this run recorded (X11)."""

from migrations_portal.backups import services as backups
from migrations_portal.execution import sqlstates
from migrations_portal.execution.recorder import StepRecord
from migrations_portal.execution.recording import rolled_back_whole
from migrations_portal.execution.rules import (
    LOCK_ATTEMPTS,
    ROLLBACK_STEPS,
    LeaseLost,
    StepFacts,
    StepFailed,
)
from migrations_portal.kernel import failpoints
from migrations_portal.kernel.errors import ProductError
from migrations_portal.runbooks import endings, losses, proving, traffic, truth
from migrations_portal.runbooks.before import Before
from migrations_portal.runbooks.endings import Ending
from migrations_portal.runbooks.tools import RunContext
from migrations_portal.runbooks.truth import TargetState
from migrations_portal.runbooks.watchdog import guarded

STEP: dict[str, StepFacts] = {step.key: step for step in ROLLBACK_STEPS}


def execute(
    context: RunContext,
    *,
    applied: tuple[str, ...],
    before: Before,
    reason: str,
) -> Ending:
    """Undo what this run applied and prove that the target is as before; hand it to people when that fails.

    Values that the files destroyed do not come back by it; the ending says which.
    """
    context.reins.begin_way_back()
    context.recorder.log(f"ROLLBACK: {reason}", level="error")
    try:
        traffic.divert(context, STEP["rollback-divert"])
        _check_nothing_on_top(context, applied=applied, before=before.state)
        _back_up(context)
        failpoints.reach("rollback.before-undo")
        _undo(context, applied=applied)
        failpoints.reach("rollback.after-undo")
        _verify(context, before=before)
        traffic.restore(context, STEP["rollback-traffic"])
    except LeaseLost:
        raise
    except ProductError as failure:
        now_true = _now_true(context, applied=applied, before=before.state)
        return endings.rollback_failed(reason, failure=failure.sentence, now_true=now_true)
    endings.prove(context, ("rollback-reason", "rollback-executed", "rollback-verified"))
    return endings.rolled_back(
        reason, destroyed=losses.destroyed(context, files=applied), changed=losses.changed(context)
    )


def _now_true(context: RunContext, *, applied: tuple[str, ...], before: TargetState) -> str:
    """Say what the target holds after a rollback that failed, read from the target itself."""
    try:
        state = truth.read_state(context)
    except ProductError as failure:
        return f"The target cannot be read: {failure.sentence}"
    context.recorder.note(schema_after=state.schema, history_after=list(state.history))
    recorded = [name for name in applied if name in state.history]
    schema = "is as before" if state.schema == before.schema else "differs from before"
    return f"In the history of what this run applied: {', '.join(recorded) or 'nothing'}; the schema {schema}."


def _check_nothing_on_top(
    context: RunContext, *, applied: tuple[str, ...], before: TargetState
) -> None:
    with context.recorder.step(STEP["rollback-status"]) as step:
        state = truth.read_state(context)
        gained = truth.added(before=before.history, after=state.history)
        step.say(f"Applied by this run: {', '.join(applied)}")
        strangers = gained - set(applied)
        if strangers:
            raise StepFailed(
                f"Somebody else applied {', '.join(sorted(strangers))} meanwhile, so undoing ours is not safe. Two people decide."
            )


def _back_up(context: RunContext) -> None:
    with context.recorder.step(STEP["rollback-backup"]) as step:
        backup = backups.take(
            run_id=context.run.pk,
            target=context.run.target,
            endpoint=context.endpoint,
            tools=context.tools.backup,
            application_name=context.application_name,
            phi=context.run.revision.phi,
            purpose="pre-rollback",
            now=context.clock(),
        )
        step.say(f"{backup.location}: {backup.size:,} bytes, SHA-256 {backup.sha256}")
        step.exit_code = 0


def _undo(context: RunContext, *, applied: tuple[str, ...]) -> None:
    with context.recorder.step(STEP["rollback-undo"]) as step:
        for name in reversed(applied):
            undo_one(context, step, name=name)


def undo_one(context: RunContext, step: StepRecord, *, name: str) -> None:
    """Undo one file; tried again while only a lock was missing and the file is still recorded."""
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        context.recorder.check()
        with guarded(context, step, name=name):
            result = context.tools.driver.down(
                context.endpoint,
                context.bundle,
                name=name,
                limits=context.limits,
                on_output=step.quote,
            )
        context.count(result)
        step.exit_code = result.exit_code
        if name not in truth.read_state(context).history:
            step.say(f"{name} is undone and out of the history")
            return
        if result.sqlstate not in sqlstates.LOCKED_OUT or not rolled_back_whole(result):
            why = sqlstates.why_ended(sqlstate=result.sqlstate, exit_code=result.exit_code)
            raise StepFailed(f"Undoing {name} failed: {why}.")
        step.say(f"No lock (attempt {attempt} of {LOCK_ATTEMPTS}); stepping aside", level="warn")
    raise StepFailed(f"Undoing {name} never got its locks in {LOCK_ATTEMPTS} attempts.")


def _verify(context: RunContext, *, before: Before) -> None:
    with context.recorder.step(STEP["rollback-verify"]) as step:
        state = truth.read_state(context)
        context.recorder.note(schema_after=state.schema, history_after=list(state.history))
        difference = truth.schema_difference(before.state.schema, state.schema)
        if state.history != before.state.history or difference:
            step.say("\n".join(difference[:200]))
            raise StepFailed(
                "After the rollback the target is not as before: "
                + _what_differs(before.state, state)
            )
        step.say("History and schema are exactly as before the run")
        results = proving.prove(context, known=before, phase="rollback", checks=())
        failed = [each.sentence for each in results if not each.passed and each.severity == "fail"]
        if failed:
            raise StepFailed("After the rollback a check failed: " + " ".join(failed))
        step.exit_code = 0


def _what_differs(before: TargetState, after: TargetState) -> str:
    parts = ["the history differs"] if before.history != after.history else []
    return (
        " and ".join([*parts, *(["the schema differs"] if before.schema != after.schema else [])])
        + "."
    )
