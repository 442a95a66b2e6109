"""Step 5: apply the approved files, one at a time, by name, and say truthfully what each one did."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from migrations_portal.execution import sqlstates
from migrations_portal.execution.ports import ChildResult, SentStatement
from migrations_portal.execution.recorder import StepRecord
from migrations_portal.execution.recording import own_statements, rolled_back_whole, timed
from migrations_portal.execution.rules import (
    LOCK_ATTEMPTS,
    LOCK_BUDGET_SECONDS,
    Aborted,
    HoldLost,
    NotNow,
    Outcome,
    StepFailed,
)
from migrations_portal.kernel import failpoints
from migrations_portal.runbooks import leftovers, otherwise, truth
from migrations_portal.runbooks.leave import Leave
from migrations_portal.runbooks.tools import RunContext
from migrations_portal.runbooks.truth import TargetState
from migrations_portal.runbooks.watchdog import guarded, may_wait

PAUSE_SECONDS = (0.2, 0.6)
"""Jitter between attempts (design section 8)."""


class FileFailed(StepFailed):
    """A migration file did not end as it should."""

    code = "migration-failed"

    def __init__(
        self, sentence: str, *, outcome: Outcome, applied: tuple[str, ...], after: TargetState
    ) -> None:
        """Say what the target holds, and which files of this run were applied before."""
        super().__init__(sentence)
        self.outcome, self.applied, self.after = outcome, applied, after


@dataclass(frozen=True)
class Tried:
    """What the last attempt of a file did."""

    result: ChildResult
    outcome: Outcome
    after: TargetState
    left: str = ""
    """What it left outside transactions and what to do about it, a sentence for people; empty when nothing."""


def migrate(
    context: RunContext, step: StepRecord, *, before: TargetState, leave: Leave
) -> TargetState:
    """Apply every approved file in order and return the state after the last.

    Raises `FileFailed`; `NotNow` or `HoldLost` when the first may not begin any more. When a later one may not, what this
    run has applied is taken back by name, as when a person stops it; a lost lock leaves that to people.
    """
    state = before
    applied: tuple[str, ...] = ()
    for name in context.approved:
        try:
            tried = _apply(
                context, step, name=name, before=state, ask=partial(leave.ask, begun=bool(applied))
            )
        except (NotNow, HoldLost, Aborted) as stopped:
            if not applied and not isinstance(stopped, Aborted):
                raise
            raise FileFailed(
                stopped.sentence,
                outcome=Outcome.UNKNOWN
                if isinstance(stopped, HoldLost)
                else Outcome.NOTHING_CHANGED,
                applied=applied,
                after=state,
            ) from stopped
        result, outcome, after = tried.result, tried.outcome, tried.after
        step.exit_code = result.exit_code
        step.facts[name] = {
            "seconds": round(result.seconds, 2),
            "statements": len(result.statements),
            "timed": timed(result),
        }
        otherwise.note(context.plan, step, name=name, result=result)
        step.facts["_rows"] = [each.as_json() for each in context.rows_committed.changes()]
        if outcome is not Outcome.APPLIED:
            said = context.recorder.ordered() + " " if result.stopped else ""
            raise FileFailed(
                f"{said}{_sentence(name, result, outcome)} {tried.left}".strip(),
                outcome=outcome,
                applied=applied,
                after=after,
            )
        applied = (*applied, name)
        state = after
        if context.reins.aborted:
            raise FileFailed(
                context.recorder.ordered(),
                outcome=Outcome.NOTHING_CHANGED,
                applied=applied,
                after=after,
            )
    return state


def _apply(
    context: RunContext,
    step: StepRecord,
    *,
    name: str,
    before: TargetState,
    ask: Callable[[], None],
) -> Tried:
    """Try one file until it got its locks.

    Tried again only when the file was one transaction that the server rolled back (or one index built beside the traffic, of
    which nothing is left), the target is proven unchanged and the reason was a lock: waiting long would queue users behind
    us, so each attempt is short (design section 8).
    """
    began = time.monotonic()
    invalid = leftovers.invalid_indexes(context) if may_wait(context, name=name) else ()
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        ask()
        context.recorder.check()
        failpoints.reach("migrate.before-spawn")
        with guarded(context, step, name=name):
            result = context.tools.driver.up(
                context.endpoint,
                context.bundle,
                name=name,
                limits=context.limits,
                on_output=step.quote,
                on_statement=lambda sent: _show(step, sent),
            )
        failpoints.reach("migrate.after-child")
        context.count(result)
        if context.reins.aborted:
            context.reins.begin_way_back()  # what follows must not be stopped: it finds out what is true
        after = truth.read_state(context)
        failpoints.reach("migrate.after-truth")
        tried = Tried(
            result, truth.judge(name=name, result=result, before=before, after=after), after
        )
        only_index = tried.outcome is Outcome.PARTIAL and leftovers.only_an_index_failed(result)
        if only_index:
            moved = after.schema != before.schema
            with guarded(context, step, name=name):
                left = leftovers.settle(context, step, result=result, before=invalid, moved=moved)
            tried = replace(tried, outcome=left.outcome, left=left.sentence)
        if (
            tried.outcome is not Outcome.NOTHING_CHANGED
            or result.sqlstate not in sqlstates.LOCKED_OUT
            or not (rolled_back_whole(result) or (only_index and len(own_statements(result)) == 1))
            or context.reins.aborted
            or attempt == LOCK_ATTEMPTS
            or time.monotonic() - began > LOCK_BUDGET_SECONDS
        ):
            return tried
        step.say(
            f"No lock in time (attempt {attempt} of {LOCK_ATTEMPTS}); stepping aside", level="warn"
        )
        time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311  # jitter, no secret
    raise AssertionError("unreachable: the last attempt returns")


def _show(step: StepRecord, sent: SentStatement) -> None:
    """Add a statement that took noticeable time to the log: its command and seconds, never its values."""
    failpoints.reach("migrate.statement-seen")
    if sent.seconds >= 0.1 or sent.sqlstate:  # noqa: PLR2004
        ended = f"failed: {sqlstates.in_words(sent.sqlstate)}," if sent.sqlstate else sent.tag
        step.say(f"{ended} after {sent.seconds:.2f} s")


def _sentence(name: str, result: ChildResult, outcome: Outcome) -> str:
    why = sqlstates.why_ended(sqlstate=result.sqlstate, exit_code=result.exit_code)
    if result.stopped:
        why = "it was stopped while it ran"
    if outcome is Outcome.NOTHING_CHANGED and result.exit_code == 0:
        why = "the tool said success but recorded nothing"
    return f"{name} failed: {why}. {outcome.sentence}"
