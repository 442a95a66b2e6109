"""Backups that are snapshots of the whole instance: for databases too large to dump. The same row, the same proof.

A snapshot has no export of its instant, so the rows are counted just before and just after it; the restored copy must lie
between the two. A snapshot cannot be locked like an object: its date of retention is a tag, and AWS Backup's vault lock
(or the account's policy) has to hold it.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models.functions import Now

from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import SnapshotService
from migrations_portal.backups.rules import (
    COPY_LEASE,
    BackupNotProven,
    BackupStatus,
    Progress,
    retain_until,
)
from migrations_portal.backups.services import counting
from migrations_portal.targets.models import Target
from migrations_portal.targets.ports import Endpoint, TargetServer

PROVIDER = "rds-snapshot"
SHOWN = 5


def take_snapshot(
    *,
    target: Target,
    endpoint: Endpoint,
    server: TargetServer,
    snapshots: SnapshotService,
    name: str,
    phi: bool,
    purpose: str,
    run_id: int | None,
    now: datetime,
    on_progress: Callable[[Progress], None],
) -> Backup:
    """Take a snapshot of the target's instance. Raises `VaultUnavailable`, `BackupNotProven` when it is not encrypted."""
    keep = retain_until(now=now, phi=phi)
    started = time.monotonic()
    before = _counts(endpoint, server=server)
    backup = Backup.objects.create(
        run_id=run_id,
        target=target,
        purpose=purpose,
        provider=PROVIDER,
        status=str(BackupStatus.TAKING),
        bucket=target.rds_instance,
        key=name,
        size=0,
        sha256="",
        counts=before,
        taken_at=now,
        retain_until=keep,
        held_until=Now() + COPY_LEASE,
    )

    def tell(percent: int) -> None:
        Backup.objects.filter(pk=backup.pk).update(
            progress=f"{percent} % of the snapshot", held_until=Now() + COPY_LEASE
        )
        on_progress(
            Progress(
                tables_done=0, tables=len(before), bytes_done=percent, bytes=100, stored=0,
                seconds=time.monotonic() - started,
            )
        )  # fmt: skip

    facts = snapshots.take(
        instance=target.rds_instance, name=name, retain_until=keep, on_percent=tell
    )
    if not facts.encrypted:
        _refuse(
            backup,
            f"The snapshot {name} is not encrypted. Turn on storage encryption for the instance.",
        )
    backup.key, backup.size = facts.arn, facts.gigabytes * 10**9
    backup.facts = {
        "encryption": "aws:rds",
        "kms_key": facts.kms_key,
        "counts_after": _counts(endpoint, server=server),
        "seconds": round(time.monotonic() - started, 2),
        "snapshot": name,
    }
    backup.status, backup.progress, backup.held_until = str(BackupStatus.STORED), "", None
    backup.save()
    return backup


def prove_snapshot(
    backup: Backup,
    *,
    drill: Endpoint,
    server: TargetServer,
    snapshots: SnapshotService,
    clock: Callable[[], datetime],
) -> float:
    """Restore the snapshot into an instance of its own, compare, delete it, and look that it is gone; return the seconds."""
    name = str(backup.facts["snapshot"])
    facts = snapshots.describe(name)
    if facts.status != "available" or facts.retain_until < f"{backup.retain_until:%Y-%m-%d}":
        _refuse(
            backup,
            f"RDS says of {name}: {facts.status}, kept until {facts.retain_until or 'nobody knows when'}. Take the backup again.",
        )
    instance = f"wco-drill-{backup.pk}"
    started = time.monotonic()
    try:
        host, port = snapshots.restore(name=name, instance=instance)
        seconds = time.monotonic() - started
        copy = Endpoint(host, port, backup.target.database, drill.user, drill.password)
        found = _counts(copy, server=server)
    finally:
        snapshots.drop(instance)
    different = outside(found, before=backup.counts, after=backup.facts["counts_after"])
    if different:
        _refuse(
            backup,
            "The restored snapshot differs from the instance: "
            + "; ".join(different[:SHOWN])
            + ".",
        )
    backup.read_back_at = backup.restored_at = clock()
    backup.restore_seconds, backup.status = round(seconds, 2), str(BackupStatus.PROVEN)
    backup.drill = {
        "server": instance, "database": copy.database, "seconds": round(seconds, 2),
        "tables": len(found), "rows": sum(found.values()), "shape": {},
    }  # fmt: skip
    backup.save()
    return seconds


def outside(found: dict[str, int], *, before: dict[str, int], after: dict[str, Any]) -> list[str]:
    """Return a sentence for each table whose rows are not between those counted before and after the snapshot."""
    return [
        f"{name}: {found.get(name, 'no table')} restored, between {before.get(name, 0)} and {after.get(name, 0)} expected"
        for name in sorted(before.keys() & after.keys() | found.keys())
        if name not in found
        or not min(before.get(name, 0), after.get(name, 0))
        <= found[name]
        <= max(before.get(name, 0), after.get(name, 0))
    ]


def _counts(endpoint: Endpoint, *, server: TargetServer) -> dict[str, int]:
    with server.session(
        endpoint, application_name="wcops-snapshot", statement_timeout_ms=0
    ) as session:
        return counting.exact_counts(session)


def _refuse(backup: Backup, sentence: str) -> None:
    Backup.objects.filter(pk=backup.pk).update(
        status=str(BackupStatus.REFUSED), problem=sentence, held_until=None, progress=""
    )
    raise BackupNotProven(sentence)
