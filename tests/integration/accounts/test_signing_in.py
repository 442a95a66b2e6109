"""Guessing passwords is slow, for all web processes together, and in the ledger (S4, L13)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from migrations_portal.accounts import pace, signing_in
from migrations_portal.accounts.models import Pace
from migrations_portal.audit.models import Entry

RIGHT = "a long pass phrase"
SORRY = "Wait fifteen minutes"


@pytest.fixture
def dan(cast):
    cast["dan"].set_password(RIGHT)
    cast["dan"].save()
    return cast["dan"]


def sign_in(email, password, *, ip="10.1.1.1"):
    form = {"username": email, "password": password}
    return Client().post(reverse("login"), form, REMOTE_ADDR=ip)


def refused():
    rows = Entry.objects.filter(kind="SIGN_IN_FAILED").order_by("seq")
    return [row.canonical for row in rows]


def test_after_five_wrong_passwords_the_right_one_is_refused_as_well(dan):
    answers = [sign_in(dan.email, "guess").status_code for _ in range(5)]
    sixth = sign_in(dan.email.upper(), RIGHT)

    assert answers == [200] * 5
    assert sixth.status_code == 429
    assert SORRY in sixth.content.decode()
    assert "sessionid" not in sixth.cookies


def test_who_comes_from_elsewhere_signs_in_all_the_same(dan):
    for _ in range(7):
        sign_in(dan.email, "guess", ip="10.9.9.9")

    assert sign_in(dan.email, RIGHT).status_code == 302


def test_after_fifteen_minutes_tries_are_taken_again(dan):
    for _ in range(6):
        sign_in(dan.email, "guess")
    now = datetime.now(UTC)
    assert all(
        now + timedelta(minutes=14) < row.ends_at < now + timedelta(minutes=16)
        for row in Pace.objects.all()
    )

    Pace.objects.update(ends_at=now - timedelta(seconds=1))

    assert sign_in(dan.email, RIGHT).status_code == 302


def test_whoever_gets_in_begins_anew(dan):
    for _ in range(3):
        for _ in range(4):
            sign_in(dan.email, "guess")
        assert sign_in(dan.email, RIGHT).status_code == 302


def test_nobody_learns_whether_an_account_exists(dan):
    known = [sign_in(dan.email, "guess") for _ in range(6)]
    unknown = [sign_in("nobody@whitecross.example", "guess", ip="10.2.2.2") for _ in range(6)]

    def said(answers):
        return [(each.status_code, each.context["form"].non_field_errors()) for each in answers]

    assert said(known) == said(unknown)


def test_each_failure_is_in_the_ledger_and_what_is_refused_unread_once(dan):
    for _ in range(9):
        sign_in(dan.email, "guess")
    sign_in("my secret pass phrase", "guess")

    told = refused()
    assert len(told) == 7
    assert sum("no more tries" in body for body in told) == 1
    assert all(dan.email in body for body in told[:6])
    assert "an unknown address" in told[6]
    assert "guess" not in "".join(told)
    assert "secret" not in "".join(told)


def test_trying_many_accounts_from_one_place_ends_too(dan):
    for _ in range(signing_in.FROM_ONE_PLACE):
        pace.count("sign-in-place", who="10.1.1.1", seconds=60)

    assert sign_in(dan.email, RIGHT).status_code == 429
    assert sign_in(dan.email, RIGHT, ip="10.1.1.2").status_code == 302


def test_what_was_counted_long_ago_goes_on_the_way(db):
    for number in range(12):
        pace.count("x", who=str(number), seconds=1)
    Pace.objects.update(ends_at=datetime.now(UTC) - timedelta(hours=2))

    assert pace.count("x", who="3", seconds=60) == 1
    assert Pace.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_twenty_tries_at_once_by_separate_connections_are_twenty_tries(dan):
    def guess(_number):
        try:
            return sign_in(dan.email, "guess").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as many:
        answers = list(many.map(guess, range(20)))

    assert sorted(answers) == [200] * 5 + [429] * 15
    assert len(refused()) == 6


def test_the_ledger_counts_nothing_when_a_field_is_empty(dan):
    Client().post(reverse("login"), {"username": dan.email, "password": ""})

    assert not Pace.objects.exists()
    assert not refused()
