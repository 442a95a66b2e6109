"""A run's page as plain values."""

from datetime import datetime
from typing import Any

from django.db.models import Max
from django.urls import reverse

from migrations_portal.backups.models import Backup
from migrations_portal.execution import deciding, queries
from migrations_portal.execution.models import MigrationRun, RunStep
from migrations_portal.execution.rules import (
    ACTIVE,
    AFTER_SUCCESS,
    DECIDERS_NEEDED,
    LEASE,
    MARK_STEPS,
    RESTORE_STEPS,
    ROLLBACK_STEPS,
    STANDARD_STEPS,
    WATCH_STEP,
    WORKING,
    Choice,
    Outcome,
    RunStatus,
)
from migrations_portal.incidents.models import Incident
from migrations_portal.monitoring.models import RunSample
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import DECIDING_ROLES
from migrations_portal.runbooks.truth import schema_difference
from migrations_portal.web.presenters import predictions

LIVE = (RunStatus.DUE, *WORKING)
POINTS = 60
"""Samples in the small lines: the last minute."""
SILENCE_SECONDS = 12
"""Two heartbeats missed: the page stops looking alive."""
STEP_STATES = {
    "RUNNING": "now",
    "OK": "ok",
    "FAILED": "failed",
    "SKIPPED": "skipped",
    "LOST": "failed",
}
TITLES = {
    RunStatus.SUCCEEDED: "The migration is in, and every check passed",
    RunStatus.FAILED: "The run failed and nothing changed",
    RunStatus.ROLLED_BACK: "The migration was undone and the target is as before",
    RunStatus.NEEDS_DECISION: "The target needs a decision",
    RunStatus.RESTORED: "The backup is live again",
}


def page(run: MigrationRun, *, person: Person, now: datetime) -> dict[str, Any]:
    """Return everything that moves on the page."""
    steps = list(run.steps.order_by("position"))
    lines = queries.last_lines(run=run)
    incident = Incident.objects.filter(run=run).order_by("severity").first()
    return {
        "run": _about(run, steps=steps, now=now),
        "controls": [],
        "outcome": _outcome(run),
        "decision": _decision(run, person=person),
        "schema_diff": _schema_diff(run),
        "steps": _steps(run, steps),
        "predicted": predictions.beside(run, steps=steps),
        "kpis": _kpis(run),
        "kpis_note": _kpis_note(run, now=now),
        "log_lines": [
            {"at": line.at, "text": line.text, "tone": _tone(line.level)} for line in lines
        ],
        "log_left_out": max(0, lines[0].seq - 1) if lines else 0,
        "incident": {
            "number": f"INC-{incident.pk}",
            "severity": incident.severity,
            "url": reverse("incident", args=[incident.pk]),
            "title": incident.title,
        }
        if incident
        else None,
        "glance": _glance(run),
    }


def _tone(level: str) -> str:
    return {"error": "bad", "warn": "warn"}.get(level, "")


def _about(run: MigrationRun, *, steps: list[RunStep], now: datetime) -> dict[str, Any]:
    sentence = _sentence(run, steps, now=now)
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
        "status": run.status,
        "live": run.status in LIVE,
        "fragment_url": reverse("run-live", args=[run.pk]),
        "tab_title": f"{sentence} · {run.plan.number}",
        "sentence": sentence,
        "elapsed": ((run.finished_at or now) - started).total_seconds() if started else None,
        "started_at": started,
        "ended_at": run.finished_at,
        "zone": run.target.time_zone,
        "started_by": f"White Cross Ops, in the name of {queries.executor_of(run)}",
    }


def _sentence(run: MigrationRun, steps: list[RunStep], *, now: datetime) -> str:
    status = RunStatus(run.status)
    if status is RunStatus.DUE:
        holder = MigrationRun.objects.filter(
            target=run.target, status__in=[str(each) for each in ACTIVE]
        ).first()
        return f"Waiting: run {holder.pk} holds the target" if holder else "Waiting for T-0"
    if status not in LIVE:
        return TITLES.get(status, status.lower())
    if (
        run.lease_until
        and (silent := (now - (run.lease_until - LEASE)).total_seconds()) > SILENCE_SECONDS
    ):
        return f"No word from the worker for {silent:.0f} s"
    current = steps[-1] if steps else None
    if current is None:
        return "Starting"
    place = {facts.key: number for number, facts in enumerate(STANDARD_STEPS, start=1)}
    if current.key in place:
        return f"Step {place[current.key]} of {len(STANDARD_STEPS)}: {current.title.lower()}"
    return current.title


def _outcome(run: MigrationRun) -> dict[str, Any] | None:
    status = RunStatus(run.status)
    if status not in TITLES:
        return None
    said = [Outcome(run.outcome).sentence] if run.outcome else []
    said = [each for each in said if each not in run.problem]
    return {
        "kind": status.lower(),
        "title": TITLES[status],
        "sentences": [part for part in (run.problem, *said, run.advice) if part],
        "facts": _facts(run),
        "next_action": _next_action(run),
    }


def _next_action(run: MigrationRun) -> dict[str, str]:
    if run.status == RunStatus.NEEDS_DECISION:
        return {"label": "Decide what happens", "url": "#decision"}
    return {"label": f"Back to {run.plan.number}", "url": reverse("plan", args=[run.plan_id])}


def _facts(run: MigrationRun) -> list[dict[str, Any]]:
    """Return what people ask after a run: did anybody wait, and where is the backup."""
    found: list[dict[str, Any]] = []
    longest = RunSample.objects.filter(run=run).aggregate(top=Max("longest_blocked_ms"))["top"]
    if longest is not None:
        found.append(
            {
                "term": "Longest wait that anybody had",
                "value": f"{longest / 1000:.1f} s",
                "tone": "",
            }
        )
    backup = Backup.objects.filter(run=run).order_by("pk").first()
    if backup:
        proven = "read back and restored" if backup.proven else "not proven"
        found.append(
            {
                "term": "Backup",
                "value": f"{proven}, kept until {backup.retain_until:%d %b %Y}",
                "tone": "",
            }
        )
    return found


def _decision(run: MigrationRun, *, person: Person) -> dict[str, Any] | None:
    if run.status != RunStatus.NEEDS_DECISION:
        return None
    made = run.decisions.select_related("by").order_by("pk").first()
    roles = access.roles_in(person=person, group=run.target.group) & DECIDING_ROLES
    mine = made is not None and made.by_id == person.pk
    why_not = ""
    if run.plan.author_id == person.pk:
        why_not = "You wrote this plan, so two other people decide."
    elif not roles:
        names = ", ".join(sorted(role.title.lower() for role in DECIDING_ROLES))
        why_not = f"{DECIDERS_NEEDED} people decide here, each one of: {names}."
    elif mine:
        why_not = "You have chosen. A second person has to choose the same."
    return {
        "options": [
            {
                "value": str(choice),
                "label": choice.title,
                "consequence": choice.consequence,
                "danger": choice is Choice.RESTORE,
            }
            for choice in _choices(run)
        ],
        "first": {
            "by": made.by.full_name,
            "at": made.at,
            "label": Choice(made.choice).title,
            "reason": made.reason,
        }
        if made
        else None,
        "open": not why_not,
        "why_not": why_not,
        "post_url": reverse("run-decide", args=[run.pk]),
        "form_error": "",
    }


def _choices(run: MigrationRun) -> list[Choice]:
    """Return what can be chosen about the run now; what could not work is not offered."""
    if run.status == RunStatus.SUCCEEDED and deciding.later_run(run) is not None:
        return []
    recorded = set(run.plan.files.values_list("name", flat=True)) & set(run.history_after)
    possible = {
        Choice.KEEP: True,
        Choice.MARK_APPLIED: len(recorded) < run.plan.files.count(),
        Choice.ROLL_BACK: bool(recorded),
        Choice.RESTORE: Backup.objects.filter(
            run=run, purpose="pre-migration", restored_at__isnull=False
        ).exists(),
    }
    asked = AFTER_SUCCESS if run.status == RunStatus.SUCCEEDED else tuple(Choice)
    return [choice for choice in asked if possible[choice]]


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
        for facts in (WATCH_STEP, *ROLLBACK_STEPS, *MARK_STEPS, *RESTORE_STEPS)
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


def _kpis(run: MigrationRun) -> list[dict[str, Any]]:
    rows = list(RunSample.objects.filter(run=run).order_by("-at")[:POINTS])[::-1]
    if not rows:
        return []
    last = rows[-1]
    figures: tuple[tuple[str, str, list[int], str, str], ...] = (
        ("Connections", str(last.connections), [row.connections for row in rows], "", "good"),
        (
            "Queries over 5 min",
            str(last.long_queries),
            [row.long_queries for row in rows],
            "",
            "warn" if last.long_queries else "good",
        ),
        (
            "Ungranted locks",
            str(last.ungranted_locks),
            [row.ungranted_locks for row in rows],
            f"{last.blocked_sessions} sessions blocked",
            "warn" if last.ungranted_locks else "good",
        ),
        (
            "Longest blocked",
            f"{last.longest_blocked_ms / 1000:.1f} s",
            [row.longest_blocked_ms for row in rows],
            f"{max(row.longest_blocked_ms for row in rows) / 1000:.1f} s at most",
            "warn" if last.longest_blocked_ms else "good",
        ),
    )
    return [
        {
            "label": label,
            "value": value,
            "limit": limit,
            "tone": tone,
            "points": points,
            "top": max([*points, 1]),
        }
        for label, value, points, limit, tone in figures
    ]


def _kpis_note(run: MigrationRun, *, now: datetime) -> str:
    last = RunSample.objects.filter(run=run).order_by("-at").first()
    if last is None:
        return ""
    if run.status in LIVE:
        return f"Last sample {max(0, round((now - last.at).total_seconds()))} s ago"
    return "As measured last during the run"


def _glance(run: MigrationRun) -> list[dict[str, Any]]:
    backup = Backup.objects.filter(run=run).order_by("pk").first()
    facts: list[dict[str, Any]] = [
        {"term": "Where", "value": f"{run.target.name} ({run.target.database})"},
        {"term": "Expected", "value": f"{run.plan.expected_seconds} s"},
    ]
    if backup:
        facts.append({"term": "Backup", "value": backup.location, "code": True})
        if backup.restore_seconds is not None:
            facts.append(
                {
                    "term": "Time to recover",
                    "value": f"{backup.restore_seconds:.1f} s, measured by the restore drill",
                }
            )
    return facts


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
        "status": run.status,
        "at": run.claimed_at or run.due_at,
        "zone": run.target.time_zone,
        "seconds": (ended - run.claimed_at).total_seconds() if ended and run.claimed_at else None,
        "sentence": Outcome(run.outcome).sentence if run.outcome else "",
    }
