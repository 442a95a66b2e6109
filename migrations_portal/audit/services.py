"""Writing the ledger."""

from django.db import connection, transaction

from migrations_portal.audit import queries
from migrations_portal.audit.export import Download, ExportFormat, written
from migrations_portal.audit.rules import Actor, Draft, EntryKind
from migrations_portal.kernel.errors import Trouble
from migrations_portal.people.models import Person


class LedgerNotAppended(Trouble):
    """The ledger did not take the entry, so the act was not carried out."""

    code = "ledger-not-appended"


def actor(person: Person) -> Actor:
    """Return `person` as the ledger names them."""
    return Actor(email=person.email, name=person.full_name)


def append(entry: Draft) -> int:
    """Append inside the caller's transaction and return the entry's number.

    The advisory lock of the chain is taken here, so call it last (L2). Without an open transaction it is refused:
    an entry that could stand without its change, or a change without its entry, is what L1 forbids.
    """
    if not transaction.get_connection().in_atomic_block:
        raise LedgerNotAppended(
            "An audit entry must be written in the transaction of the change that it records."
        )
    body = entry.body().decode("utf-8")
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_append(%s)", [body])
        (seq,) = cursor.fetchone() or (None,)
    if seq is None:
        raise LedgerNotAppended
    return int(seq)


def export(
    *, by: Person, targets: list[str], wanted: queries.LedgerFilter, form: ExportFormat
) -> Download:
    """Record that `by` takes a copy of the ledger, and return it, up to and including the entry that says so.

    `targets` are those whose ledger the person may read; the caller has asked `targets.queries.ledger_targets`.
    """
    with transaction.atomic():
        last = append(
            Draft(
                kind=EntryKind.LEDGER_EXPORTED,
                actor=actor(by),
                sentence=f"{by.full_name} exported the ledger as {form.upper()}.",
                facts={"targets": targets, "filter": wanted.told()},
            )
        )
    rows = queries.entries(targets=targets, wanted=wanted).filter(seq__lte=last)
    return Download(
        name=f"ledger-to-{last}.{form}",
        content_type=form.content_type,
        pieces=written(rows, form=form),
    )
