"""Proving a backup: the vault's own word, every byte read back, and a restore that is compared with the dump's snapshot."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import ObjectFacts
from migrations_portal.backups.rules import BackupNotProven, BackupStatus, differing_counts
from migrations_portal.backups.services import counting
from migrations_portal.backups.services.copies import held
from migrations_portal.backups.services.keeping import check_kept
from migrations_portal.backups.services.restoring import restore_into
from migrations_portal.backups.services.snapshots import PROVIDER, prove_snapshot
from migrations_portal.backups.services.taking import BackupTools, refusing
from migrations_portal.targets.ports import Endpoint

SHOWN = 5


@dataclass(frozen=True)
class Proof:
    """What proving a backup showed."""

    facts: ObjectFacts
    restore_seconds: float
    tables: int
    rows: int


def prove(
    backup: Backup,
    *,
    drill: Endpoint,
    tools: BackupTools,
    application_name: str,
    clock: Callable[[], datetime],
) -> Proof:
    """Prove that the backup restores.

    1. Ask the vault what it holds: size, encryption, version, lock, until when.
    2. Restore into `drill`, a database made for this beside the staging target, reading every byte and decoding every block.
    3. Compare: SHA-256 of every archive, exact rows of every table, foreign keys, indexes, sequences.
    4. Drop the copy again and look that it is gone; it is PHI.

    Raises `BackupNotProven` with what differs, `CopyRefused`, `RestoreFailed`, `VaultUnavailable`.
    """
    if backup.provider == PROVIDER:
        seconds = prove_snapshot(
            backup,
            drill=drill,
            server=tools.server,
            snapshots=tools.needed_snapshots(),
            clock=clock,
        )
        return _proof(backup, seconds=seconds)
    with refusing(backup):
        check_kept(backup, vault=tools.vault)
        home = backup.target.drill_target or backup.target
        with held(
            drill,
            home=home,
            purpose="restore-drill",
            made_by=application_name,
            backup=backup,
            tools=tools,
            clock=clock,
        ):
            restore_and_compare(
                backup,
                into=drill,
                tools=tools,
                application_name=application_name,
                clock=clock,
                quick=True,
            )
        backup.drill |= {"dropped_at": f"{clock():%Y-%m-%dT%H:%M:%SZ}"}
        backup.save(update_fields=["drill"])
    return _proof(backup, seconds=backup.restore_seconds or 0.0)


def _proof(backup: Backup, *, seconds: float) -> Proof:
    return Proof(
        facts=ObjectFacts(
            size=backup.size,
            encryption=str(backup.facts.get("encryption", "")),
            lock_mode=str(backup.facts.get("lock_mode", "")),
            retain_until=backup.retain_until,
        ),
        restore_seconds=seconds,
        tables=len(backup.counts),
        rows=backup.rows,
    )


def restore_and_compare(
    backup: Backup,
    *,
    into: Endpoint,
    tools: BackupTools,
    application_name: str,
    clock: Callable[[], datetime],
    quick: bool = False,
) -> None:
    """Restore into the empty database `into` and compare it with the snapshot; the backup is proven when this returns."""
    started = time.monotonic()
    restore_into(backup, into=into, tools=tools, quick=quick)
    seconds = time.monotonic() - started
    backup.read_back_at = clock()
    with tools.server.session(
        into, application_name=application_name, statement_timeout_ms=0
    ) as session:
        check_counts(expected=backup.counts, found=counting.exact_counts(session))
        shape = counting.shape(session)
        behind = counting.sequences_behind(session)
    different = counting.differing_shape(expected=backup.facts.get("shape", shape), found=shape)
    if different or behind:
        raise BackupNotProven(
            "The restored copy is not whole: "
            + "; ".join(
                [*different, *(f"the sequence of {name} is behind" for name in behind)][:SHOWN]
            )
            + ". Take the backup again."
        )
    backup.restored_at, backup.restore_seconds = clock(), round(seconds, 2)
    backup.status, backup.problem = str(BackupStatus.PROVEN), ""
    backup.drill = {
        "server": f"{into.host}:{into.port}",
        "database": into.database,
        "seconds": round(seconds, 2),
        "tables": len(backup.counts),
        "rows": backup.rows,
        "shape": shape,
    }
    backup.save()


def check_counts(*, expected: dict[str, int], found: dict[str, int]) -> None:
    """Raise `BackupNotProven`, naming the first tables that differ, unless every count is equal."""
    different = differing_counts(expected=expected, found=found)
    if different:
        raise BackupNotProven(
            "The restored copy differs from the dump's snapshot: "
            + "; ".join(different[:SHOWN])
            + "."
        )
