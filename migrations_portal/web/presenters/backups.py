"""Backups as plain values: what was proven of each, and how long a recovery takes."""

from typing import Any

from django.urls import reverse

from migrations_portal.backups import queries
from migrations_portal.backups.models import Backup
from migrations_portal.backups.rules import BackupStatus
from migrations_portal.plans.models import MigrationPlan

TONES = {
    BackupStatus.TAKING: ("info", "Being taken"),
    BackupStatus.STORED: ("warn", "Stored, not proven"),
    BackupStatus.PROVEN: ("good", "Proven"),
    BackupStatus.REFUSED: ("bad", "Refused"),
}


def row(backup: Backup) -> dict[str, Any]:
    """Return one line of the list."""
    tone, word = TONES[BackupStatus(backup.status)]
    return {
        "number": backup.pk,
        "url": reverse("backup", args=[backup.pk]),
        "target": backup.target.name,
        "purpose": backup.purpose,
        "taken_at": backup.taken_at,
        "zone": backup.target.time_zone,
        "tone": tone,
        "word": word,
        "size": backup.size,
        "rows": backup.rows,
        "restore_seconds": backup.restore_seconds,
        "problem": backup.problem,
    }


def recovery(plan: MigrationPlan) -> dict[str, str]:
    """Return how long it takes to recover the plan's target, as its newest restore drill has measured."""
    newest = queries.newest_proven(plan.target)
    before = "Before the run a backup is taken, read back and restored on staging"
    if newest is None or newest.restore_seconds is None:
        value = f"{before}; how long that takes is not measured yet"
        return {"term": "Time to recover", "value": value}
    return {
        "term": "Time to recover",
        "value": f"{newest.restore_seconds:,.1f} s for {newest.rows:,} rows, measured. {before}",
        "url": reverse("backup", args=[newest.pk]),
    }


def page(backup: Backup) -> dict[str, Any]:
    """Return the proof of one backup."""
    facts = backup.facts
    return {
        "backup": {**row(backup), "location": backup.location, "progress": backup.progress},
        "run": {"number": backup.run.pk, "url": reverse("run", args=[backup.run.pk])}
        if backup.run
        else None,
        "proof": _proof(backup),
        "glance": [
            {"term": "Time to recover", "value": f"{backup.restore_seconds:,.1f} s, measured"}
            if backup.restore_seconds
            else {"term": "Time to recover", "value": "Not measured"},
            {"term": "Target", "value": backup.target.name},
            {"term": "Server", "value": f"PostgreSQL {facts.get('server', '?')}"},
            {
                "term": "Snapshot",
                "value": f"{facts.get('snapshot', '?')} at LSN {facts.get('lsn', '?')}",
            },
            {
                "term": "Taken in",
                "value": f"{facts['seconds']:,.1f} s" if "seconds" in facts else "—",
            },
            {"term": "Compression", "value": str(facts.get("compression", "—"))},
        ],
        "archives": backup.parts,
        "tables": [{"name": name, "rows": count} for name, count in sorted(backup.counts.items())],
        "copies": [
            {
                "database": each.database,
                "made_at": each.made_at,
                "dropped_at": each.dropped_at,
                "purpose": each.purpose,
            }
            for each in backup.copies.order_by("-pk")
        ],
    }


def _proof(backup: Backup) -> list[dict[str, Any]]:
    facts, drill = backup.facts, backup.drill
    stored = backup.status in {BackupStatus.STORED, BackupStatus.PROVEN}
    return [
        _item(
            stored,
            "Stored and hashed",
            f"{backup.size:,} bytes in {_archives(backup)}, SHA-256 {backup.sha256}",
        ),
        _item(
            facts.get("lock_mode") == "COMPLIANCE",
            "Encrypted, versioned and locked",
            f"{facts.get('encryption', 'no encryption')}, Object Lock {facts.get('lock_mode', 'none').lower()} until "
            f"{backup.retain_until:%d %b %Y}; the store was asked after the upload",
        ),
        _item(
            backup.read_back_at is not None,
            "Read back to the last byte",
            "Every archive was read back, every block decompressed, and the SHA-256 is equal",
        ),
        _item(
            backup.restored_at is not None,
            "Restored on the staging server",
            f"{drill.get('rows', 0):,} rows in {drill.get('tables', 0)} tables, every count equal to the snapshot's; "
            f"{_shape(drill.get('shape', {}))}"
            if drill
            else "Not restored yet",
        ),
        _item(
            bool(drill) and not backup.copies.filter(dropped_at__isnull=True).exists(),
            "The restored copy is gone",
            "Dropped, and looked for afterwards; making and dropping it are in the ledger",
        ),
    ]


def _archives(backup: Backup) -> str:
    count = max(1, len(backup.parts))
    return "one archive" if count == 1 else f"{count} archives"


def _shape(shape: dict[str, int]) -> str:
    return (
        ", ".join(f"{count} {kind}" for kind, count in sorted(shape.items())) or "structure equal"
    )


def _item(passed: bool, title: str, detail: str) -> dict[str, Any]:  # noqa: FBT001
    return {
        "tone": "good" if passed else "warn",
        "verdict": "Proven" if passed else "Not proven",
        "title": title,
        "detail": detail,
    }
