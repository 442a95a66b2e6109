"""Writing the ledger."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from django.db import connection, transaction

from migrations_portal.audit import queries
from migrations_portal.audit.export import Download, ExportFormat, written
from migrations_portal.audit.rules import Actor, Draft, EntryKind
from migrations_portal.kernel.errors import Trouble
from migrations_portal.kernel.gathering import Gathering
from migrations_portal.people.models import Person


class LedgerNotAppended(Trouble):
    """The ledger did not take the entry, so the act was not carried out."""

    code = "ledger-not-appended"


def actor(person: Person) -> Actor:
    """Return `person` as the ledger names them."""
    return Actor(email=person.email, name=person.full_name)


def append(entry: Draft) -> None:
    """Append inside the caller's transaction; within `together`, when that ends.

    The advisory lock of the chain is taken by the writing, so call it last (L2). Without an open transaction it is refused:
    an entry that could stand without its change, or a change without its entry, is what L1 forbids.
    """
    _check_transaction()
    _GATHERING.take(entry)


def together() -> AbstractContextManager[None]:
    """Write all entries of one act in one statement, in their order, when the block ends; nothing when it ends by an error."""
    return _GATHERING.block()


def append_now(entry: Draft) -> int:
    """Append at once, whatever is gathered, and return the entry's number; see `append`."""
    (seq,) = append_all([entry])
    return seq


def append_all(entries: Sequence[Draft]) -> list[int]:
    """Append now, in this order, and return the numbers of the entries; see `append`."""
    _check_transaction()
    bodies = [entry.body().decode("utf-8") for entry in entries]
    with connection.cursor() as cursor:
        cursor.execute(_APPEND, [bodies])
        seqs = [int(seq) for (seq,) in cursor.fetchall() if seq is not None]
    if len(seqs) != len(bodies):
        raise LedgerNotAppended
    return seqs


def _check_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise LedgerNotAppended(
            "An audit entry must be written in the transaction of the change that it records."
        )


_APPEND = "SELECT audit_append(body) FROM unnest(%s::text[]) WITH ORDINALITY AS said (body, place) ORDER BY place"
_GATHERING: Gathering[Draft] = Gathering("ledger", write=append_all)


def export(
    *, by: Person, targets: list[str], wanted: queries.LedgerFilter, form: ExportFormat
) -> Download:
    """Record that `by` takes a copy of the ledger, and return it, up to and including the entry that says so.

    `targets` are those whose ledger the person may read; the caller has asked `targets.queries.ledger_targets`.
    """
    with transaction.atomic():
        entry = Draft(
            kind=EntryKind.LEDGER_EXPORTED,
            actor=actor(by),
            sentence=f"{by.full_name} exported the ledger as {form.upper()}.",
            facts={"targets": targets, "filter": wanted.told()},
        )
        last = append_now(entry)
    rows = queries.entries(targets=targets, wanted=wanted).filter(seq__lte=last)
    return Download(
        name=f"ledger-to-{last}.{form}",
        content_type=form.content_type,
        pieces=written(rows, form=form),
    )
