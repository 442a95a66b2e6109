"""The watch after the eight steps: the spec's rollback criteria are held against the target for some minutes.

The run keeps the target while it watches, so that what is undone is the last thing that happened there.
"""

import time

from migrations_portal.execution.models import RunStep
from migrations_portal.execution.recorder import StepRecord
from migrations_portal.execution.reins import Pull
from migrations_portal.execution.rules import WATCH_STEP, StepFailed
from migrations_portal.monitoring import queries as monitoring
from migrations_portal.monitoring.rules import Verdict, judge_target
from migrations_portal.runbooks.tools import RunContext

LOOK_SECONDS = 1.0


def hold(context: RunContext) -> str:
    """Watch the target for as long as it asks; return the sentence that demands a rollback, or nothing."""
    seconds = context.run.target.watch_seconds
    if not seconds:
        return ""
    try:
        with context.recorder.step(WATCH_STEP) as step:
            _watch(context, step, seconds=seconds)
    except StepFailed as failure:
        return failure.sentence
    return ""


def _watch(context: RunContext, step: StepRecord, *, seconds: int) -> None:
    began = context.clock()
    migrated_from = RunStep.objects.get(run=context.run, key="migrate").started_at
    step.say(f"Watching for {seconds} s; ends by itself")
    deadline = time.monotonic() + seconds
    verdicts: tuple[Verdict, ...] = ()
    while time.monotonic() < deadline:
        time.sleep(min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
        if context.reins.pulled is Pull.ABORTED:
            raise StepFailed(context.recorder.ordered())
        context.recorder.check()
        verdicts = judge_target(
            before=monitoring.samples(run_id=context.run.pk, until=migrated_from),
            after=monitoring.samples(run_id=context.run.pk, since=began),
        )
        for each in verdicts:
            if each.demands_rollback:
                raise StepFailed(each.sentence)
    for each in verdicts:
        step.say(each.sentence, level="info" if each.demands_rollback is False else "warn")
    step.exit_code = 0
