"""A session that nobody uses ends after half an hour, and any after twelve hours; a page that renews itself is no use (AAL2)."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore

from migrations_portal.web import idle
from tests.clock import NOON

BY_ITSELF = [{"HTTP_ACCEPT": "text/event-stream"}, {"HTTP_HX_REQUEST": "true"}]
SAID = "You were signed out: a session ends after 30 minutes without a click"


@pytest.fixture
def dan(browser):
    with time_machine.travel(NOON, tick=False):
        return browser("dan")


def at(client, *, minutes, path="/plans/", **how):
    with time_machine.travel(NOON + timedelta(minutes=minutes), tick=False):
        return client.get(path, **how)


def test_half_an_hour_without_a_click_ends_it_and_the_sign_in_says_why(dan):
    assert at(dan, minutes=29).status_code == 200
    assert at(dan, minutes=58).status_code == 200  # it slides

    gone = at(dan, minutes=89)

    assert (gone.status_code, gone.url) == (302, "/sign-in/?next=/plans/")
    assert SAID in dan.get(gone.url).content.decode()
    assert SAID not in dan.get(gone.url).content.decode()  # once
    assert dan.get("/plans/").status_code == 302


def test_twelve_hours_end_it_however_busy_it_is(dan):
    for minutes in range(20, 720, 20):
        assert at(dan, minutes=minutes).status_code == 200

    assert at(dan, minutes=722).status_code == 302


@pytest.mark.parametrize("how", BY_ITSELF)
def test_a_page_that_renews_itself_keeps_nobody_signed_in(dan, how):
    for minutes in (10, 20, 29):
        assert at(dan, minutes=minutes, **how).status_code == 200

    ended = at(dan, minutes=31, **how)

    assert (ended.status_code, ended["HX-Refresh"]) == (204, "true")  # the page loads anew
    assert SAID in dan.get("/sign-in/").content.decode()


def test_a_stream_sees_that_its_session_is_over_or_signed_out(dan):
    key = dan.cookies[settings.SESSION_COOKIE_NAME].value

    def is_over(minutes):
        now = NOON + timedelta(minutes=minutes)
        with time_machine.travel(now, tick=False):
            return idle.is_over_elsewhere(key, store=SessionStore, now=now)

    assert [is_over(29), is_over(31)] == [False, True]
    SessionStore(key).delete()
    assert is_over(1)
