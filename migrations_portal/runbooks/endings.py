"""The endings of a run: written with their ledger records, news and incident in one transaction."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import OperationalError, connection, transaction

from migrations_portal.execution import services as execution
from migrations_portal.execution import staging
from migrations_portal.execution.models import MigrationRun, RunStep
from migrations_portal.execution.rules import Aborted, LeaseLost, Outcome, RunStatus
from migrations_portal.incidents import services as incidents
from migrations_portal.incidents.rules import Trigger
from migrations_portal.kernel import failpoints
from migrations_portal.kernel.errors import ProductError
from migrations_portal.plans import services as plans
from migrations_portal.runbooks import traffic
from migrations_portal.runbooks.tools import RunContext

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ending:
    """How a run ended: what is true of the target, why, and what people do next."""

    status: RunStatus
    outcome: Outcome
    problem: str = ""
    advice: str = ""
    trigger: Trigger | None = None


TAKEN_BACK = "taken_back"
"""The fact of a step that names the files of an earlier revision which it took back from staging."""

SUCCESS = Ending(RunStatus.SUCCEEDED, Outcome.APPLIED)

STAGING_ADVICE: dict[RunStatus, str] = {
    RunStatus.SUCCEEDED: "Nothing is to be done: production may follow when its time comes.",
    RunStatus.FAILED: (
        "Production does not start. Mend what the sentence names and run it on staging again, or open the plan for changes."
    ),
    RunStatus.ROLLED_BACK: "Production does not start. Open the plan for changes, mend the migration and submit it anew.",
}
"""What people do after a run on staging; the endings themselves speak of production."""


def stopped_before_change(failure: ProductError) -> Ending:
    """The run ended before anything could change the target."""
    return Ending(
        RunStatus.FAILED,
        Outcome.NOTHING_CHANGED,
        problem=failure.sentence,
        advice="Mend what the sentence names, then open the change as a new plan.",
        trigger=Trigger.STOPPED_BEFORE_CHANGE,
    )


def stopped_by_person(aborted: Aborted) -> Ending:
    """A person stopped the run before anything could change the target."""
    return Ending(
        RunStatus.FAILED,
        Outcome.NOTHING_CHANGED,
        problem=aborted.sentence,
        advice="Open the change as a new plan when it may run.",
        trigger=Trigger.STOPPED_BEFORE_CHANGE,
    )


def postponed(problem: str) -> Ending:
    """The window closed, or the backup grew too old, before the migration began; the plan gets another run."""
    return Ending(
        RunStatus.POSTPONED,
        Outcome.NOTHING_CHANGED,
        problem=problem,
        advice="Nothing is to be done: the next run starts by itself in an open window, with a backup of its own.",
    )


def nothing_changed(problem: str) -> Ending:
    """The migration failed and the target is proven to be as before."""
    return Ending(
        RunStatus.FAILED,
        Outcome.NOTHING_CHANGED,
        problem=problem,
        advice="The database undid the file's transaction itself. Mend the migration and open it as a new plan.",
        trigger=Trigger.RUN_FAILED,
    )


def rolled_back(
    problem: str, *, destroyed: Sequence[str] = (), changed: Sequence[str] = ()
) -> Ending:
    """What the run had applied was undone by name, and history, schema and row counts are proven to be as before.

    `destroyed`: what that did not bring back; `changed`: tables that the rehearsal found with other contents after going down.
    """
    said = [problem]
    if destroyed:
        said.append(
            f"Only the backup holds what went, or may have gone, in {'; '.join(destroyed)}."
        )
    if changed:
        said.append(
            f"As in the rehearsal, not every value is as before in {', '.join(changed)}: the backup has them."
        )
    return Ending(
        RunStatus.ROLLED_BACK,
        Outcome.SHAPE_UNDONE if destroyed or changed else Outcome.UNDONE,
        problem=" ".join(said),
        advice="Mend the migration and open it as a new plan.",
        trigger=Trigger.RUN_ROLLED_BACK,
    )


def irreversible(problem: str, *, destroyed: Sequence[str]) -> Ending:
    """A check demands a rollback, but undoing would leave the data gone and the application reading emptiness as truth."""
    return Ending(
        RunStatus.NEEDS_DECISION,
        Outcome.IRREVERSIBLE,
        problem=f"{problem} Nothing was undone by itself: data went, or may have gone, in {'; '.join(destroyed)}.",
        advice=(
            "Restoring the backup taken before this run brings the data back. Rolling back by name brings back the shape alone. "
            "Keep the target when what is there is right."
        ),
        trigger=Trigger.RUN_IRREVERSIBLE,
    )


def half_done(problem: str) -> Ending:
    """The target has moved but the history does not know it."""
    return Ending(
        RunStatus.NEEDS_DECISION,
        Outcome.PARTIAL,
        problem=problem,
        advice=(
            "Read the schema difference. Two people can restore the backup taken before this run. Do not undo the last "
            "migration: that would revert the healthy one before it."
        ),
        trigger=Trigger.RUN_PARTIAL,
    )


def unknown(problem: str) -> Ending:
    """Nobody can say what the target holds without looking."""
    return Ending(
        RunStatus.NEEDS_DECISION,
        Outcome.UNKNOWN,
        problem=problem,
        advice="Look at the history table and the schema below, then let two people decide.",
        trigger=Trigger.OUTCOME_UNKNOWN,
    )


def rollback_failed(reason: str, *, failure: str, now_true: str) -> Ending:
    """The way back did not work either; `now_true` says what was read from the target afterwards."""
    return Ending(
        RunStatus.NEEDS_DECISION,
        Outcome.UNKNOWN,
        problem=f"{reason} The rollback failed too: {failure} {now_true}",
        advice="Look at the history and the schema difference, then let two people decide.",
        trigger=Trigger.OUTCOME_UNKNOWN,
    )


CONCLUDE_ATTEMPTS = 5
CONCLUDE_PAUSE_SECONDS = 2.0


def conclude(context: RunContext, ending: Ending) -> None:
    """Take diverted traffic back and write the ending down, again when the portal's database was away for a moment.

    Raises `LeaseLost` when the run is not ours.
    """
    failpoints.reach("conclude.before")
    for attempt in range(1, CONCLUDE_ATTEMPTS + 1):
        if not context.reins.trust():
            raise LeaseLost
        try:
            said = traffic.settle(context, undecided=ending.status is RunStatus.NEEDS_DECISION)
            _write(context, replace(ending, problem=f"{ending.problem} {said}".strip()))
        except OperationalError:
            if attempt == CONCLUDE_ATTEMPTS:
                raise
            logger.exception(
                "run %s: the ending was not written, attempt %s", context.run.pk, attempt
            )
            connection.close()
            time.sleep(CONCLUDE_PAUSE_SECONDS)
        else:
            failpoints.reach("conclude.after-commit")
            return


@transaction.atomic
def _write(context: RunContext, ending: Ending) -> None:
    outcome = _outcome(context, ending)
    run = execution.finish(
        run_id=context.run.pk,
        fence=context.recorder.fence,
        status=ending.status,
        outcome=outcome,
        problem=ending.problem.replace(ending.outcome.sentence, outcome.sentence),
        advice=STAGING_ADVICE.get(ending.status, ending.advice)
        if context.run.staging
        else ending.advice,
        now=context.clock(),
        public_url=context.public_url,
    )
    if ending.status is RunStatus.POSTPONED:
        return
    if run.staging:
        _prove_staged(context, run)
        return
    prove(context, ("audit-log-updated", "stakeholders-notified-after"))
    failpoints.reach("conclude.before-commit")
    if ending.trigger is not None:
        incidents.open_for_run(
            run=run,
            trigger=ending.trigger,
            title=ending.problem,
            now=context.clock(),
            public_url=context.public_url,
        )


def _outcome(context: RunContext, ending: Ending) -> Outcome:
    """Return what the target holds; "as before" is not true of a staging that lost the plan's earlier revision to this run."""
    as_before = ending.outcome in {Outcome.NOTHING_CHANGED, Outcome.UNDONE, Outcome.SHAPE_UNDONE}
    if (
        context.run.staging
        and as_before
        and RunStep.objects.filter(run=context.run, facts__has_key=TAKEN_BACK).exists()
    ):
        return Outcome.CLEARED
    return ending.outcome


def open_for_emergency(context: RunContext) -> None:
    """Open the incident that a run on the emergency path owes (design section 4); once, and none for any other run."""
    if context.plan.emergency_reason and not context.run.staging:
        incidents.open_for_run(
            run=context.run,
            trigger=Trigger.EMERGENCY_CHANGE,
            title=f"{context.plan.number} runs as an emergency",
            now=context.clock(),
            public_url=context.public_url,
        )


def _prove_staged(context: RunContext, run: MigrationRun) -> None:
    """Tick "tested in staging" by a run that succeeded there with the revision that still counts."""
    plan = plans.lock(run.plan_id)
    succeeded = run.status == RunStatus.SUCCEEDED and run.outcome in staging.PASSED
    if succeeded and plan.revision == run.revision.number:
        plans.prove(
            plan=plan,
            key="tested-in-staging",
            note=f"Run {run.pk} on {run.target.name}: revision {run.revision.number}, every check passed",
            evidence=f"/runs/{run.pk}/",
            now=context.clock(),
        )


def prove(context: RunContext, keys: tuple[str, ...]) -> None:
    """Tick checklist items that this run proves, each with a link to the run. They speak of production."""
    for key in () if context.run.staging else keys:
        plans.prove(
            plan=context.plan,
            key=key,
            note=f"Proven by run {context.run.pk}",
            evidence=f"/runs/{context.run.pk}/",
            now=context.clock(),
        )
