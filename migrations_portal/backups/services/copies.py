"""Copies of targets: made under a name of ours, held while their process lives, dropped, and looked for afterwards."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.backups.models import Backup, RestoredCopy
from migrations_portal.backups.rules import COPY_LEASE, CopyRefused, check_copy_name
from migrations_portal.backups.services.taking import BackupTools
from migrations_portal.kernel.errors import ProductError, TargetTrouble
from migrations_portal.targets.models import Target
from migrations_portal.targets.ports import Endpoint, TargetServer

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
_THERE = "SELECT count(*) AS n FROM pg_catalog.pg_database WHERE datname = %s"
_LOCK_DOWN = "REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC"


class CopyNotDropped(TargetTrouble):
    """A copy that may hold PHI is still there after it was dropped."""

    code = "copy-not-dropped"
    permanent = False


class _Beat(threading.Thread):
    """Says that the holder of a copy lives; when the process is killed, the copy's time runs out."""

    def __init__(self, copy: RestoredCopy) -> None:
        super().__init__(daemon=True, name=f"copy-{copy.pk}")
        self._copy_id, self._over = copy.pk, threading.Event()

    def run(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            try:
                RestoredCopy.objects.filter(pk=self._copy_id).update(held_until=Now() + COPY_LEASE)
            except DatabaseError:  # tried again; a minute of silence is allowed
                logger.warning("copy %s: its time was not renewed", self._copy_id, exc_info=True)
                connection.close()
        connection.close()

    def stop(self) -> None:
        self._over.set()
        self.join(timeout=10)


@contextmanager
def held(
    endpoint: Endpoint,
    *,
    home: Target,
    purpose: str,
    made_by: str,
    tools: BackupTools,
    clock: Callable[[], datetime],
    backup: Backup | None = None,
) -> Iterator[RestoredCopy]:
    """Make an empty database for the block and drop it afterwards, whatever happens; both are on record.

    Nobody but its owner may connect. Raises `CopyRefused` for a name that is a target's or not ours, `CopyNotDropped`.
    """
    live = list(Target.objects.values_list("host", "port", "database"))
    check_copy_name(database=endpoint.database, host=endpoint.host, port=endpoint.port, live=live)
    copy = _register(
        endpoint, home=home, purpose=purpose, made_by=made_by, backup=backup, now=clock()
    )
    beat = _Beat(copy)
    beat.start()
    try:
        tools.server.drop_database(endpoint)
        tools.server.create_database(endpoint)
        _lock_down(endpoint, server=tools.server)
        yield copy
    except BaseException:
        beat.stop()
        try:
            drop(copy, endpoint=endpoint, server=tools.server, now=clock())
        except ProductError as failure:  # the first failure is told; the sweep drops the copy
            logger.warning("copy %s is not dropped yet: %s", copy.database, failure.sentence)
        raise
    beat.stop()
    drop(copy, endpoint=endpoint, server=tools.server, now=clock())


@transaction.atomic
def _register(
    endpoint: Endpoint,
    *,
    home: Target,
    purpose: str,
    made_by: str,
    backup: Backup | None,
    now: datetime,
) -> RestoredCopy:
    """Write the copy down before it is there; one that a dead process left under the same name is ours now."""
    busy = RestoredCopy.objects.filter(
        home=home, database=endpoint.database, dropped_at__isnull=True
    )
    if busy.filter(held_until__gt=Now()).exists():
        raise CopyRefused(
            f"{endpoint.database} is being used by another process. Wait a minute and try again."
        )
    busy.update(dropped_at=now)
    copy = RestoredCopy.objects.create(
        home=home,
        database=endpoint.database,
        purpose=purpose,
        backup=backup,
        made_by=made_by[:120],
        made_at=now,
        held_until=Now() + COPY_LEASE,
    )
    what = f"from {backup.location}" if backup else "of the schema alone"
    audit.append(
        _entry(
            copy, EntryKind.COPY_MADE, f"A copy {what} was made as {copy.database} for {purpose}."
        )
    )
    return copy


def _entry(copy: RestoredCopy, kind: EntryKind, sentence: str) -> Draft:
    return Draft(
        kind=kind,
        actor=PORTAL,
        sentence=sentence,
        target=copy.home.name,
        environment=copy.home.environment.lower(),
        phi=copy.backup_id is not None,
        facts={"database": copy.database, "purpose": copy.purpose, "made_by": copy.made_by},
    )


def _lock_down(endpoint: Endpoint, *, server: TargetServer) -> None:
    name = '"' + endpoint.database.replace('"', '""') + '"'
    with server.session(endpoint, application_name="wcops-copies") as session:
        session.rows(_LOCK_DOWN.format(name))


def drop(copy: RestoredCopy, *, endpoint: Endpoint, server: TargetServer, now: datetime) -> None:
    """Drop the copy, look that it is gone, and write that down. Raises `CopyNotDropped`, `TargetUnreachable`."""
    server.drop_database(endpoint)
    with server.session(endpoint.on("postgres"), application_name="wcops-copies") as session:
        left = int(session.rows(_THERE, [endpoint.database])[0]["n"])
    if left:
        raise CopyNotDropped(
            f"{endpoint.database} on {endpoint.host}:{endpoint.port} is still there after it was dropped. Drop it by hand: it may "
            "hold PHI."
        )
    with transaction.atomic():
        if RestoredCopy.objects.filter(pk=copy.pk, dropped_at__isnull=True).update(dropped_at=now):
            audit.append(
                _entry(copy, EntryKind.COPY_DROPPED, f"{copy.database} was dropped; it is gone.")
            )


def sweep_copies(
    *,
    endpoint_of: Callable[[Target], Endpoint],
    server: TargetServer,
    clock: Callable[[], datetime],
) -> int:
    """Drop the copies whose process died; return how many. One that cannot be dropped now is tried again."""
    dropped = 0
    for copy in RestoredCopy.objects.filter(
        dropped_at__isnull=True, held_until__lt=Now()
    ).select_related("home", "backup"):
        try:
            endpoint = endpoint_of(copy.home).on(copy.database)
            drop(copy, endpoint=endpoint, server=server, now=clock())
            dropped += 1
        except ProductError as failure:
            logger.warning("copy %s is not dropped yet: %s", copy.database, failure.sentence)
    return dropped
