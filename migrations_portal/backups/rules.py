"""Where backups lie, how long they are kept, and what a drill may touch."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from migrations_portal.kernel.errors import Refused, TargetTrouble

RETENTION = timedelta(days=90)
"""Spec, "Backup Retention": pre-migration backups, 90 days minimum."""
PHI_RETENTION = timedelta(days=2_557)
"""Seven years, leap days included. Company policy; the law (45 CFR 164.316(b)(2)(i)) says six."""

FRESH_FOR = timedelta(hours=1)
"""How long after its proof a migration may begin on a backup (X20). Dump and proof take what they take; waiting after them only
makes a restore lose more of what people wrote."""

CLOCK_SLACK = timedelta(seconds=2)
"""Stores keep the retention date to the second."""
LARGEST_SKEW = timedelta(minutes=5)
"""Between our clock and the store's. S3 refuses requests from 15 minutes on; a retention date is wrong long before."""

COPY_PREFIX = "wco_"
"""Every database that the portal makes for itself begins with this; nothing else may be dropped."""
COPY_LEASE = timedelta(seconds=60)
"""How long a copy outlives the last sign of life of the process that made it."""


class BackupNotProven(TargetTrouble):
    """The backup could not be proven, so nothing was changed."""

    code = "backup-not-proven"


class CopyRefused(Refused):
    """The database named for the copy is in use, so nothing was restored."""

    code = "copy-refused"


class BackupNotFound(Refused):
    """There is no such backup, or it belongs to targets that you have no role for."""

    code = "backup-not-found"


class BackupStatus(StrEnum):
    TAKING = "TAKING"
    STORED = "STORED"
    PROVEN = "PROVEN"
    REFUSED = "REFUSED"
    """It could not be taken, or could not be proven. `problem` says why."""


def folder(*, now: datetime, target: str, owner: str, purpose: str = "pre-migration") -> str:
    """Return the folder of a backup in the spec's layout, `pre-migration/YYYY/MM/DD/…`."""
    return f"{purpose}/{now:%Y/%m/%d}/{target}-{owner}-{now:%H%M%S}"


def retain_until(*, now: datetime, phi: bool) -> datetime:
    """Return until when the vault must keep a backup taken now."""
    return now + (PHI_RETENTION if phi else RETENTION)


@dataclass(frozen=True)
class Progress:
    """How far a dump is: tables, bytes of tables read, bytes stored, and seconds since its start."""

    tables_done: int
    tables: int
    bytes_done: int
    bytes: int
    stored: int
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """Return a forecast from the bytes read so far; None while there is nothing to go by."""
        if not self.bytes_done or self.seconds < 1:
            return None
        return self.seconds * (self.bytes - self.bytes_done) / self.bytes_done

    @property
    def sentence(self) -> str:
        """What the run page says."""
        left = self.seconds_left
        ahead = (
            f", about {left:,.0f} s left"
            if left is not None and self.bytes_done < self.bytes
            else ""
        )
        return (
            f"{self.tables_done} of {self.tables} tables, {self.bytes_done / 1e6:,.0f} of {self.bytes / 1e6:,.0f} MB read, "
            f"{self.stored / 1e6:,.1f} MB stored{ahead}"
        )


def check_copy_name(
    *, database: str, host: str, port: int, live: Collection[tuple[str, int, str]]
) -> None:
    """Raise `CopyRefused` unless a copy may be made (and later dropped) under this name. `live`: where targets are."""
    if not database.startswith(COPY_PREFIX):
        raise CopyRefused(
            f"A copy must have a name that begins with {COPY_PREFIX}; {database} does not, so nothing was restored."
        )
    if any(name == database for _, _, name in live):
        raise CopyRefused(
            f"{database} on {host}:{port} is the database of a target; a backup is never restored over one. Nothing was restored."
        )


def differing_counts(*, expected: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """Return a sentence for each table whose restored rows are not those of the snapshot."""
    return [
        f"{name}: {expected.get(name, 'no table')} expected, {found.get(name, 'no table')} restored"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
