import json

import pytest
from django.test import Client

from migrations_portal.audit import queries
from tests.factories.plans import submitted


def test_a_stranger_is_asked_to_sign_in(db):
    answer = Client().get("/plans/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")
    assert Client().get("/sign-in/").status_code == 200


def test_health_answers_without_signing_in(db):
    assert Client().get("/-/live").content == b"live\n"
    assert Client().get("/-/ready").content == b"ready\n"


def test_dan_sees_what_waits_for_him_and_sam_not_yet(cast, production, browser):
    submitted(by=cast["ana"], target=production)

    assert "Sign as database admin" in browser("dan").get("/").content.decode()
    assert "Sign as" not in browser("sam").get("/").content.decode()


def test_mallory_sees_no_plan_and_no_ledger(cast, production, browser):
    submitted(by=cast["ana"], target=production)

    assert "Add consent tracking" in browser("ana").get("/plans/").content.decode()
    assert "Add consent tracking" not in browser("mallory").get("/plans/").content.decode()
    assert browser("mallory").get("/audit/").status_code == 403
    assert browser("mallory").post("/audit/export/").status_code == 403


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_cleo_downloads_the_ledger_and_the_download_is_in_it(cast, production, browser, kind):
    submitted(by=cast["ana"], target=production)

    assert "submitted revision 1" in browser("cleo").get("/audit/").content.decode()
    text = b"".join(browser("cleo").post("/audit/export/", {"format": kind})).decode()

    assert "Cleo Adeyemi exported the ledger" in text
    rows = json.loads(text) if kind == "json" else text.splitlines()[1:]
    assert len(rows) == queries.last_seq()
    assert queries.verify_chain().intact
