import re

import pytest
from django.test import Client, RequestFactory
from django.urls import URLPattern

from migrations_portal.api.errors import as_problem
from migrations_portal.api.urls import urlpatterns
from migrations_portal.audit.models import Entry
from tests.factories.plans import draft
from tests.integration.api.caller import said

METHODS = ("get", "post", "patch", "put", "delete")


def address(pattern: URLPattern) -> str:
    return "/api/v1/" + re.sub(r"<[^>]+>", "1", str(pattern.pattern))


ADDRESSES = [address(each) for each in urlpatterns if each.name != "api-nowhere"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("url", ADDRESSES)
def test_nobody_unknown_gets_past_any_door(db, url, method):
    answer = getattr(Client(), method)(url)

    assert said(answer, 401)["type"] == "urn:wco:not-signed-in"
    assert answer["WWW-Authenticate"]
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token wco_1 2",
        "Token wco_" + "0" * 64,
        "Token wco_short",
        "Token na\xefve",
        "Token \x00",
        "Bearer wco_" + "0" * 64,
        "Basic !!!",
        "nonsense",
    ],
)
def test_a_header_that_is_no_token_is_a_401_and_no_fault(db, header):
    said(Client().get("/api/v1/plans/", headers={"Authorization": header}), 401)


@pytest.mark.parametrize("url", ["", "nothing/", "plans/x/", "plans/1/sign/", "plans/1/sign-off/"])
@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_address_is_a_problem_too(db, url, method):
    answer = getattr(Client(), method)(f"/api/v1/{url}")

    assert said(answer, 404)["type"] == "urn:wco:not-found"


def test_an_address_without_its_slash_says_so(db):
    assert "end with a slash" in said(Client().post("/api/v1/plans"), 404)["detail"]


def test_a_number_beyond_the_database_is_only_not_found(program, production):
    assert program("ana").get(f"/plans/{10**30}/", status=404)["type"] == "urn:wco:plan-not-found"
    assert program("ana").get(f"/runs/{10**30}/", status=404)["type"] == "urn:wco:run-not-found"


def test_a_method_that_an_address_does_not_take_is_a_405(program):
    ana = program("ana")

    answer = ana.client.put("/api/v1/plans/", headers=ana.headers)

    assert said(answer, 405)["type"] == "urn:wco:method-not-allowed"
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"title": NaN}',
        b"[" * 100_000,
        b'{"title": ' + b"9" * 5_000 + b"}",
        b"[]",
        b"null",
        b'"text"',
    ],
)
def test_a_body_that_is_no_json_object_is_a_400(program, body):
    ana = program("ana")

    answer = ana.client.post(
        "/api/v1/plans/", body, content_type="application/json", headers=ana.headers
    )

    assert said(answer, 400)["type"] == "urn:wco:request-invalid"


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "x" * 300,
    ],
)
def test_a_body_in_another_form_is_a_415(program, media_type):
    ana = program("ana")

    answer = ana.client.generic(
        "POST", "/api/v1/plans/", b"title=x", content_type=media_type, headers=ana.headers
    )

    said(answer, 415)


@pytest.mark.parametrize("path", ["/plans/", "/plans/1/files/"])
def test_a_body_that_is_too_large_is_a_413(program, plan_of_ana, path):
    ana = program("ana")
    kind = "multipart/form-data; boundary=x" if "files" in path else "application/json"
    size = 24 * 1024 * 1024 + 1 if "files" in path else 1024 * 1024 + 1

    answer = ana.client.generic(
        "POST",
        f"/api/v1{path.replace('1', str(plan_of_ana.pk))}",
        b"x" * size,
        content_type=kind,
        headers=ana.headers,
    )

    assert said(answer, 413)["type"] == "urn:wco:too-large"


@pytest.fixture
def plan_of_ana(cast, production):
    return draft(by=cast["ana"], target=production)


def test_a_multipart_body_that_is_torn_is_a_400(program, plan_of_ana):
    ana = program("ana")

    answer = ana.client.generic(
        "POST",
        f"/api/v1/plans/{plan_of_ana.pk}/files/",
        b"--x\r\nContent-Disposition: form-data; nothing",
        content_type="multipart/form-data; boundary=",
        headers=ana.headers,
    )

    said(answer, 400)


def test_an_answer_that_cannot_be_given_in_that_form_is_a_406_in_json(program):
    ana = program("ana")

    answer = ana.client.get("/api/v1/plans/", headers={**ana.headers, "Accept": "text/html"})

    assert said(answer, 406)["type"] == "urn:wco:not-acceptable"


def test_a_fault_of_ours_tells_the_caller_nothing_of_the_inside():
    answer = as_problem(ZeroDivisionError("secret"), {"request": RequestFactory().get("/")})

    assert answer.status_code == 500
    assert b"secret" not in answer.content
    assert b"urn:wco:trouble" in answer.content
