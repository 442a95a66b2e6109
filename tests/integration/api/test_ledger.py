import asyncio
import csv
import io
import json

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from migrations_portal.audit import queries
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import RECORD_KEYS
from tests.factories.plans import submitted
from tests.integration.api.caller import said


@pytest.fixture
def plan(cast, production):
    return submitted(by=cast["ana"], target=production)


def text(caller, query="", **headers):
    answer = caller.client.get(f"/api/v1/ledger/{query}", headers={**caller.headers, **headers})
    assert answer.status_code == 200
    return answer, b"".join(answer).decode()


def test_cleo_takes_the_ledger_as_json_and_the_taking_is_its_last_entry(program, plan):
    answer, body = text(program("cleo"), "?format=json")

    rows = json.loads(body)
    assert [row["seq"] for row in rows] == list(range(1, queries.last_seq() + 1))
    assert rows[-1]["body"]["what"] == "Cleo Adeyemi exported the ledger as JSON."
    assert rows[-1]["body"]["facts"] == {"filter": {}, "targets": ["production"]}
    assert (
        answer["Content-Disposition"] == f'attachment; filename="ledger-to-{rows[-1]["seq"]}.json"'
    )
    assert answer["Cache-Control"] == "no-store"
    assert queries.verify_chain().intact


@pytest.mark.parametrize(("query", "accept"), [("?format=csv", "*/*"), ("", "text/csv")])
def test_cleo_takes_the_ledger_as_csv(program, plan, query, accept):
    answer, body = text(program("cleo"), query, Accept=accept)

    head, *rows = csv.reader(io.StringIO(body))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert head[:4] == ["seq", "at", "kind", "who"]
    assert head[-13:] == list(RECORD_KEYS)
    assert len(rows) == queries.last_seq()


def test_a_part_of_the_ledger_is_taken_and_the_record_says_which_part(program, plan):
    _, body = text(
        program("cleo"), f"?plan={plan.pk}&kind=PLAN_SUBMITTED&since=2020-01-01T00:00:00Z"
    )

    (row,) = json.loads(body)
    assert row["body"]["kind"] == "PLAN_SUBMITTED"
    taken = queries.body(Entry.objects.get(kind="LEDGER_EXPORTED"))
    assert taken["facts"]["filter"] == {
        "plan": plan.pk,
        "kind": "PLAN_SUBMITTED",
        "since": "2020-01-01T00:00:00+00:00",
    }


@pytest.mark.parametrize("name", ["ana", "dan", "carla", "mallory"])
def test_who_may_not_read_the_ledger_gets_a_problem_and_no_byte_of_it(program, plan, name):
    caller = program(name)
    answer = caller.client.get("/api/v1/ledger/?format=csv", headers=caller.headers)

    assert said(answer, 403)["type"] == "urn:wco:not-allowed"
    assert not Entry.objects.filter(kind="LEDGER_EXPORTED").exists()


def test_asking_only_for_the_head_records_nothing(program, plan):
    cleo = program("cleo")

    assert cleo.client.head("/api/v1/ledger/", headers=cleo.headers).status_code == 405
    assert not Entry.objects.filter(kind="LEDGER_EXPORTED").exists()


@pytest.mark.parametrize(
    "query", ["format=xml", "kind=NONE", "since=yesterday", "since=2020-01-01T00:00:00"]
)
def test_a_wrong_question_is_refused_before_anything_is_recorded(program, plan, query):
    cleo = program("cleo")
    answer = cleo.client.get(f"/api/v1/ledger/?{query}", headers=cleo.headers)

    said(answer, 404 if query == "format=xml" else 400)
    assert not Entry.objects.filter(kind="LEDGER_EXPORTED").exists()


@pytest.mark.django_db(transaction=True)
def test_under_an_event_loop_the_ledger_is_streamed_in_pieces(program, plan):
    cleo = program("cleo")

    async def take():
        answer = await AsyncClient().get("/api/v1/ledger/", headers=cleo.headers)
        assert answer.is_async
        pieces = [piece async for piece in answer]
        await sync_to_async(connections.close_all)()  # that of the thread that read the rows
        return pieces

    pieces = asyncio.run(take())

    assert json.loads(b"".join(pieces))[-1]["body"]["kind"] == "LEDGER_EXPORTED"
