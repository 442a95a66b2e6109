"""The application's traffic, diverted before a way back and taken back after it, by the target's own hook (spec, step 1 and 6).

Whether it is diverted stands in the run's row from before the hook is called until the hook says that it is back: a worker that
dies in between, and a hook that took the call and then did not answer, leave nothing unknown.
"""

from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.recorder import Recorder, StepRecord
from migrations_portal.execution.rules import StepFacts
from migrations_portal.kernel.errors import ProductError
from migrations_portal.runbooks.tools import RunContext
from migrations_portal.targets.ports import TrafficState


def divert(context: RunContext, facts: StepFacts) -> None:
    """Have the traffic diverted. A hook that fails is told and does not hold up the way back."""
    with context.recorder.step(facts) as step:
        if not context.run.target.traffic_hook:
            step.skipped = True
            step.say(
                "No traffic hook is set for this target, so traffic was not diverted.", level="warn"
            )
            return
        context.recorder.note(traffic_diverted=True)
        try:
            _switch(context, TrafficState.MAINTENANCE)
        except ProductError as failure:
            step.say(f"Whether traffic is diverted is not known: {failure.sentence}", level="error")
            step.exit_code = 1
            return
        step.say("Traffic is diverted; the hook was asked again and says so")
        step.exit_code = 0


def restore(context: RunContext, facts: StepFacts) -> None:
    """Take the traffic back when it was, or may have been, diverted. A hook that fails is told, and tried again at the end."""
    with context.recorder.step(facts) as step:
        if not _is_diverted(context):
            step.skipped = True
            step.say("Traffic was never diverted.")
            return
        step.exit_code = 1 if _take_back(context, step) else 0


def settle(context: RunContext, *, undecided: bool) -> str:
    """Take diverted traffic back at the end of a run; return what a person has to do when that failed, else nothing.

    `undecided`: as long as nobody knows what the target holds, the application is better off away from it; the run's row says so.
    """
    if undecided or not _is_diverted(context):
        return ""
    return _take_back(context, context.recorder)


def _is_diverted(context: RunContext) -> bool:
    rows = MigrationRun.objects.filter(pk=context.run.pk)
    return rows.values_list("traffic_diverted", flat=True).get()


def _take_back(context: RunContext, teller: StepRecord | Recorder) -> str:
    """Take the traffic back; return what a person has to do when that failed, else nothing."""
    tell = teller.say if isinstance(teller, StepRecord) else teller.log
    try:
        _switch(context, TrafficState.NORMAL)
    except ProductError as failure:
        said = f"TRAFFIC IS STILL DIVERTED: {failure.sentence} Take it back by hand."
        tell(said, level="error")
        return said
    context.recorder.note(traffic_diverted=False)
    tell("Traffic is back; the hook was asked again and says so")
    return ""


def _switch(context: RunContext, state: TrafficState) -> None:
    target = context.run.target
    secret = context.tools.credentials.fetch(target.traffic_credential or target.credential)
    context.tools.traffic.switch(
        url=target.traffic_hook, secret=secret.password, state=state, run=context.run.pk
    )
