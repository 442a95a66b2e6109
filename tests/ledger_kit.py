"""A ledger for tests: entries, checkpoints in memory, bundles on disk."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction

from migrations_portal.adapters.in_memory import InMemoryVault
from migrations_portal.adapters.in_memory_ledger import InMemoryCheckpointStore
from migrations_portal.adapters.signing import KeyFileSigner, new_private_key
from migrations_portal.adapters.typst_printer import TypstPrinter
from migrations_portal.audit import bundles, checkpoints, services
from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.compliance import exports
from migrations_portal.compliance.exports import ExportTools
from migrations_portal.compliance.models import Export
from migrations_portal.compliance.rules import ExportForm
from migrations_portal.people.models import Person

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
URL = "http://127.0.0.1"


@dataclass
class LedgerKit:
    """Writes, signs and packs."""

    signer: KeyFileSigner = field(default_factory=lambda: KeyFileSigner(new_private_key()))
    store: InMemoryCheckpointStore = field(default_factory=InMemoryCheckpointStore)
    now: datetime = NOW

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


class Desk:
    """Asks for exports as one person and makes them as the worker does."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.kit, self.vault = LedgerKit(), InMemoryVault()
        self.tools = ExportTools(
            vault=self.vault,
            store=self.kit.store,
            signer=lambda: self.kit.signer,
            printer=TypstPrinter(),
        )
        self.now = NOW

    def ask(self, form: ExportForm, **more) -> Export:
        asked = {"targets": ["production"], "wanted": LedgerFilter(), "purpose": "Audit 2026"}
        return exports.ask(by=self.person, form=form, now=self.now, **{**asked, **more})

    def make(self, row: Export) -> bool:
        self.now += timedelta(minutes=20)
        claimed = exports.claim(export_id=row.pk, now=self.now)
        assert claimed is not None
        return exports.make(claimed, tools=self.tools, clock=lambda: self.now, public_url=URL)

    def content(self, row: Export) -> bytes:
        row.refresh_from_db()
        with exports.opened(row, vault=self.vault) as stream:
            return stream.read()

    def made(self, form: ExportForm, **more) -> bytes:
        row = self.ask(form, **more)
        assert self.make(row), Export.objects.get(pk=row.pk).problem
        return self.content(row)
