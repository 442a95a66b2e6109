"""A run's page as plain values."""

from datetime import datetime
from typing import Any

from django.db.models import Max
from django.urls import reverse

from migrations_portal.execution import predicted, queries, silence
from migrations_portal.execution.models import MigrationRun, RunLine, RunStep
from migrations_portal.execution.rules import (
    MARK_STEPS,
    RESTORE_STEPS,
    ROLLBACK_STEPS,
    STAGING_STEPS,
    STANDARD_STEPS,
    WATCH_STEP,
    WORKING,
    Choice,
    Order,
    Outcome,
    RunStatus,
    pause_stands,
)
from migrations_portal.incidents.models import Incident
from migrations_portal.people.models import Person
from migrations_portal.runbooks.truth import schema_difference
from migrations_portal.web.presenters import course, not_begun, run_figures, run_orders

LIVE = (RunStatus.DUE, *WORKING)
STEP_STATES = {
    "RUNNING": "now",
    "OK": "ok",
    "FAILED": "failed",
    "SKIPPED": "skipped",
    "LOST": "failed",
}
TITLES: dict[str, str] = {
    RunStatus.SUCCEEDED: "The migration is in, and every check passed",
    Outcome.KEPT: "Two people keep the target as it is",
    Outcome.MARKED: "Finished by hand, and recorded as applied",
    RunStatus.FAILED: "The run failed and nothing changed",
    RunStatus.ROLLED_BACK: "The migration was undone and the target is as before",
    Outcome.SHAPE_UNDONE: "The migration was undone, but not all of the data is as before",
    RunStatus.NEEDS_DECISION: "The target needs a decision",
    RunStatus.RESTORED: "The backup is live again",
    RunStatus.POSTPONED: "Postponed before the migration began",
    RunStatus.CANCELLED: "This run was called off and never started",
}


def page(run: MigrationRun, *, person: Person, now: datetime) -> dict[str, Any]:
    """Return everything that moves on the page."""
    steps = list(run.steps.order_by("position"))
    lines = queries.last_lines(run=run)
    incident = Incident.objects.filter(run=run).order_by("severity").first()
    wait = not_begun.wait(run, now=now)
    sentence = wait.headline if wait else _sentence(run, steps, now=now)
    return {
        "run": _about(run, steps, sentence=sentence, now=now),
        "orders": run_orders.orders(run, person=person)
        if run_orders.may_order(run, person=person)
        else None,
        "waits": wait.sentences if wait else [],
        "silence": silence.sentences(run, now=now),
        "course": course.of_a_due_run(run.plan, person=person) if wait and not run.staging else [],
        "outcome": _outcome(run),
        "decision": run_orders.decision(run, person=person, now=now),
        "schema_diff": _schema_diff(run),
        "steps": _steps(run, steps),
        "predicted": predicted.beside(run, steps=steps),
        "otherwise": _otherwise(run),
        "kpis": run_figures.kpis(run),
        "kpis_note": run_figures.kpis_note(run, live=run.status in LIVE, now=now),
        "log_lines": [log_line(line) for line in lines],
        "log_url": reverse("run-log", args=[run.pk]),
        "log_left_out": max(0, lines[0].seq - 1) if lines else 0,
        "incident": {
            "number": f"INC-{incident.pk}",
            "severity": incident.severity,
            "url": reverse("incident", args=[incident.pk]),
            "title": incident.title,
        }
        if incident
        else None,
        "glance": run_figures.glance(run),
    }


def _otherwise(run: MigrationRun) -> list[dict[str, Any]]:
    """The files that sent other SQL than was assessed, and what."""
    return [
        {"file": name, "new": said["new"], "missing": said["missing"]}
        for name, said in queries.sent_otherwise(run).items()
    ]


def log_line(line: RunLine) -> dict[str, Any]:
    """Return one line of the log."""
    return {"at": line.at, "text": line.text, "tone": _tone(line.level)}


def _tone(level: str) -> str:
    return {"error": "bad", "warn": "warn"}.get(level, "")


def _about(
    run: MigrationRun, steps: list[RunStep], *, sentence: str, now: datetime
) -> dict[str, Any]:
    last_seq = run.lines.aggregate(last=Max("seq"))["last"] or 0
    started = run.claimed_at
    return {
        "number": run.pk,
        "plan": {
            "number": run.plan.number,
            "title": run.plan.title,
            "url": reverse("plan", args=[run.plan_id]),
        },
        "target": run.target.name,
        "environment": run.target.environment.lower(),
        "level": run.revision.level,
        "phi": run.revision.phi,
        "status": run.shown,
        "live": run.status in LIVE,
        "paused": _paused(run, steps),
        "events_url": f"{reverse('run-events', args=[run.pk])}?after={last_seq}",
        "tab_title": f"{sentence} · {run.plan.number}",
        "sentence": sentence,
        "elapsed": _elapsed(run, now=now),
        "started_at": started,
        "ended_at": run.finished_at,
        "zone": run.target.time_zone,
        "started_by": f"White Cross Ops, in the name of {queries.executor_of(run)}",
    }


def _elapsed(run: MigrationRun, *, now: datetime) -> float | None:
    """Return how long the run has taken, in seconds; None before it begins, and while people's choice is carried out after its end."""
    if run.claimed_at is None or (run.finished_at and run.status in LIVE):
        return None
    return ((run.finished_at or now) - run.claimed_at).total_seconds()


def _sentence(run: MigrationRun, steps: list[RunStep], *, now: datetime) -> str:
    status = RunStatus(run.status)
    if status not in LIVE:
        return _title(run) or status.lower()
    if silent := silence.seconds(run, now=now):
        return f"No word from the worker for {silent:.0f} s"
    return _under_way(run, steps)


def _under_way(run: MigrationRun, steps: list[RunStep]) -> str:
    current = steps[-1] if steps else None
    if run.taken_over_at is not None:
        return "Its worker died; another one reads what the target holds"
    if _decided_since(run, current):
        return f"{Choice(run.carrying_out).title}: waiting for a worker"
    if _paused(run, steps) and run.order_by:
        where = f" in {_place(current)[0].lower()}{_place(current)[1:]}" if current else ""
        word = "Paused" if run.held_at else "Pause asked"
        return f"{word} by {run.order_by.full_name}{where}"
    return _place(current) if current else "Starting"


def _decided_since(run: MigrationRun, current: RunStep | None) -> bool:
    """Say whether people have decided after the newest step began: what stands there is the run's past, not what goes on."""
    if not run.carrying_out or run.status not in {RunStatus.RESTORING, RunStatus.RECOVERING}:
        return False
    decided = run.decisions.aggregate(at=Max("at"))["at"]
    return decided is not None and (current is None or current.started_at < decided)


def _paused(run: MigrationRun, steps: list[RunStep]) -> bool:
    return pause_stands(run.order, step=steps[-1].key if steps else "")


def _place(current: RunStep) -> str:
    place = {facts.key: number for number, facts in enumerate(STANDARD_STEPS, start=1)}
    if current.key in place:
        return f"Step {place[current.key]} of {len(STANDARD_STEPS)}: {current.title.lower()}"
    return current.title


def _outcome(run: MigrationRun) -> dict[str, Any] | None:
    if not (title := _title(run)):
        return None
    said = [Outcome(run.outcome).sentence] if run.outcome else []
    said = [each for each in said if each not in run.problem]
    return {
        "kind": run.shown.lower(),
        "title": title,
        "sentences": [
            part
            for part in (run.problem, *said, run.traffic_sentence, run.advice, *_reasons(run))
            if part
        ],
        "facts": run_figures.facts(run),
        "next_action": _next_action(run),
    }


def _title(run: MigrationRun) -> str:
    """Return how the run ended in one line; empty while it has not."""
    if run.outcome == Outcome.SHAPE_UNDONE:
        return TITLES[Outcome.SHAPE_UNDONE]
    return TITLES.get(run.shown, "")


def _reasons(run: MigrationRun) -> list[str]:
    """Return why people stopped the run, or let it be undone, in their own words, which stand here and in the ledger only."""
    if run.order == Order.ABORT and run.order_by:
        return [f"{run.order_by.full_name} gave this reason: “{run.order_reason}”"]
    if run.carrying_out not in {Choice.ROLL_BACK, Choice.RESTORE}:
        return []
    made = run.decisions.filter(choice=run.carrying_out).select_related("by").order_by("pk")
    return [f"{each.by.full_name} gave this reason: “{each.reason}”" for each in made]


def _next_action(run: MigrationRun) -> dict[str, str]:
    if run.status == RunStatus.NEEDS_DECISION:
        return {"label": "Decide what happens", "url": "#decision"}
    return {"label": f"Back to {run.plan.number}", "url": reverse("plan", args=[run.plan_id])}


def _schema_diff(run: MigrationRun) -> dict[str, Any] | None:
    if run.status not in {RunStatus.NEEDS_DECISION, RunStatus.SUCCEEDED} or not run.schema_after:
        return None
    rows = schema_difference(run.schema_before, run.schema_after)
    kinds = {"+": "add", "-": "del"}
    return {
        "sentence": f"{sum(1 for row in rows if row[:1] in kinds)} lines of the schema differ from before the run."
        if rows
        else "The schema is as before the run.",
        "lines": [
            {
                "number": None,
                "kind": kinds.get(row[:1], ""),
                "text": row[1:] if row[:1] in {"+", "-", " "} else row,
            }
            for row in rows[:400]
        ],
    }


def _steps(run: MigrationRun, steps: list[RunStep]) -> list[dict[str, Any]]:
    by_key = {step.key: step for step in steps}
    shown = [_step(facts.key, facts.title, by_key.get(facts.key)) for facts in STANDARD_STEPS]
    shown += [
        _step(facts.key, facts.title, by_key[facts.key])
        for facts in (*STAGING_STEPS, WATCH_STEP, *ROLLBACK_STEPS, *MARK_STEPS, *RESTORE_STEPS)
        if facts.key in by_key
    ]
    return shown


def _step(key: str, title: str, row: RunStep | None) -> dict[str, Any]:
    if row is None:
        return {
            "key": key,
            "title": title,
            "state": "",
            "seconds": None,
            "detail": "",
            "output": "",
            "exit_code": None,
        }
    seconds = (row.finished_at - row.started_at).total_seconds() if row.finished_at else None
    return {
        "key": key,
        "title": title,
        "state": STEP_STATES[row.status],
        "seconds": seconds,
        "detail": "",
        "output": row.output,
        "exit_code": row.exit_code,
    }


def row(run: MigrationRun) -> dict[str, Any]:
    """Return one line of the list of runs."""
    ended = run.finished_at
    return {
        "number": run.pk,
        "url": reverse("run", args=[run.pk]),
        "plan": {
            "number": run.plan.number,
            "title": run.plan.title,
            "url": reverse("plan", args=[run.plan_id]),
        },
        "target": run.target.name,
        "level": run.revision.level,
        "phi": run.revision.phi,
        "status": run.shown,
        "at": run.claimed_at or run.due_at,
        "zone": run.target.time_zone,
        "seconds": (ended - run.claimed_at).total_seconds() if ended and run.claimed_at else None,
        "sentence": Outcome(run.outcome).sentence if run.outcome else "",
    }
