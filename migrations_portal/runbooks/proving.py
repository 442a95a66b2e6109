"""The checks after a change of the target, kept only while the run is ours (X3)."""

from migrations_portal.runbooks.before import Before
from migrations_portal.runbooks.tools import RunContext
from migrations_portal.verification import services as verification
from migrations_portal.verification.rules import CheckResult, PlanCheck


def prove(
    context: RunContext, *, known: Before, phase: str, checks: tuple[PlanCheck, ...]
) -> tuple[CheckResult, ...]:
    """Run the spec's checks and the plan's own on the target, and keep what they found. Raises `LeaseLost`, `QueryFailed`."""
    results = verification.run(
        server=context.tools.server,
        endpoint=context.endpoint,
        baseline=known.baseline,
        expected=known.expected(context),
        affected=context.run.revision.tables,
        checks=checks,
        name=context.application_name,
    )
    with context.recorder.held():
        verification.store(run_id=context.run.pk, phase=phase, results=results, now=context.clock())
    return results
