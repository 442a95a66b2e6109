"""T-days keep the local time when the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations_portal.kernel.days import days_from

NEW_YORK = ZoneInfo("America/New_York")
DAY = timedelta(days=1)
FIRST = datetime.fromisoformat("2020-01-01")
LAST = datetime.fromisoformat("2035-01-01")


def new_york(text):
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-03-09T09:00", -2, "2026-03-07T09:00"),  # over the begin of summer time: 47 hours
        ("2026-11-02T09:00", -2, "2026-10-31T09:00"),  # over its end: 49 hours
        ("2026-06-10T09:00", -7, "2026-06-03T09:00"),
    ],
)
def test_nine_in_the_morning_stays_nine_in_the_morning(start, days, expected):
    assert days_from(new_york(start), days=days, zone=NEW_YORK, day=DAY) == new_york(expected)


def test_the_hours_between_are_47_and_49():
    spring, autumn = new_york("2026-03-09T09:00"), new_york("2026-11-02T09:00")

    assert spring - days_from(spring, days=-2, zone=NEW_YORK, day=DAY) == timedelta(hours=47)
    assert autumn - days_from(autumn, days=-2, zone=NEW_YORK, day=DAY) == timedelta(hours=49)


def test_a_local_time_that_is_skipped_is_the_one_an_hour_later():
    found = days_from(new_york("2026-03-09T02:30"), days=-1, zone=NEW_YORK, day=DAY)

    assert f"{found.astimezone(NEW_YORK):%d %H:%M %Z}" == "08 03:30 EDT"


def test_a_local_time_that_comes_twice_is_the_first():
    found = days_from(new_york("2026-11-02T01:30"), days=-1, zone=NEW_YORK, day=DAY)

    assert f"{found.astimezone(NEW_YORK):%d %H:%M %Z}" == "01 01:30 EDT"


def test_a_short_day_of_the_demo_is_a_plain_span():
    start = new_york("2026-03-09T09:00")
    found = days_from(start, days=-2, zone=NEW_YORK, day=timedelta(seconds=5))

    assert found == start - timedelta(seconds=10)


@given(
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    st.integers(-14, 14),
    st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_any_day_is_a_day_give_or_take_the_change(instant, days, zone):
    found = days_from(instant, days=days, zone=ZoneInfo(zone), day=DAY)

    assert abs((found - instant) - days * DAY) <= timedelta(hours=1)
    assert found.tzinfo is UTC
