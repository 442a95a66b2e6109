"""Sixteen writers at once, with rollbacks and sessions killed in mid-transaction: no fork, no gap, and it verifies."""

import os
import random
import threading
import time

import psycopg
import pytest
from django.db import connection

from migrations_portal.audit import checks
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 16
EACH = int(os.environ.get("WCO_LEDGER_EACH", "60"))
"""Entries a writer; the full measure is 1,000 (`make bench BENCH=ledger`)."""


def dsn() -> str:
    at = connection.settings_dict
    return psycopg.conninfo.make_conninfo(
        host=at["HOST"], port=at["PORT"], dbname=at["NAME"], user=at["USER"], password=at["PASSWORD"]
    )  # fmt: skip


class Writer(threading.Thread):
    """Appends `EACH` entries that count: one in ten is rolled back first, one in ten dies with its session."""

    def __init__(self, number: int, address: str) -> None:
        super().__init__()
        self.number, self.address = number, address
        self.chance = random.Random(number)
        self.waits: list[float] = []
        self.killed = self.undone = 0

    def run(self) -> None:
        session = psycopg.connect(self.address)
        done = 0
        while done < EACH:
            draft = Draft(
                kind=EntryKind.SEAT_SIGNED, actor=PORTAL, sentence=f"{self.number}/{done}"
            )
            began = time.perf_counter()
            session.execute("SELECT audit_append(%s)", [draft.body().decode()])
            fate = self.chance.random()
            if fate < 0.1:
                self.killed += 1
                session.pgconn.finish()  # the client is gone in the middle of its transaction
                session = psycopg.connect(self.address)
            elif fate < 0.2:
                self.undone += 1
                session.rollback()
            else:
                session.commit()
                self.waits.append(time.perf_counter() - began)
                done += 1
        session.close()


def write_together(address: str) -> tuple[list[Writer], float]:
    writers = [Writer(number, address) for number in range(WRITERS)]
    began = time.perf_counter()
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    return writers, time.perf_counter() - began


def test_sixteen_writers_make_one_chain_without_a_gap():
    writers, _ = write_together(dsn())

    assert sum(each.killed for each in writers) > 0
    assert sum(each.undone for each in writers) > 0
    assert list(Entry.objects.order_by("seq").values_list("seq", flat=True)) == list(
        range(1, WRITERS * EACH + 1)
    )
    found = checks.verify(store=None)
    assert (found.intact, found.entries) == (True, WRITERS * EACH)
