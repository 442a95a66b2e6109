"""What two people decided, carried out: the files are rolled back by name, or recorded as applied after work by hand (X9)."""

import logging
from collections.abc import Callable
from datetime import datetime

from migrations_portal.execution.recorder import StepRecord
from migrations_portal.execution.rules import (
    MARK_STEPS,
    Choice,
    LeaseLost,
    Outcome,
    RunStatus,
    StepFacts,
    StepFailed,
)
from migrations_portal.kernel.errors import ProductError
from migrations_portal.runbooks import before, endings, proving, rollback, signed, truth
from migrations_portal.runbooks.before import Before
from migrations_portal.runbooks.endings import Ending
from migrations_portal.runbooks.sessions import WAIT_SECONDS, end_older_sessions, held_target
from migrations_portal.runbooks.tools import RunContext, Tools, open_context
from migrations_portal.runbooks.watch import watching
from migrations_portal.verification import services as verification

logger = logging.getLogger(__name__)

STEP: dict[str, StepFacts] = {step.key: step for step in MARK_STEPS}


def execute(
    *, run_id: int, fence: int, tools: Tools, clock: Callable[[], datetime], public_url: str
) -> None:
    """Carry out ROLL_BACK, MARK_APPLIED, or KEEP where traffic is to be taken back, under a new fence.

    What fails comes back to people.
    """
    context = open_context(
        run_id=run_id, fence=fence, tools=tools, clock=clock, public_url=public_url
    )
    try:
        with watching(context):
            context.reins.begin_way_back()
            endings.conclude(context, _ending(context))
    except LeaseLost:
        logger.warning("run %s: the lease is lost, this worker stops", run_id)


def _ending(context: RunContext) -> Ending:
    if context.run.carrying_out == Choice.KEEP:  # nothing is done to the target
        return Ending(
            RunStatus.SUCCEEDED,
            Outcome.KEPT,
            problem=context.run.problem,
            advice=f"Kept as it is: {_reason(context)}",
        )
    try:
        end_older_sessions(context)
        with held_target(context, wait_seconds=WAIT_SECONDS):
            known = before.load(context)
            if context.run.carrying_out == Choice.MARK_APPLIED:
                return _mark_applied(context, known)
            return _roll_back(context, known)
    except LeaseLost:
        raise
    except ProductError as failure:
        return endings.unknown(
            f"“{Choice(context.run.carrying_out).title}” could not be carried out: {failure.sentence}"
        )


def _roll_back(context: RunContext, known: Before) -> Ending:
    signed.check(context)
    state = truth.read_state(context)
    gained = truth.added(before=known.state.history, after=state.history)
    applied = tuple(name for name in context.approved if name in gained)
    if not applied:
        raise StepFailed(
            "nothing of this run is in the history, so there is nothing to undo by name."
        )
    return rollback.execute(
        context, applied=applied, before=known, reason="Two people decided to roll back."
    )


def _mark_applied(context: RunContext, known: Before) -> Ending:
    with context.recorder.step(STEP["mark-record"]) as step:
        _record(context, step)
    with context.recorder.step(STEP["mark-verify"]) as step:
        _verify(context, step, known=known)
    return Ending(
        RunStatus.SUCCEEDED,
        Outcome.MARKED,
        problem=context.run.problem,
        advice=f"Recorded as applied: {_reason(context)}",
    )


def _record(context: RunContext, step: StepRecord) -> None:
    with context.tools.server.session(
        context.endpoint, application_name=context.application_name
    ) as session:
        recorded = set(context.tools.driver.history(session, context.bundle))
        for name in context.approved:
            if name in recorded:
                step.say(f"{name} is in the history already")
            else:
                context.tools.driver.mark(session, context.bundle, name=name)
                step.say(f"{name} is recorded as applied")
    step.exit_code = 0


def _verify(context: RunContext, step: StepRecord, *, known: Before) -> None:
    state = truth.read_state(context)
    context.recorder.note(schema_after=state.schema, history_after=list(state.history))
    gained = truth.added(before=known.state.history, after=state.history)
    if gained != set(context.approved):
        raise StepFailed(f"the history gained {sorted(gained)}, not exactly the approved files.")
    results = proving.prove(
        context, known=known, phase="marked", checks=verification.plan_checks(context.plan)
    )
    for each in results:
        step.say(f"{'ok' if each.passed else each.severity}: {each.sentence}")
    failed = [each.sentence for each in results if not each.passed and each.severity == "fail"]
    context.recorder.note(verification_status="failed" if failed else "passed")
    if failed:
        raise StepFailed("a check failed: " + " ".join(failed))
    step.exit_code = 0


def _reason(context: RunContext) -> str:
    made = context.run.decisions.filter(choice=context.run.carrying_out).order_by("pk")
    return " / ".join(each.reason for each in made)
