from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from knox.models import AuthToken

from migrations_portal.api import tokens
from migrations_portal.audit.models import Entry
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from tests.integration.api.caller import Caller, said, with_password

URL = "/api/v1/tokens/"


def make(person, **body):
    answer = Client().post(
        URL, body, content_type="application/json", headers=with_password(person)
    )
    return said(answer, 201)


def test_ana_makes_a_token_with_her_password_and_it_opens_the_api(cast, production):
    made = make(cast["ana"], days=7)

    assert made["token"].startswith("wco_")
    assert len(made["token"]) == 68
    assert Caller(made["token"]).get("/plans/") == {"plans": [], "next": None}
    expires = datetime.fromisoformat(made["expires_at"])
    assert timedelta(days=6.9) < expires - datetime.now(UTC) < timedelta(days=7.1)


def test_neither_database_nor_ledger_holds_the_token_itself(cast, group):
    made = make(cast["ana"])
    secret = made["token"].removeprefix("wco_")

    row = AuthToken.objects.get()
    entry = Entry.objects.get(kind="TOKEN_ISSUED")

    assert row.digest != made["token"]
    assert secret not in f"{row.digest}{row.token_key}"
    assert "Ana Lopez made the API token" in entry.canonical
    assert secret[:11] not in entry.canonical
    assert made["id"] not in made["token"]


def test_a_wrong_password_makes_none(cast):
    headers = with_password(cast["ana"])
    cast["ana"].set_password("another pass phrase")
    cast["ana"].save()

    answer = Client().post(URL, headers=headers)

    assert said(answer, 401)["type"] == "urn:wco:not-signed-in"
    assert answer["WWW-Authenticate"].startswith("Basic")
    assert not AuthToken.objects.exists()


def test_a_session_makes_one_only_with_the_form_token_of_the_page(cast):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast["ana"], backend="django.contrib.auth.backends.ModelBackend")

    said(client.post(URL, {}, content_type="application/json"), 403)
    assert not AuthToken.objects.exists()

    page = client.get("/plans/")
    form_token = page.context["csrf_token"]
    answer = client.post(
        URL, {}, content_type="application/json", headers={"X-CSRFToken": str(form_token)}
    )
    assert said(answer, 201)["token"]


def test_a_token_cannot_make_or_list_tokens(program):
    ana = program("ana")

    ana.post("/tokens/", status=401)
    ana.get("/tokens/", status=401)
    assert AuthToken.objects.count() == 1


def test_a_token_may_revoke_itself_and_is_refused_from_then_on(cast, program):
    ana = program("ana")
    (mine,) = tokens.of(person=cast["ana"], now=datetime.now(UTC))

    ana.delete(f"/tokens/{mine.id}/")

    assert ana.get("/plans/", status=401)["type"] == "urn:wco:not-signed-in"
    assert Entry.objects.filter(kind="TOKEN_REVOKED", actor=cast["ana"].email).count() == 1


def test_dan_cannot_revoke_anas_token(cast, program):
    ana, dan = program("ana"), program("dan")
    (hers,) = tokens.of(person=cast["ana"], now=datetime.now(UTC))

    assert dan.delete(f"/tokens/{hers.id}/", status=404)["type"] == "urn:wco:token-not-found"
    assert dan.delete(f"/tokens/{hers.id[:4]}/", status=404)
    ana.get("/plans/")


@pytest.mark.parametrize("end", ["expired", "deactivated"])
def test_a_token_ends_with_its_time_and_with_its_person(cast, program, end):
    ana = program("ana")
    if end == "expired":
        AuthToken.objects.update(expiry=datetime.now(UTC) - timedelta(seconds=1))
    else:
        cast["ana"].is_active = False
        cast["ana"].save()

    ana.get("/plans/", status=401)


def test_a_role_that_is_taken_away_is_gone_at_the_next_call(cast, program, production):
    ana = program("ana")
    body = {"title": "Add consent tracking", "target": "production"}
    ana.post("/plans/", body, status=201)
    access.revoke(person=cast["ana"], role=Role.ENGINEER, group=production.group)

    ana.post("/plans/", body, status=400)
    assert ana.get("/plans/")["plans"] == []


@pytest.mark.parametrize("days", [0, 91, "many", None])
def test_a_token_is_good_for_1_to_90_days(cast, days):
    answer = Client().post(
        URL, {"days": days}, content_type="application/json", headers=with_password(cast["ana"])
    )

    assert said(answer, 400)["errors"][0]["pointer"] == "#/days"


def test_one_person_has_at_most_20_tokens(cast):
    now = datetime.now(UTC)
    for _ in range(tokens.MOST_TOKENS):
        tokens.issue(by=cast["ana"], days=1, now=now)

    with pytest.raises(tokens.TooManyTokens):
        tokens.issue(by=cast["ana"], days=1, now=now)

    AuthToken.objects.update(expiry=now - timedelta(seconds=1))
    assert tokens.issue(by=cast["ana"], days=1, now=now).token
