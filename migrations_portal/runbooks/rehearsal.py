"""Rehearsing a plan, or files that are not a plan yet; and what a dead worker left is put in order."""

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection

from migrations_portal.backups import services as backups
from migrations_portal.execution.ports import Bundle
from migrations_portal.kernel.errors import ProductError
from migrations_portal.plans import queries as plan_queries
from migrations_portal.rehearsals import queries, services
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.rehearsals.observed import Observed, as_json
from migrations_portal.rehearsals.rules import Copy
from migrations_portal.rehearsals.verdict import STANDARD, Limits, findings, verdicts
from migrations_portal.runbooks import otherwise
from migrations_portal.runbooks import rehearsal_facts as facts
from migrations_portal.runbooks.rehearsal_copy import CopyMaker, PreparedCopy, RunHasPriority
from migrations_portal.runbooks.rehearsal_seen import Seen
from migrations_portal.runbooks.rehearsing import Rehearser
from migrations_portal.runbooks.tools import Tools, bundle_of
from migrations_portal.targets.models import Target
from migrations_portal.verification import services as verification
from migrations_portal.verification.rules import PlanCheck

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
MOST_LINES = 400
"""Lines of a schema difference that are kept."""


class _Beat(threading.Thread):
    """Keeps the lease of a rehearsal while its worker lives."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__(daemon=True, name=f"rehearsal-{rehearsal.pk}")
        self._rehearsal, self._over = rehearsal, threading.Event()

    def run(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            try:
                services.renew(self._rehearsal)
            except DatabaseError:
                logger.warning("rehearsal %s: the lease was not renewed", self._rehearsal.pk)
                connection.close()
        connection.close()

    def stop(self) -> None:
        self._over.set()
        self.join(timeout=10)


def execute(
    *,
    rehearsal_id: int,
    worker: str,
    tools: Tools,
    clock: Callable[[], datetime],
    limits: Limits = STANDARD,
) -> None:
    """Claim a queued rehearsal and carry it out. A failure is stored as a sentence; a run that comes first puts it back."""
    rehearsal = services.claim(rehearsal_id=rehearsal_id, worker=worker)
    if rehearsal is None:
        return
    beat = _Beat(rehearsal)
    beat.start()
    try:
        _execute(rehearsal, tools=tools, clock=clock, limits=limits)
    except RunHasPriority:
        services.put_back(rehearsal)
    except ProductError as failure:
        services.fail(rehearsal, problem=failure.sentence, now=clock())
    except Exception as failure:
        logger.exception("rehearsal %s: unforeseen", rehearsal.pk)
        services.fail(
            rehearsal,
            problem=f"A fault of ours ({type(failure).__name__}); the worker's log has the rest.",
            now=clock(),
        )
    finally:
        beat.stop()


def _execute(
    rehearsal: Rehearsal, *, tools: Tools, clock: Callable[[], datetime], limits: Limits
) -> None:
    plan = rehearsal.plan
    assessment = plan_queries.current_assessment(plan)
    result, prepared = rehearse(
        bundle=bundle_of(plan, projects=tools.projects),
        target=plan.target,
        tools=tools,
        affected=list(assessment.tables) if assessment else [],
        assessed=otherwise.assessed_of(assessment),
        checks=verification.plan_checks(plan),
        owner=f"rehearsal-{rehearsal.pk}-{rehearsal.attempts}",
        clock=clock,
        say=lambda phase: _say(rehearsal, phase),
        limits=limits,
    )
    services.finish(
        rehearsal,
        copy=prepared.copy,
        backup_id=prepared.backup.pk if prepared.backup else None,
        result=result,
        history=prepared.history_now,
        now=clock(),
    )


def _say(rehearsal: Rehearsal, phase: str) -> None:
    services.say_phase(rehearsal, phase=phase)


def rehearse(
    *,
    bundle: Bundle,
    target: Target,
    tools: Tools,
    affected: Collection[str],
    checks: Sequence[PlanCheck],
    owner: str,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
    limits: Limits = STANDARD,
    assessed: otherwise.Assessed | None = None,
) -> tuple[dict[str, Any], PreparedCopy]:
    """Rehearse files on a copy of the target and return the result as JSON values. Nothing of the copy is left.

    What they send is held against what was `assessed`, where that is known. Raises what the tools raise, `RunHasPriority`,
    `AlreadyApplied`, `BackupNotProven`.
    """
    maker = CopyMaker(target=target, bundle=bundle, tools=tools, clock=clock, owner=owner, say=say)
    with maker.made() as prepared:
        rehearser = Rehearser(
            bundle=bundle,
            copy=prepared.endpoint,
            tools=tools,
            affected=affected,
            checks=checks,
            say=say,
        )
        observed = rehearser.run()
        say("Dropping the copy")
    scale, larger = _scale(prepared, target=target, tools=tools, affected=affected)
    seen = replace(observed, scale=scale)
    if assessed is not None:
        sent = rehearser.seen.sent
        differs = otherwise.on_the_copy(sent, assessed=assessed)
        seen = replace(seen, otherwise=differs)
        if any(each.new for each in differs):
            said = otherwise.raised(
                sent, assessed=assessed, target=target, tools=tools, now=clock()
            )
            seen = replace(seen, raises=said)
    return _told(seen, rehearser.seen, prepared, larger=larger, limits=limits), prepared


def _scale(
    prepared: PreparedCopy, *, target: Target, tools: Tools, affected: Collection[str]
) -> tuple[float, list[dict[str, Any]]]:
    """Compare the copy's rows with production's estimate, in the tables that the files touch."""
    if prepared.copy is Copy.SCHEMA:
        return 1.0, []
    with tools.server.session(
        tools.endpoint(target), application_name="wcops-rehearsal"
    ) as session:
        there = facts.estimates(session)
    larger: list[dict[str, Any]] = [
        {"table": name, "copy": prepared.counts[name], "production": there[name]}
        for name in sorted(affected or prepared.counts)
        if prepared.counts.get(name) and there.get(name, 0) > 1.1 * prepared.counts[name]
    ]
    return max([1.0, *(each["production"] / each["copy"] for each in larger)]), larger


def _told(
    observed: Observed,
    seen: Seen,
    prepared: PreparedCopy,
    *,
    larger: list[dict[str, Any]],
    limits: Limits,
) -> dict[str, Any]:
    backup = prepared.backup
    return {
        "copy": {
            "kind": str(prepared.copy),
            "rows": sum(prepared.counts.values()),
            "tables": len(prepared.counts),
            "location": backup.location if backup else "",
            "taken_at": f"{backup.taken_at:%Y-%m-%dT%H:%M:%SZ}" if backup else "",
            "restore_seconds": backup.restore_seconds if backup else None,
        },
        "phases": seen.phases,
        "calls": [as_json(each) for each in observed.calls],
        "statements": [as_json(each) for each in observed.statements],
        "locks": [{**as_json(each), "blocks": each.blocks} for each in observed.locks],
        "rewrites": [as_json(each) for each in observed.rewrites],
        "size": {"before": seen.size_before, "after": seen.size_after},
        "difference": seen.difference[:MOST_LINES],
        "left_after_down": list(observed.left_after_down or ())[:MOST_LINES],
        "contents_after_down": list(observed.contents_after_down),
        "checks": [
            {
                "title": each.title,
                "passed": each.passed,
                "severity": each.severity,
                "sentence": each.sentence,
            }
            for each in seen.checks
        ],
        "otherwise": [as_json(each) for each in observed.otherwise],
        "extrapolation": {"factor": round(observed.scale, 2), "tables": larger},
        "verdicts": [as_json(each) for each in verdicts(observed)],
        "findings": [as_json(each) for each in findings(observed, limits=limits)],
    }


def sweep(*, tools: Tools, clock: Callable[[], datetime]) -> None:
    """Put in order what dead workers left: their rehearsals begin again, their copies and unfinished uploads go."""
    for rehearsal in queries.lost():
        logger.warning("rehearsal %s: its worker is gone", rehearsal.pk)
        services.give_up_or_queue(rehearsal, now=clock())
    backups.sweep_copies(endpoint_of=tools.endpoint, server=tools.server, clock=clock)
    backups.sweep_unfinished(vault=tools.vault)


def watch_history(*, tools: Tools) -> None:
    """Look whether a migration came into a target's history since its plans were rehearsed; those rehearsals are stale then."""
    for row in queries.counting():
        bundle = bundle_of(row.plan, projects=tools.projects)
        try:
            with tools.server.session(
                tools.endpoint(row.target), application_name="wcops-rehearsal"
            ) as session:
                history = tools.driver.history(session, bundle)
        except ProductError as failure:
            logger.warning("%s: its history was not read: %s", row.target.name, failure.sentence)
            continue
        services.note_history(row, history=history)
