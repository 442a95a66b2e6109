"""Twenty decisions on one seat at the same instant, over HTTP: one counts, the others are told so and written down (A7)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from migrations_portal.approvals.models import Seat
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.web import shown
from tests.factories.plans import submitted, time_left

COUNT = 20


@pytest.mark.django_db(transaction=True)
def test_one_of_twenty_parallel_decisions_wins(cast, production):
    submitted(by=cast["ana"], target=production, level="LOW")
    time_left()
    seat = Seat.objects.select_related("revision").get(stage="REVIEW", role="DBA")
    dan = cast["dan"]
    then = timezone.now() - timedelta(seconds=10)
    since = shown.written(seat_id=seat.pk, person_id=dan.pk, at=then)
    clients = [Client() for _ in range(COUNT)]
    for client in clients:
        client.force_login(dan, backend="django.contrib.auth.backends.ModelBackend")
    barrier = Barrier(COUNT)

    def decide(number):
        barrier.wait()
        try:
            answer = clients[number].post(
                f"/sign-off/{seat.pk}/",
                {
                    "reason": f"Read, the {number}th time",
                    "digest": seat.revision.digest,
                    "decision": "APPROVE" if number % 2 else "REJECT",
                    "shown": since,
                },
            )
            return answer.status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(COUNT) as pool:
        codes = sorted(pool.map(decide, range(COUNT)))

    assert codes == [302] + [409] * (COUNT - 1)
    seat.refresh_from_db()
    assert seat.decision
    assert Entry.objects.filter(kind__in=["SEAT_SIGNED", "SEAT_REJECTED"]).count() == 1
    assert Entry.objects.filter(kind="SIGN_OFF_REFUSED").count() == COUNT - 1
    assert ledger.verify_chain().intact
