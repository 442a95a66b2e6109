"""What the portal asks of the dump tools and of the vault that keeps the backups."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

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
    """A backup as it lies in the vault."""

    bucket: str
    key: str
    version_id: str
    size: int
    sha256: str

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


class DumpTool(Protocol):
    """pg_dump and pg_restore, as tools that stream."""

    def client_version(self) -> int:
        """Return the major version of pg_dump; raise `DumpToolMissing`."""
        ...

    def dump(
        self, endpoint: Endpoint, *, snapshot: str | None = None, application_name: str = ...
    ) -> AbstractContextManager[BinaryIO]:
        """Stream a custom-format dump. Leaving the context raises `DumpFailed` unless pg_dump ended with 0."""
        ...

    def schema(self, endpoint: Endpoint) -> str:
        """Return the schema as SQL text without owners, privileges or anything that differs between two equal schemas."""
        ...

    def contents(self, stream: BinaryIO) -> int:
        """Read a dump through to its end, decoding every data block; return the bytes of SQL. Raises `RestoreFailed`."""
        ...

    def restore(self, stream: BinaryIO, endpoint: Endpoint, *, keep_roles: bool = ...) -> None:
        """Restore a dump into the empty database of `endpoint`, stopping at the first error; raise `RestoreFailed`."""
        ...


class Vault(Protocol):
    """An S3 bucket with versions and Object Lock."""

    def check(self) -> None:
        """Raise `VaultUnavailable`, with a sentence, unless the bucket is there and can be written."""
        ...

    def put(self, key: str, stream: BinaryIO, *, retain_until: datetime) -> StoredObject:
        """Upload in parts with bounded memory, hashing while streaming; encrypted, locked until `retain_until`."""
        ...

    def open(self, stored: StoredObject) -> AbstractContextManager[BinaryIO]:
        """Stream the object's bytes back."""
        ...

    def describe(self, stored: StoredObject) -> ObjectFacts:
        """Ask the vault what it holds."""
        ...
