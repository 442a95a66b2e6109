import json

import pytest

from migrations_portal.audit import queries, services
from migrations_portal.audit.export import as_csv, as_json
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.audit.verifier import leaf


def write(count: int) -> None:
    for number in range(count):
        services.append(
            Draft(
                kind=EntryKind.PLAN_CREATED,
                actor=PORTAL,
                sentence=f"Entry {number} “é”\n",
                plan=number,
            )
        )


def test_entries_form_a_chain_that_verifies(db):
    write(5)

    verdict = queries.verify_chain()

    assert verdict.intact
    assert verdict.entries == 5
    assert [entry.seq for entry in Entry.objects.order_by("seq")] == [1, 2, 3, 4, 5]
    assert all(leaf(entry.canonical.encode()) == entry.hash for entry in Entry.objects.all())


@pytest.mark.django_db(transaction=True)
def test_an_entry_without_a_transaction_is_refused():
    with pytest.raises(services.LedgerNotAppended):
        write(1)


def test_exports_hold_every_entry_and_are_the_same_twice(db):
    write(3)
    rows = Entry.objects.order_by("seq")

    assert len(b"".join(as_csv(rows)).split(b"\r\n")) == 5
    assert [each["seq"] for each in json.loads(b"".join(as_json(rows)))] == [1, 2, 3]
    assert b"".join(as_csv(rows)) == b"".join(as_csv(rows))
