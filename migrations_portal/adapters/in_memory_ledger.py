"""The store of the ledger's checkpoints in memory, for tests."""

from collections.abc import Iterable
from datetime import datetime

from migrations_portal.audit.ports import CheckpointStoreUnavailable, KeptCheckpoint


class InMemoryCheckpointStore:
    """Keeps every version, as a bucket with Object Lock would."""

    def __init__(self) -> None:
        """Begin empty."""
        self.versions: dict[int, list[KeptCheckpoint]] = {}
        self.away = False
        """Set to refuse every call."""

    def _check(self) -> None:
        if self.away:
            raise CheckpointStoreUnavailable("The store is away.")

    def keep(self, number: int, content: bytes, *, retain_until: datetime) -> str:
        """Add a version."""
        self._check()
        there = self.versions.setdefault(number, [])
        there.append(KeptCheckpoint(number, content, f"v{len(there) + 1}", retain_until))
        return there[-1].version_id

    def newest(self, *, after: int = 0) -> int:
        """Return the highest number."""
        self._check()
        return max([after, *self.versions])

    def read(self, numbers: Iterable[int]) -> list[KeptCheckpoint]:
        """Return the first versions."""
        self._check()
        return [self.versions[number][0] for number in numbers if number in self.versions]
