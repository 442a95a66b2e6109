"""Taking a backup: one snapshot, dumped in as many archives as are worth it, straight into the vault."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any

from django.db.models.functions import Now

from migrations_portal.backups.archives import (
    MOST_LANES,
    WORTH_DIVIDING,
    Archive,
    Member,
    divide,
    key,
    whole_digest,
)
from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import (
    DumpTool,
    SnapshotService,
    StoredObject,
    Vault,
    VaultUnavailable,
)
from migrations_portal.backups.rules import (
    COPY_LEASE,
    BackupStatus,
    Progress,
    folder,
    retain_until,
)
from migrations_portal.backups.services import counting
from migrations_portal.backups.services.keeping import check_kept
from migrations_portal.backups.services.snapshots import take_snapshot
from migrations_portal.backups.services.watching import Stopped, Watch
from migrations_portal.kernel.errors import ProductError
from migrations_portal.targets.models import Target
from migrations_portal.targets.ports import Endpoint, TargetServer, TargetSession

logger = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
Listener = Callable[[Progress], None]
_SERVER = """
SELECT current_setting('server_version') AS version,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS lsn
"""


@dataclass(frozen=True)
class BackupTools:
    """The ports that a backup needs."""

    server: TargetServer
    dump: DumpTool
    vault: Vault
    lanes: int = field(default_factory=lambda: min(os.cpu_count() or 1, MOST_LANES))
    """How many dumps (and restores) go on at once when a database is large."""
    snapshots: SnapshotService | None = None
    """For the targets that are backed up by snapshots of their instance."""
    worth_dividing: int = WORTH_DIVIDING
    """Bytes of tables from which on a backup is divided."""

    def needed_snapshots(self) -> SnapshotService:
        """Return the service for snapshots; raise `VaultUnavailable` where none is set up."""
        if self.snapshots is None:
            raise VaultUnavailable(
                "This target is backed up by RDS snapshots, but no RDS is set up on this worker. Set WCO_RDS_REGION, or empty the "
                "target's RDS instance."
            )
        return self.snapshots


def spaced(say: Callable[[str], None], *, seconds: float = 5.0) -> Listener:
    """Return a listener that says how far a backup is, at most so often."""
    said = 0.0

    def listen(progress: Progress) -> None:
        nonlocal said
        if progress.seconds - said >= seconds:
            said = progress.seconds
            say(progress.sentence)

    return listen


def _nothing(_: Progress) -> None:
    """Listen to nothing."""


def take(
    *,
    run_id: int | None,
    target: Target,
    endpoint: Endpoint,
    tools: BackupTools,
    application_name: str,
    phi: bool,
    purpose: str,
    now: datetime,
    owner: str = "",
    on_progress: Listener = _nothing,
) -> Backup:
    """Dump the target straight into the vault; the rows are counted in the snapshot of the dump.

    `owner` names what it is for when it is not a run ("rehearsal-3"). `on_progress` is called about once a second, in the
    caller's thread; what it raises stops the backup. Raises `TargetUnreachable`, `DumpToolMissing`, `DumpFailed`,
    `VaultUnavailable`, `BackupNotProven`.
    """
    if target.rds_instance:
        return take_snapshot(
            target=target,
            endpoint=endpoint,
            server=tools.server,
            snapshots=tools.needed_snapshots(),
            name=f"wco-{purpose}-{owner or f'run-{run_id}'}-{now:%Y%m%d%H%M%S}",
            phi=phi,
            purpose=purpose,
            run_id=run_id,
            now=now,
            on_progress=on_progress,
        )
    place = folder(now=now, target=target.name, owner=owner or f"run-{run_id}", purpose=purpose)
    backup = Backup.objects.create(
        run_id=run_id,
        target=target,
        purpose=purpose,
        status=str(BackupStatus.TAKING),
        bucket=tools.vault.bucket,
        key=place,
        version_id=f"taking-{os.urandom(8).hex()}",
        size=0,
        sha256="",
        taken_at=now,
        retain_until=retain_until(now=now, phi=phi),
        held_until=Now() + COPY_LEASE,
    )
    with refusing(backup):
        _dump(
            backup, endpoint=endpoint, tools=tools, name=application_name, on_progress=on_progress
        )
        check_kept(backup, vault=tools.vault)
        backup.status, backup.held_until, backup.progress = str(BackupStatus.STORED), None, ""
        backup.save()
    return backup


@contextmanager
def refusing(backup: Backup) -> Iterator[None]:
    """When the block fails, write down why on the backup's row, and let the failure go on."""
    try:
        yield
    except BaseException as failure:
        said = failure.sentence if isinstance(failure, ProductError) else type(failure).__name__
        Backup.objects.filter(pk=backup.pk).update(
            status=str(BackupStatus.REFUSED), problem=said, held_until=None, progress=""
        )
        raise


def _dump(
    backup: Backup, *, endpoint: Endpoint, tools: BackupTools, name: str, on_progress: Listener
) -> None:
    """Hold one snapshot; dump its archives and count its rows at the same time."""
    started = time.monotonic()
    with tools.server.session(endpoint, application_name=name, statement_timeout_ms=0) as session:
        snapshot = session.hold_snapshot()
        sizes = counting.table_sizes(session)
        members = divide(sizes, lanes=tools.lanes, worth=tools.worth_dividing)
        if len(members) > 1:
            counting.lock_for_reading(session, sizes)
        computed = counting.computed(session)
        (server,) = session.rows(_SERVER)
        watch = Watch(sizes)
        job = _Job(backup, endpoint, tools, name, snapshot, watch)
        stored, counted = _work(job, members, session=session, on_progress=on_progress)
        session.release_snapshot()
    backup.counts, shape = counted
    backup.facts = {
        "server": server["version"],
        "lsn": server["lsn"],
        "snapshot": snapshot,
        "compression": tools.dump.compression(),
        "shape": shape,
        "computed": computed,
        "bytes_read": sum(sizes.values()),
        "seconds": round(time.monotonic() - started, 2),
    }
    _describe(backup, members, stored, vault=tools.vault)


@dataclass(frozen=True)
class _Job:
    """What every lane of a backup shares."""

    backup: Backup
    endpoint: Endpoint
    tools: BackupTools
    name: str
    snapshot: str
    watch: Watch

    def store(self, member: Member) -> StoredObject:
        """Dump one archive into the vault. Runs in a thread of its own and touches no row of ours."""
        with self.tools.dump.dump(
            self.endpoint,
            snapshot=self.snapshot,
            application_name=self.name,
            member=member,
            on_table=lambda table: self.watch.on_table(member.name, table),
        ) as stream:
            stored = self.tools.vault.put(
                key(folder=self.backup.key, member=member),
                stream,
                retain_until=self.backup.retain_until,
                on_bytes=lambda size: self.watch.on_bytes(member.name, size),
            )
        self.watch.done(member.name)
        return stored


def _work(
    job: _Job, members: tuple[Member, ...], *, session: TargetSession, on_progress: Listener
) -> tuple[list[StoredObject], tuple[dict[str, int], dict[str, int]]]:
    """Let the lanes work, the snapshot's session count meanwhile, and report; raise the first failure."""
    with ThreadPoolExecutor(len(members) + 1, thread_name_prefix="backup") as pool:
        counts = pool.submit(lambda: (counting.exact_counts(session), counting.shape(session)))
        lanes = [pool.submit(job.store, member) for member in members]
        try:
            _wait([*lanes, counts], job=job, on_progress=on_progress)
        except BaseException:
            job.watch.stop.set()
            raise
        return [lane.result() for lane in lanes], counts.result()


def _wait(futures: list[Future[Any]], *, job: _Job, on_progress: Listener) -> None:
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=REPORT_SECONDS, return_when="FIRST_EXCEPTION")
        failures = [each.exception() for each in done if each.exception() is not None]
        told = [each for each in failures if not isinstance(each, Stopped)]
        if told and told[0] is not None:
            raise told[0]
        progress = job.watch.progress()
        Backup.objects.filter(pk=job.backup.pk).update(
            progress=progress.sentence[:200], held_until=Now() + COPY_LEASE
        )
        if waiting:
            on_progress(progress)


def _describe(
    backup: Backup, members: tuple[Member, ...], stored: list[StoredObject], *, vault: Vault
) -> None:
    backup.parts = [
        {
            "name": member.name,
            "archive": str(member.archive),
            "key": each.key,
            "version_id": each.version_id,
            "size": each.size,
            "sha256": each.sha256,
            "pieces": list(each.pieces),
        }
        for member, each in zip(members, stored, strict=True)
    ]
    backup.size = sum(each.size for each in stored)
    backup.version_id = stored[0].version_id
    if members[0].archive is Archive.FULL:
        backup.key, backup.sha256 = stored[0].key, stored[0].sha256
        return
    text = whole_digest(backup.parts).encode()
    backup.sha256 = sha256(text).hexdigest()
    vault.put(f"{backup.key}/SHA256SUMS", BytesIO(text), retain_until=backup.retain_until)


def sweep_unfinished(*, vault: Vault) -> int:
    """Refuse the backups whose process died while it took them, and free their parts; return how many there were."""
    dead = Backup.objects.filter(status=str(BackupStatus.TAKING), held_until__lt=Now())
    for backup in dead:
        vault.abort_unfinished(backup.key)
        Backup.objects.filter(pk=backup.pk, status=str(BackupStatus.TAKING)).update(
            status=str(BackupStatus.REFUSED),
            held_until=None,
            progress="",
            problem="The worker died while it took this backup. Its unfinished parts are removed; take it again.",
        )
    return len(dead)
