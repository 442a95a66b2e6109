"""Exports: asked for by a person (or by the calendar), made by a worker, kept in the vault, fetched from there."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, cast

from django.db import transaction
from django.db.models import F, Q, QuerySet

from migrations_portal.audit import bundles, checkpoints, export, queries, services
from migrations_portal.audit.models import Entry
from migrations_portal.audit.ports import CheckpointStore, Signer
from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.backups.ports import StoredObject, Vault
from migrations_portal.compliance import evidence, report
from migrations_portal.compliance.models import Export
from migrations_portal.compliance.ports import Printer
from migrations_portal.compliance.rules import (
    EXPORT_KEPT,
    EXPORT_LEASE,
    MAX_ATTEMPTS,
    PDF_ENTRIES,
    ExportForm,
    ExportRefused,
)
from migrations_portal.kernel.errors import ProductError
from migrations_portal.notifications import services as notifications
from migrations_portal.people.models import Person
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.targets.models import TargetGroup

ROWS_A_TURN = 2_000


@dataclass(frozen=True)
class ExportTools:
    """The outside world, as far as exports need it."""

    vault: Vault
    store: CheckpointStore
    signer: Callable[[], Signer]
    printer: Printer


@transaction.atomic
def ask(
    *,
    by: Person,
    form: ExportForm,
    targets: list[str],
    wanted: LedgerFilter,
    purpose: str,
    now: datetime,
    plan: MigrationPlan | None = None,
) -> Export:
    """Put an export in line and write into the ledger who asked for it and why. Raises `ExportRefused`.

    `targets` are those whose ledger the person may read; the caller has asked `targets.queries.ledger_targets`.
    """
    if not purpose.strip():
        raise ExportRefused("Say what the export is for; the purpose goes into the ledger.")
    if form is ExportForm.EVIDENCE and plan is None:
        raise ExportRefused("An evidence pack is made of one plan.")
    of = f"evidence of WC-{plan.pk}" if plan else f"the ledger as {form}"
    through = services.append_now(
        Draft(
            kind=EntryKind.EVIDENCE_EXPORTED if plan else EntryKind.LEDGER_EXPORTED,
            actor=services.actor(by),
            sentence=f"{by.full_name} exported {of}.",
            plan=plan.pk if plan else None,
            target=plan.target.name if plan else "",
            environment=plan.target.environment.lower() if plan else "",
            reason=purpose.strip(),
            facts={"targets": targets, "filter": wanted.told()},
        )
    )
    return Export.objects.create(
        form=str(form),
        asked_by=by,
        asked_at=now,
        purpose=purpose.strip()[:300],
        targets=targets,
        query=wanted.told(),
        plan=plan,
        through=through,
    )


@transaction.atomic
def ask_for_month(
    *, group: TargetGroup, form: ExportForm, since: datetime, until: datetime, now: datetime
) -> Export | None:
    """Put the report of a month in line, once a group and month; None when it was asked for before."""
    period = f"{since:%Y-%m}"
    if Export.objects.filter(group=group, period=period, form=str(form)).exists():
        return None
    wanted = LedgerFilter(since=since, until=until)
    through = services.append_now(
        Draft(
            kind=EntryKind.LEDGER_EXPORTED,
            actor=PORTAL,
            sentence=f"The report of {since:%B %Y} on {group.name} was made for compliance.",
            reason="monthly report",
            facts={"filter": wanted.told(), "group": group.name},
        )
    )
    return Export.objects.create(
        form=str(form),
        asked_at=now,
        purpose="Monthly report to compliance",
        targets=list(group.targets.order_by("name").values_list("name", flat=True)),
        query=wanted.told(),
        group=group,
        period=period,
        through=through,
    )


def _free(now: datetime) -> Q:
    return Q(claimed_at__isnull=True) | Q(claimed_at__lt=now - EXPORT_LEASE)


def waiting(*, now: datetime) -> list[int]:
    """Return the exports that nobody works on, the oldest first."""
    rows = Export.objects.filter(_free(now), done_at__isnull=True).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def claim(*, export_id: int, now: datetime) -> Export | None:
    """Take an export by one conditional UPDATE; None when somebody else has it, or it is done."""
    taken = Export.objects.filter(_free(now), pk=export_id, done_at__isnull=True).update(
        claimed_at=now, attempts=F("attempts") + 1, rows_done=0
    )
    return Export.objects.get(pk=export_id) if taken == 1 else None


def rows_of(row: Export) -> QuerySet[Entry]:
    """Return the entries that belong into an export."""
    wanted = LedgerFilter.read(row.query)
    return queries.entries(targets=row.targets, wanted=wanted).filter(seq__lte=row.through)


def make(
    row: Export, *, tools: ExportTools, clock: Callable[[], datetime], public_url: str
) -> bool:
    """Make a claimed export and keep it in the vault; what fails is written on it and tried again, three times in all."""
    try:
        with tempfile.TemporaryFile(prefix="wco-export-") as file:
            _write(row, cast("BinaryIO", file), tools=tools, clock=clock)
            file.seek(0)
            key = f"exports/{row.asked_at:%Y/%m}/{row.pk}-{row.name}"
            stored = tools.vault.put(
                key, cast("BinaryIO", file), retain_until=clock() + EXPORT_KEPT
            )
    except ProductError as failure:
        _failed(row, failure, now=clock())
        return False
    _done(row, stored, now=clock(), public_url=public_url)
    return True


def _write(
    row: Export, file: BinaryIO, *, tools: ExportTools, clock: Callable[[], datetime]
) -> None:
    form, rows = ExportForm(row.form), rows_of(row)
    count = rows.order_by().count()
    Export.objects.filter(pk=row.pk).update(rows_total=count)
    if form is ExportForm.PDF:
        if count > PDF_ENTRIES:
            raise ExportRefused(
                f"A PDF holds {PDF_ENTRIES:,} entries, these are {count:,}. Choose a shorter period, or CSV."
            )
        file.write(tools.printer.ledger_report(report.of(row, rows.order_by("seq"))))
    elif form in {ExportForm.BUNDLE, ExportForm.EVIDENCE}:
        _bundle(row, rows, file, tools=tools, now=clock())
    else:
        lines = export.as_csv(rows) if form is ExportForm.CSV else export.as_json_lines(rows)
        file.writelines(_counted(row, lines, clock=clock))


def _bundle(
    row: Export, rows: QuerySet[Entry], file: BinaryIO, *, tools: ExportTools, now: datetime
) -> None:
    """Write a bundle: the whole ledger when nothing was left out, else the chosen entries, each in a signed checkpoint."""
    signer = tools.signer()
    last = checkpoints.make(signer=signer, reason=f"export {row.pk}", now=now)[-1]
    checkpoints.store_waiting(store=tools.store, now=now)
    whole = row.plan_id is None and rows.count() == row.through
    if whole:
        entries = bundles.whole_ledger(last=last.seq)
        points = bundles.points_upto(last.number, store=tools.store)
    else:
        seqs = rows.order_by("seq").values_list("seq", flat=True).iterator(chunk_size=5_000)
        entries, points = export.lines(rows), bundles.points_for(seqs, store=tools.store)
    bundles.write(
        file,
        entries=entries,
        points=points,
        extra=evidence.files(row, row.plan_id) if row.plan_id else {},
        scope=bundles.Scope(whole=whole, last=last.seq if whole else row.through, query=row.query),
        signer=signer,
    )


def _counted(
    row: Export, pieces: Iterator[bytes], *, clock: Callable[[], datetime]
) -> Iterator[bytes]:
    """Pass pieces on and note how many there were, every few thousand."""
    for number, piece in enumerate(pieces):
        if number and number % ROWS_A_TURN == 0:
            Export.objects.filter(pk=row.pk).update(rows_done=number, claimed_at=clock())
        yield piece


def _failed(row: Export, failure: ProductError, *, now: datetime) -> None:
    over = isinstance(failure, ExportRefused) or row.attempts >= MAX_ATTEMPTS
    Export.objects.filter(pk=row.pk).update(
        problem=failure.sentence[:500],
        done_at=now if over else None,
        claimed_at=now if over else None,
    )


@transaction.atomic
def _done(row: Export, stored: StoredObject, *, now: datetime, public_url: str) -> None:
    Export.objects.filter(pk=row.pk).update(
        done_at=now,
        problem="",
        rows_done=F("rows_total"),
        bucket=stored.bucket,
        key=stored.key,
        version_id=stored.version_id,
        size=stored.size,
        sha256=stored.sha256,
    )
    for person in report.readers(row):
        context: dict[str, Any] = {
            "person_name": person.first_name,
            "file": row.name,
            "purpose": row.purpose,
            "sha256": stored.sha256,
            "size": f"{stored.size:,} bytes",
            "url": f"{public_url}/audit/exports/{row.pk}/",
        }
        notifications.queue_mail(
            template="export_ready",
            to=person.email,
            context=context,
            dedup_key=f"export-{row.pk}",
            now=now,
        )


def opened(row: Export, *, vault: Vault) -> AbstractContextManager[BinaryIO]:
    """Stream the file from the vault."""
    return vault.open(StoredObject(row.bucket, row.key, row.version_id, row.size, row.sha256))
