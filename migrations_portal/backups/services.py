"""Taking a backup and proving it. The tools come in as ports; nothing is left on a disk in plain text."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, cast

from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import DumpTool, ObjectFacts, StoredObject, Vault
from migrations_portal.backups.rules import BackupNotProven, key, retain_until
from migrations_portal.targets.models import Target
from migrations_portal.targets.ports import Endpoint, TargetServer, TargetSession

TABLES = """
SELECT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%%'
 ORDER BY 1, 2
"""
"""Every ordinary table of the customer; partitions count as tables, partitioned parents hold no rows."""


@dataclass(frozen=True)
class BackupTools:
    """The ports that a backup needs."""

    server: TargetServer
    dump: DumpTool
    vault: Vault


@dataclass(frozen=True)
class Proof:
    """What proving a backup showed."""

    facts: ObjectFacts
    restore_seconds: float
    tables: int
    rows: int


class HashingReader:
    """Reads another stream and hashes what passes; `drain` reads what a consumer left."""

    def __init__(self, stream: BinaryIO) -> None:
        """Stand in front of `stream`."""
        self._stream = stream
        self._sha = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """Read like the stream itself."""
        chunk = self._stream.read(size)
        self._sha.update(chunk)
        self.size += len(chunk)
        return chunk

    def readable(self) -> bool:
        """Be a readable stream."""
        return True

    def drain(self) -> str:
        """Read to the end and return the SHA-256 of everything, as hex."""
        while self.read(1024 * 1024):
            pass
        return self._sha.hexdigest()


def exact_counts(session: TargetSession) -> dict[str, int]:
    """Count every table of the customer exactly, as the session sees it."""
    return {
        f"{row['schema']}.{row['name']}": session.count(row["schema"], row["name"])
        for row in session.rows(TABLES)
    }


def take(
    *,
    run_id: int,
    target: Target,
    endpoint: Endpoint,
    tools: BackupTools,
    application_name: str,
    phi: bool,
    purpose: str,
    now: datetime,
) -> Backup:
    """Dump the target straight into the vault; the rows are counted in the snapshot of the dump.

    Raises `TargetUnreachable`, `DumpToolMissing`, `DumpFailed`, `VaultUnavailable`.
    """
    keep_until = retain_until(now=now, phi=phi)
    with tools.server.session(
        endpoint, application_name=application_name, statement_timeout_ms=0
    ) as session:
        snapshot = session.hold_snapshot()
        counts = exact_counts(session)
        with tools.dump.dump(
            endpoint, snapshot=snapshot, application_name=application_name
        ) as stream:
            stored = tools.vault.put(
                key(now=now, target=target.name, run=run_id, purpose=purpose),
                stream,
                retain_until=keep_until,
            )
        session.release_snapshot()
    return Backup.objects.create(
        run_id=run_id,
        target=target,
        purpose=purpose,
        bucket=stored.bucket,
        key=stored.key,
        version_id=stored.version_id,
        size=stored.size,
        sha256=stored.sha256,
        counts=counts,
        taken_at=now,
        retain_until=keep_until,
    )


def stored(backup: Backup) -> StoredObject:
    """Return the backup as the vault knows it."""
    return StoredObject(backup.bucket, backup.key, backup.version_id, backup.size, backup.sha256)


def prove(
    backup: Backup,
    *,
    drill: Endpoint,
    tools: BackupTools,
    application_name: str,
    clock: Callable[[], datetime],
) -> Proof:
    """Prove that the backup restores.

    1. Ask the vault what it holds: size, encryption, lock.
    2. Read every byte back, compare the SHA-256, decode every data block.
    3. Restore into `drill`, an empty database made for this, and compare the exact counts of every table.
    4. Drop the copy again; it is PHI.

    Raises `BackupNotProven` with what differs, `RestoreFailed`, `VaultUnavailable`.
    """
    facts = _check_facts(backup, vault=tools.vault)
    _read_back(backup, tools=tools)
    backup.read_back_at = clock()
    backup.save(update_fields=["read_back_at"])
    started = time.monotonic()
    tools.server.create_database(drill)
    try:
        with tools.vault.open(stored(backup)) as stream:
            tools.dump.restore(stream, drill)
        seconds = time.monotonic() - started
        with tools.server.session(
            drill, application_name=application_name, statement_timeout_ms=0
        ) as session:
            check_counts(expected=backup.counts, found=exact_counts(session))
    finally:
        tools.server.drop_database(drill)
    backup.restored_at, backup.restore_seconds = clock(), round(seconds, 2)
    backup.save(update_fields=["restored_at", "restore_seconds"])
    return Proof(
        facts=facts,
        restore_seconds=seconds,
        tables=len(backup.counts),
        rows=sum(backup.counts.values()),
    )


def _check_facts(backup: Backup, *, vault: Vault) -> ObjectFacts:
    facts = vault.describe(stored(backup))
    if facts.size != backup.size:
        raise BackupNotProven(
            f"The vault holds {facts.size:,} bytes of {backup.location}, not the {backup.size:,} that were sent. "
            "Nothing was changed; check the bucket and run again."
        )
    if not facts.encryption:
        raise BackupNotProven(
            f"{backup.location} is not encrypted in the vault. Turn on encryption for the bucket."
        )
    if facts.retain_until is None:
        raise BackupNotProven(
            f"{backup.location} is not locked against deletion. The bucket needs Object Lock."
        )
    return facts


def _read_back(backup: Backup, *, tools: BackupTools) -> None:
    with tools.vault.open(stored(backup)) as stream:
        reader = HashingReader(stream)
        tools.dump.contents(cast("BinaryIO", reader))
        digest = reader.drain()
    if digest != backup.sha256:
        raise BackupNotProven(
            f"{backup.location} does not read back as it was written (SHA-256 {digest[:12]}… instead of "
            f"{backup.sha256[:12]}…). Nothing was changed; check the store and run again."
        )


def check_counts(*, expected: dict[str, int], found: dict[str, int]) -> None:
    """Raise `BackupNotProven`, naming the first tables that differ, unless every count is equal."""
    different = [
        f"{name}: {expected.get(name, 'no table')} expected, {found.get(name, 'no table')} restored"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    if different:
        raise BackupNotProven(
            "The restored copy differs from the dump's snapshot: " + "; ".join(different[:5]) + "."
        )
