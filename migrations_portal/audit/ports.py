"""What the ledger asks of the outside: a key that signs, and a store that forgets nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from migrations_portal.kernel.errors import Trouble


class SigningFailed(Trouble):
    """The key that signs the ledger's checkpoints cannot be used."""

    code = "signing-failed"


class CheckpointStoreUnavailable(Trouble):
    """The store of the ledger's checkpoints does not answer or refuses the request."""

    code = "checkpoint-store-unavailable"


@dataclass(frozen=True)
class KeptCheckpoint:
    """A checkpoint as it lies in the store: the first version that was ever written under its number."""

    number: int
    content: bytes
    version_id: str
    retain_until: datetime | None


class Signer(Protocol):
    """An Ed25519 key that the portal's database does not hold (L5)."""

    def public_key(self) -> str:
        """Return the public key as 64 hex digits, which is also its id; raise `SigningFailed`."""
        ...

    def sign(self, content: bytes) -> str:
        """Return the signature as 128 hex digits; raise `SigningFailed`."""
        ...


class CheckpointStore(Protocol):
    """An S3 bucket with versions and Object Lock in compliance mode."""

    def keep(self, number: int, content: bytes, *, retain_until: datetime) -> str:
        """Write a checkpoint and lock it; return its version id. Raises `CheckpointStoreUnavailable`."""
        ...

    def newest(self, *, after: int = 0) -> int:
        """Return the highest number that is kept, `after` when none is higher; raise `CheckpointStoreUnavailable`."""
        ...

    def read(self, numbers: Iterable[int]) -> list[KeptCheckpoint]:
        """Return the first version of each of these checkpoints that is there, in order; raise `CheckpointStoreUnavailable`."""
        ...
