"""The application's traffic, diverted before a way back and taken back after it, by the target's own hook (spec, step 1 and 6)."""

from migrations_portal.execution.rules import StepFacts
from migrations_portal.kernel.errors import ProductError
from migrations_portal.runbooks.tools import RunContext
from migrations_portal.targets.ports import TrafficState


def divert(context: RunContext, facts: StepFacts) -> bool:
    """Have the traffic diverted; return whether it is. A hook that fails is told and does not hold up the way back."""
    with context.recorder.step(facts) as step:
        if not context.run.target.traffic_hook:
            step.skipped = True
            step.say(
                "No traffic hook is set for this target, so traffic was not diverted.", level="warn"
            )
            return False
        try:
            _switch(context, TrafficState.MAINTENANCE)
        except ProductError as failure:
            step.say(f"Traffic was not diverted: {failure.sentence}", level="error")
            step.exit_code = 1
            return False
        step.say("Traffic is diverted; the hook was asked again and says so")
        step.exit_code = 0
        return True


def restore(context: RunContext, facts: StepFacts, *, diverted: bool) -> None:
    """Take the traffic back when it was diverted. A hook that fails is told: a person has to take it back then."""
    with context.recorder.step(facts) as step:
        if not diverted:
            step.skipped = True
            step.say("Traffic was never diverted.")
            return
        try:
            _switch(context, TrafficState.NORMAL)
        except ProductError as failure:
            step.say(
                f"TRAFFIC IS STILL DIVERTED: {failure.sentence} Take it back by hand.",
                level="error",
            )
            step.exit_code = 1
            return
        step.say("Traffic is back; the hook was asked again and says so")
        step.exit_code = 0


def _switch(context: RunContext, state: TrafficState) -> None:
    target = context.run.target
    secret = context.tools.credentials.fetch(target.traffic_credential or target.credential)
    context.tools.traffic.switch(
        url=target.traffic_hook, secret=secret.password, state=state, run=context.run.pk
    )
