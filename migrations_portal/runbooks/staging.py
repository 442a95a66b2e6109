"""What a run on staging does beside the standard procedure: it makes room for the revision, and asks the application at the end."""

from dataclasses import replace

from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.recorder import StepRecord
from migrations_portal.execution.row_changes import RowTally
from migrations_portal.execution.rules import STAGING_STEPS, RunStatus, StepFacts, StepFailed
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans.smoke import SmokeCheck
from migrations_portal.runbooks import rollback, truth
from migrations_portal.runbooks.endings import TAKEN_BACK
from migrations_portal.runbooks.tools import RunContext, bundle_of_revision
from migrations_portal.verification import services as verification
from migrations_portal.verification.ports import SmokeUnreachable
from migrations_portal.verification.rules import CheckResult
from migrations_portal.verification.smoke import judge_answer, judge_silence

STEP: dict[str, StepFacts] = {step.key: step for step in STAGING_STEPS}


class NotCleared(StepFailed):
    """The plan's earlier revision could not be taken back from staging, so people have to look."""

    code = "staging-not-cleared"


def clear(context: RunContext) -> None:
    """Take back by name what an earlier revision of the same plan has left on staging, newest first. Raises `NotCleared`.

    Without this a plan that was changed after its run on staging could never run there again. Nothing is done on production.
    """
    if not context.run.staging:
        return
    left = _left_by_earlier(context)
    if not left:
        return
    try:
        with context.recorder.step(STEP["staging-clear"]) as step:
            for earlier, names in left:
                step.say(f"Revision {earlier.revision.number} is still here, by run {earlier.pk}")
                _undo(context, step, earlier=earlier, names=names)
    except StepFailed as failure:
        raise NotCleared(
            f"The earlier revision could not be taken back from {context.run.target.name}: {failure.sentence}"
        ) from failure


def _left_by_earlier(context: RunContext) -> list[tuple[MigrationRun, list[str]]]:
    """Return the runs of earlier revisions whose files are in staging's history, the newest first."""
    runs = MigrationRun.objects.filter(
        plan=context.run.plan_id,
        target=context.run.target_id,
        staging=True,
        status=str(RunStatus.SUCCEEDED),
    ).select_related("revision")
    earlier = list(runs.exclude(pk=context.run.pk).order_by("-pk"))
    if not earlier:
        return []
    waiting, found = set(truth.read_state(context).history), []
    for run in earlier:
        mine = [name for name in _names(run) if name in waiting]
        waiting -= set(mine)
        if mine:
            found.append((run, mine))
    return found


def _names(run: MigrationRun) -> list[str]:
    return list(run.revision.files.order_by("-position").values_list("name", flat=True))


def _undo(
    context: RunContext, step: StepRecord, *, earlier: MigrationRun, names: list[str]
) -> None:
    bundle = bundle_of_revision(
        earlier.revision, target=context.run.target, projects=context.tools.projects
    )
    # Its rows are no part of what this run is held to: the backup comes later.
    then = replace(context, bundle=bundle, rows_committed=RowTally(), rows_tried=RowTally())
    for name in names:
        rollback.undo_one(then, step, name=name)
        step.facts.setdefault(TAKEN_BACK, []).append(name)


def ask_application(context: RunContext) -> None:
    """Ask the application what the plan names, and keep the answers as verification. Raises `StepFailed` when one is wrong."""
    checks = plan_queries.smoke_checks(context.plan) if context.run.staging else ()
    if not checks:
        return
    with context.recorder.step(STEP["smoke"]) as step:
        results = [_ask(context, check) for check in checks]
        with context.recorder.held():
            verification.store(
                run_id=context.run.pk, phase="smoke", results=results, now=context.clock()
            )
        for each in results:
            step.say(
                f"{'ok' if each.passed else each.severity}: {each.sentence}",
                level="info" if each.passed else "warn",
            )
        failed = [each.sentence for each in results if not each.passed]
        if failed:
            context.recorder.note(verification_status="failed")
            raise StepFailed("A smoke check failed: " + " ".join(failed))
        step.exit_code = 0


def _ask(context: RunContext, check: SmokeCheck) -> CheckResult:
    context.recorder.check()
    try:
        answer = context.tools.smoke.get(
            check.url,
            allowed=tuple(context.run.target.smoke_addresses),
            seconds=check.seconds,
        )
    except SmokeUnreachable as silence:
        return judge_silence(check, why=silence.sentence)
    return judge_answer(check, answer=answer)
