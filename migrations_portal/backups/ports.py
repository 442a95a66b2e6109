"""What the portal asks of the dump tools and of the vault that keeps the backups."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol

from migrations_portal.backups.archives import FULL, Member
from migrations_portal.kernel.errors import TargetTrouble, Trouble
from migrations_portal.targets.ports import Endpoint


class DumpToolMissing(Trouble):
    """pg_dump or pg_restore is not installed where the settings point."""

    code = "dump-tool-missing"


class DumpFailed(TargetTrouble):
    """pg_dump did not finish."""

    code = "dump-failed"


class RestoreFailed(TargetTrouble):
    """pg_restore could not read or restore the backup."""

    code = "restore-failed"


class VaultUnavailable(Trouble):
    """The backup store does not answer or refuses the request."""

    code = "vault-unavailable"


@dataclass(frozen=True)
class StoredObject:
    """An object as it lies in the vault."""

    bucket: str
    key: str
    version_id: str
    size: int
    sha256: str
    pieces: tuple[str, ...] = field(default=(), compare=False)
    """SHA-256 of each piece as it was uploaded."""

    @property
    def location(self) -> str:
        """The address as the audit record gives it."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class ObjectFacts:
    """What the vault itself says of an object, asked after the upload."""

    size: int
    encryption: str
    lock_mode: str
    retain_until: datetime | None
    versioned: bool = True
    kms_key: str = ""
    checksum: str = ""
    """The store's own checksum over the whole object; empty where it keeps none."""


def _unheard(_name: str) -> None:
    """Listen to nothing."""


class DumpTool(Protocol):
    """pg_dump and pg_restore, as tools that stream."""

    def client_version(self) -> int:
        """Return the major version of pg_dump; raise `DumpToolMissing`."""
        ...

    def compression(self) -> str:
        """Return the compression that dumps are made with."""
        ...

    def dump(
        self,
        endpoint: Endpoint,
        *,
        snapshot: str | None = None,
        application_name: str = ...,
        member: Member = FULL,
        on_table: Callable[[str], None] = _unheard,
    ) -> AbstractContextManager[BinaryIO]:
        """Stream a dump in custom format. Leaving the context raises `DumpFailed` unless pg_dump ended with 0.

        `on_table` hears each table ("schema.table") when its rows begin.
        """
        ...

    def schema(self, endpoint: Endpoint) -> str:
        """Return the schema as SQL text without owners, privileges or anything that differs between two equal schemas."""
        ...

    def contents(self, stream: BinaryIO) -> int:
        """Read a dump through to its end, decoding every data block; return the bytes of SQL. Raises `RestoreFailed`."""
        ...

    def restore(
        self,
        stream: BinaryIO,
        endpoint: Endpoint,
        *,
        keep_roles: bool = ...,
        section: str = ...,
        jobs: int = ...,
        values: str = ...,
    ) -> None:
        """Restore a dump into the database of `endpoint`, stopping at the first error; raise `RestoreFailed`.

        `section` is pre-data, data or post-data; all of them when empty. More than one job reads the whole stream into
        memory first, so only a schema archive is given them. `values` names the compression of large values ("lz4"); the
        server's own when empty.
        """
        ...


class Vault(Protocol):
    """An S3 bucket with versions and Object Lock."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        ...

    def check(self) -> None:
        """Raise `VaultUnavailable`, with a sentence, unless the bucket locks, keeps versions, can be written, and has our time."""
        ...

    def put(
        self,
        key: str,
        stream: BinaryIO,
        *,
        retain_until: datetime,
        on_bytes: Callable[[int], None] = ...,
    ) -> StoredObject:
        """Upload in parts with bounded memory, hashing while streaming; encrypted, locked until `retain_until`.

        `on_bytes` hears how much is stored so far. A part that does not arrive is sent again for some minutes.
        """
        ...

    def open(self, stored: StoredObject) -> AbstractContextManager[BinaryIO]:
        """Stream the object's bytes back."""
        ...

    def describe(self, stored: StoredObject) -> ObjectFacts:
        """Ask the vault what it holds."""
        ...

    def abort_unfinished(self, prefix: str) -> int:
        """End the uploads below `prefix` that nobody finished, and free their parts; return how many there were."""
        ...


@dataclass(frozen=True)
class SnapshotFacts:
    """What the cloud says of a snapshot."""

    arn: str
    status: str
    percent: int
    gigabytes: int
    encrypted: bool
    kms_key: str
    retain_until: str
    """YYYY-MM-DD, as it was tagged."""


class SnapshotService(Protocol):
    """Snapshots of whole database instances, for databases that are too large to dump. All raise `VaultUnavailable`."""

    def take(
        self,
        *,
        instance: str,
        name: str,
        retain_until: datetime,
        on_percent: Callable[[int], None],
    ) -> SnapshotFacts:
        """Take a snapshot of `instance` and wait until it is available."""
        ...

    def describe(self, name: str) -> SnapshotFacts:
        """Ask what is held."""
        ...

    def restore(self, *, name: str, instance: str) -> tuple[str, int]:
        """Restore into a new instance and return its host and port."""
        ...

    def drop(self, instance: str) -> None:
        """Delete a restored instance, and return when it is gone."""
        ...
