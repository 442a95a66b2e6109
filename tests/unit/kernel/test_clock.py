"""The database's time, asked for seldom and carried on by a counter (A8)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from migrations_portal.kernel.clock import ASKED_EVERY, DatabaseClock

NOON = datetime(2026, 11, 3, 17, 0, tzinfo=UTC)


class Server:
    """A database whose answer takes a while, and the counter of the machine that asks."""

    def __init__(self):
        self.counter, self.ahead, self.takes, self.asked = 500.0, 0.0, 0.0, 0

    def ask(self):
        self.asked += 1
        if self.takes is None:
            raise ConnectionError
        self.counter += self.takes
        return NOON + timedelta(seconds=self.counter - 500 + self.ahead)

    def steady(self):
        return self.counter


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def clock(server):
    return DatabaseClock(ask=server.ask, steady=server.steady)


def test_the_database_is_asked_once_in_half_a_minute(server, clock):
    told = []
    for _ in range(61):
        told.append((clock.now() - NOON).total_seconds())
        server.counter += 1

    assert told == [float(each) for each in range(61)]
    assert server.asked == 3


def test_a_database_whose_clock_was_set_is_believed_at_the_next_question(server, clock):
    clock.now()
    server.ahead = -600
    server.counter += ASKED_EVERY - 1
    assert clock.now() - NOON == timedelta(seconds=29)
    server.counter += 1
    assert clock.now() - NOON == timedelta(seconds=30 - 600)


def test_answers_that_take_their_time_do_not_let_the_clock_tick_back(server, clock):
    said = []
    for takes in (0.4, 0.01, 0.9, 0.0):
        server.takes = takes
        said.append(clock.now())
        server.counter += ASKED_EVERY

    assert said == sorted(said)
    assert server.asked == 4


def test_what_the_clock_says_is_never_behind_the_database(server, clock):
    server.takes = 1.5
    said = clock.now()
    assert said - NOON >= timedelta(seconds=server.counter - 500)


def test_who_carries_on_asks_only_the_first_time_and_so_outlives_the_database(server, clock):
    clock.carried_on()
    server.takes = None
    server.counter += 7200

    assert clock.carried_on() - NOON == timedelta(hours=2)
    assert server.asked == 1
    with pytest.raises(ConnectionError):
        clock.now()


def test_the_time_is_utc_whatever_the_session_says(server):
    there = timezone(timedelta(hours=9))
    clock = DatabaseClock(ask=lambda: NOON.astimezone(there), steady=server.steady)
    assert clock.now().utcoffset() == timedelta(0)
