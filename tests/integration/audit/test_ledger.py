import json
from dataclasses import replace

import pytest
from django.db import DatabaseError, connection, transaction

from migrations_portal.audit import queries, services
from migrations_portal.audit.chain import Link, digest, verify
from migrations_portal.audit.export import as_csv, as_json
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind


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
    assert all(digest(entry.canonical) == entry.hash for entry in Entry.objects.all())


@pytest.mark.parametrize("sql", ["UPDATE audit_entry SET result = 'x'", "DELETE FROM audit_entry"])
def test_postgresql_refuses_to_change_the_ledger(db, sql):
    write(1)

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_an_edited_entry_is_found_by_its_number(db):
    write(3)
    links = [
        Link(row.seq, row.at, row.canonical, row.prev_hash, row.hash)
        for row in Entry.objects.order_by("seq")
    ]
    forged = replace(links[1], canonical=links[1].canonical.replace("Entry 1", "Entry 9"))

    edited = verify([links[0], forged, links[2]])
    dropped = verify([links[0], links[2]])

    assert (edited.first_bad, dropped.first_bad) == (2, 3)


@pytest.mark.django_db(transaction=True)
def test_an_entry_without_a_transaction_is_refused():
    with pytest.raises(services.LedgerNotAppended):
        write(1)


def test_exports_hold_every_entry_and_are_the_same_twice(db):
    write(3)
    rows = Entry.objects.order_by("seq")

    assert len("".join(as_csv(rows)).splitlines()) >= 4
    assert [each["seq"] for each in json.loads("".join(as_json(rows)))] == [1, 2, 3]
    assert "".join(as_csv(rows)) == "".join(as_csv(rows))


def test_a_column_that_does_not_say_what_the_text_says_is_found(db):
    write(2)
    links = [
        Link(
            row.seq,
            row.at,
            row.canonical,
            row.prev_hash,
            row.hash,
            columns=(row.kind, row.actor, row.plan, row.target, row.phi, row.result),
        )
        for row in Entry.objects.order_by("seq")
    ]

    moved = replace(links[1], columns=(*links[1].columns[:3], "elsewhere", *links[1].columns[4:]))

    assert verify(links).intact
    assert verify([links[0], moved]).first_bad == 2
