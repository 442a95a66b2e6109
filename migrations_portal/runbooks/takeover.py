"""What happens to a run whose worker died: nothing is tried again; the target is read and people are told (X8, X9)."""

import logging
import time
from collections.abc import Callable
from datetime import datetime

from migrations_portal.execution.models import RunStep
from migrations_portal.execution.rules import LeaseLost
from migrations_portal.kernel.errors import ProductError, TargetTrouble
from migrations_portal.runbooks import endings, truth
from migrations_portal.runbooks.endings import Ending
from migrations_portal.runbooks.tools import RunContext, Tools, open_context
from migrations_portal.runbooks.watch import watching

logger = logging.getLogger(__name__)

WAIT_SECONDS = 20.0
OLD_SESSIONS = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND application_name LIKE %s AND application_name NOT LIKE %s
"""
END_SESSION = "SELECT pg_terminate_backend(%s)"


class OldSessionsAlive(TargetTrouble):
    """Sessions of the dead worker are still at work on the target."""

    code = "old-sessions-alive"


def execute(
    *, run_id: int, fence: int, tools: Tools, clock: Callable[[], datetime], public_url: str
) -> None:
    """Find out what a lost run left behind, under a new fence.

    1. Sessions of older fences are ended and waited for.
    2. The migration never began: FAILED, nothing changed.
    3. It began: the history and the schema are read and shown, and two people decide.
    """
    context = open_context(
        run_id=run_id, fence=fence, tools=tools, clock=clock, public_url=public_url
    )
    try:
        with watching(context, sample=False):
            context.recorder.log(
                "The worker of this run died; reading what the target holds.", level="error"
            )
            endings.conclude(context, _ending(context))
    except LeaseLost:
        logger.warning("run %s: taken over by somebody else", run_id)


def _ending(context: RunContext) -> Ending:
    started = RunStep.objects.filter(run=context.run).exclude(
        key__in=["health-before", "backup", "verify-backup", "status-before"]
    )
    if not started.exists():
        return endings.stopped_before_change(
            TargetTrouble("The worker died before the migration began, so nothing was changed.")
        )
    try:
        _end_old_sessions(context)
        state = truth.read_state(context)
    except ProductError as failure:
        return endings.unknown(
            f"The worker died while it migrated, and the target cannot be read: {failure.sentence}"
        )
    context.recorder.note(schema_after=state.schema, history_after=list(state.history))
    recorded = [name for name in context.approved if name in state.history]
    moved = bool(truth.schema_difference(context.run.schema_before, state.schema))
    return endings.unknown(
        "The worker died after the migration had begun. "
        f"Recorded in the history: {', '.join(recorded) or 'none of ours'}. "
        f"The schema {'has changed' if moved else 'is as before'}; whether rows were written is not known."
    )


def _end_old_sessions(context: RunContext) -> None:
    """Terminate what an older fence left on the target and wait until it is gone."""
    name = context.application_name
    patterns = [f"wcops-{context.run.pk}-%", f"{name}%"]
    with context.tools.server.session(context.endpoint, application_name=name) as session:
        deadline = time.monotonic() + WAIT_SECONDS
        while rows := session.rows(OLD_SESSIONS, patterns):
            for row in rows:
                session.rows(END_SESSION, [row["pid"]])
            if time.monotonic() > deadline:
                raise OldSessionsAlive
            time.sleep(0.2)
