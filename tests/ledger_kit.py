"""A ledger for tests: entries, checkpoints in memory, bundles on disk."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction

from migrations_portal.adapters.in_memory_ledger import InMemoryCheckpointStore
from migrations_portal.adapters.signing import KeyFileSigner, new_private_key
from migrations_portal.audit import bundles, checkpoints, services
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind


@dataclass
class LedgerKit:
    """Writes, signs and packs."""

    signer: KeyFileSigner = field(default_factory=lambda: KeyFileSigner(new_private_key()))
    store: InMemoryCheckpointStore = field(default_factory=InMemoryCheckpointStore)
    now: datetime = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def write(self, count: int) -> None:
        for number in range(count):
            with transaction.atomic():
                services.append(
                    Draft(
                        kind=EntryKind.SEAT_SIGNED,
                        actor=PORTAL,
                        sentence=f"Dan Okafor signed No. {number} “é” 𝄞",
                        plan=number % 7,
                        reason="=1+1",
                        target="production",
                        phi=number % 2 == 0,
                    )
                )

    def sign(self, reason: str = "clock") -> None:
        self.now += timedelta(minutes=5)
        checkpoints.make(signer=self.signer, reason=reason, now=self.now)
        checkpoints.store_waiting(store=self.store, now=self.now)

    def bundle(self, *, last: int | None = None) -> bytes:
        out = io.BytesIO()
        upto = last if last is not None else checkpoints.last_seq()
        bundles.write(
            out,
            entries=bundles.whole_ledger(last=upto),
            points=bundles.points_upto(self.store.newest(), store=self.store),
            extra={},
            scope=bundles.Scope(whole=True, last=upto),
            signer=self.signer,
        )
        return out.getvalue()

    def bundle_in(self, folder: Path) -> Path:
        path = folder / "bundle.zip"
        path.write_bytes(self.bundle())
        return path
