"""Runs as plain values: what the page shows, for programs."""

from datetime import datetime
from typing import Any

from django.conf import settings

from migrations_portal.execution import predicted, queries, silence
from migrations_portal.execution.models import MigrationRun, RunStep
from migrations_portal.execution.rules import RUN_STATES, Outcome, RunStatus
from migrations_portal.incidents import queries as incidents
from migrations_portal.people.models import Person
from migrations_portal.runbooks.truth import schema_difference

SAMPLES_SHOWN = 60
"""The last minute."""
DIFFERENCE_SHOWN = 400
SETTLED = (RunStatus.NEEDS_DECISION,)
"""Not final, but nothing moves until people act."""


def line(run: MigrationRun) -> dict[str, Any]:
    """Return one line of the list."""
    return {
        "id": run.pk,
        "plan": run.plan,
        "revision": run.revision.number,
        "level": run.revision.level,
        "phi": run.revision.phi,
        "target": run.target,
        "status": run.status,
        "outcome": run.outcome,
        "due_at": run.due_at,
        "started_at": run.claimed_at,
        "finished_at": run.finished_at,
        "verification_status": run.verification_status,
        "page": f"{settings.PUBLIC_URL}/runs/{run.pk}/",
    }


def whole(run: MigrationRun, *, person: Person, now: datetime) -> dict[str, Any]:
    """Return everything that `person` reads on the run's page. The caller has asked whether they may."""
    newest = queries.last_lines(run=run, count=1)
    steps = list(run.steps.order_by("position"))
    return {
        **line(run),
        "over": over(run),
        "outcome_sentence": Outcome(run.outcome).sentence if run.outcome else "",
        "problem": run.problem,
        "silence": silence.sentences(run, now=now),
        "traffic_diverted": run.traffic_diverted,
        "advice": run.advice,
        "in_the_name_of": queries.executor_of(run),
        "history_before": run.history_before,
        "history_after": run.history_after,
        "schema_difference": _difference(run),
        "steps": [_step(each) for each in steps],
        "predicted": predicted.beside(run, steps=steps),
        "sent_otherwise": [
            {"file": name, **said} for name, said in queries.sent_otherwise(run).items()
        ],
        "samples": list(run.samples.order_by("-pk")[:SAMPLES_SHOWN])[::-1],
        "verification": run.verification.order_by("pk"),
        "backups": run.backups.order_by("pk"),
        "decisions": [
            {
                "choice": each.choice,
                "by": each.by.full_name,
                "at": each.at,
                "reason": each.reason,
            }
            for each in run.decisions.select_related("by").order_by("pk")
        ],
        "incidents": incidents.visible(person=person).filter(run=run),
        "last_line": newest[0].seq if newest else 0,
    }


def over(run: MigrationRun) -> bool:
    """Say whether nothing moves any more, so that a watcher can stop asking."""
    status = RunStatus(run.status)
    return RUN_STATES.final(status) or status in SETTLED


def _difference(run: MigrationRun) -> list[str]:
    if not (run.schema_before and run.schema_after):
        return []
    return schema_difference(run.schema_before, run.schema_after)[:DIFFERENCE_SHOWN]


def _step(row: RunStep) -> dict[str, Any]:
    ended = row.finished_at
    return {
        "position": row.position,
        "key": row.key,
        "title": row.title,
        "status": row.status,
        "started_at": row.started_at,
        "finished_at": ended,
        "seconds": (ended - row.started_at).total_seconds() if ended else None,
        "exit_code": row.exit_code,
        "output": row.output,
        "facts": row.facts,
    }
