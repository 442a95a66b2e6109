"""What was measured during a run, and where things are, as plain values."""

from datetime import datetime
from typing import Any

from django.db.models import Max

from migrations_portal.backups.models import Backup
from migrations_portal.execution.models import MigrationRun
from migrations_portal.monitoring.models import RunSample

POINTS = 60
"""Samples in the small lines: the last minute."""


def facts(run: MigrationRun) -> list[dict[str, Any]]:
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


def kpis(run: MigrationRun) -> list[dict[str, Any]]:
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


def kpis_note(run: MigrationRun, *, live: bool, now: datetime) -> str:
    last = RunSample.objects.filter(run=run).order_by("-at").first()
    if last is None:
        return ""
    if live:
        return f"Last sample {max(0, round((now - last.at).total_seconds()))} s ago"
    return "As measured last during the run"


def glance(run: MigrationRun) -> list[dict[str, Any]]:
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
