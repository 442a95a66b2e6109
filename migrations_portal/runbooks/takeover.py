"""What happens to a run whose worker died: nothing is tried again; the target is read and people are told (X8, X9)."""

import logging
from collections.abc import Callable
from datetime import datetime

from migrations_portal.execution.models import RunStep
from migrations_portal.execution.rules import (
    STANDARD_STEPS,
    Choice,
    LeaseLost,
    RunStatus,
    StepStatus,
)
from migrations_portal.kernel import failpoints
from migrations_portal.kernel.errors import ProductError, TargetTrouble
from migrations_portal.runbooks import endings, truth
from migrations_portal.runbooks.endings import Ending
from migrations_portal.runbooks.sessions import (
    WAIT_SECONDS,
    databases_kept,
    end_older_sessions,
    held_target,
)
from migrations_portal.runbooks.tools import RunContext, Tools, open_context
from migrations_portal.runbooks.watch import watching
from migrations_portal.targets.ports import TargetSession

logger = logging.getLogger(__name__)


def execute(
    *, run_id: int, fence: int, tools: Tools, clock: Callable[[], datetime], public_url: str
) -> None:
    """Find out what a lost run left behind, under a new fence (X8).

    1. Sessions of older fences are ended and waited for.
    2. The migration never began: FAILED, nothing changed, whether or not the target could be asked.
    3. It began: the target's lock is taken, the history and the schema are read and shown, and two people decide.
    """
    context = open_context(
        run_id=run_id, fence=fence, tools=tools, clock=clock, public_url=public_url
    )
    try:
        with watching(context, sample=False):
            context.reins.begin_way_back()
            context.recorder.log(
                "The worker of this run died; reading what the target holds.", level="error"
            )
            endings.conclude(context, _ending(context))
    except LeaseLost:
        logger.warning("run %s: taken over by somebody else", run_id)


def _ending(context: RunContext) -> Ending:
    ordered = _ordered(context)
    before_a_change = [step.key for step in STANDARD_STEPS[:4]]
    if not RunStep.objects.filter(run=context.run).exclude(key__in=before_a_change).exists():
        _let_go(context)
        return endings.stopped_before_change(
            TargetTrouble(
                f"{ordered}The worker died before the migration began, so nothing was changed."
            )
        )
    failpoints.reach("takeover.after-claim")
    when = _when(context)
    try:
        end_older_sessions(context)
        failpoints.reach("takeover.sessions-ended")
        with held_target(context, wait_seconds=WAIT_SECONDS) as holder:
            state = truth.read_state(context)
            swapped = _swapped(context, holder)
    except LeaseLost:
        raise
    except ProductError as failure:
        return endings.unknown(
            f"{ordered}The worker died {when}, and the target cannot be read: {failure.sentence}"
        )
    context.recorder.note(schema_after=state.schema, history_after=list(state.history))
    recorded = [name for name in context.approved if name in state.history]
    moved = bool(truth.schema_difference(context.run.schema_before, state.schema))
    return endings.unknown(
        f"{ordered}The worker died {when}. {swapped}"
        f"Recorded in the history: {', '.join(recorded) or 'none of ours'}. "
        f"The schema {'has changed' if moved else 'is as before'}; whether rows were written is not known."
    )


def _ordered(context: RunContext) -> str:
    """Return the sentence about an order that the dead worker had, with a blank after it; empty when it had none."""
    run = context.run  # once people have chosen, its problem is the one that they decided about
    return f"{run.problem} " if run.problem and run.status == RunStatus.RUNNING else ""


def _when(context: RunContext) -> str:
    """Say what the dead worker was at: the migration, or what two people had chosen after it."""
    if context.run.status == RunStatus.RUNNING:
        return "after the migration had begun"
    return f"while it carried out “{Choice(context.run.carrying_out).title.lower()}”"


def _swapped(context: RunContext, holder: TargetSession) -> str:
    """Say whether a restore that broke off had put its copy in the place of the live database, as the server's names show."""
    if context.run.status != RunStatus.RESTORING:
        return ""
    swaps = RunStep.objects.filter(run=context.run, key="restore-swap", status=str(StepStatus.OK))
    begun = RunStep.objects.filter(run=context.run, key="restore-beside").order_by("-position")
    latest = begun.values_list("position", flat=True).first() or 0
    earlier = {step.facts.get("kept") for step in swaps.filter(position__lt=latest)}
    kept = [each for each in databases_kept(context, holder) if each not in earlier]
    if not kept:
        return "The databases were not swapped: what was live before the restore is still live. "
    return (
        "The databases were swapped already: the restored backup is live, and what was live before is kept as "
        f"{kept[-1]}. "
    )


def _let_go(context: RunContext) -> None:
    """End what the dead worker holds, so that the next run on this target finds its lock free; nothing else depends on it."""
    try:
        end_older_sessions(context)
    except ProductError as failure:
        context.recorder.log(
            f"What the dead worker has open on the target could not be ended: {failure.sentence}",
            level="warn",
        )
