# ruff: noqa: DTZ001  # a wall clock has no zone
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from migrations_portal.windows import words
from migrations_portal.windows.recurrence import Recurrence, Span, merged, normalised, without
from migrations_portal.windows.rules import PeriodRefused

NEW_YORK = ZoneInfo("America/New_York")
WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"


def spans(rule, *, starts, minutes, since, until, zone=NEW_YORK, **more):
    found = Recurrence(starts=starts, minutes=minutes, zone=zone, rule=rule, **more)
    return [(span.starts, span.ends) for span in found.spans(since=since, until=until)]


def test_business_hours_stay_from_nine_to_five_when_the_clock_is_set_forward():
    found = spans(
        WEEKDAYS,
        starts=datetime(2026, 1, 5, 9),
        minutes=480,
        since=datetime(2026, 3, 6, tzinfo=UTC),
        until=datetime(2026, 3, 10, tzinfo=UTC),
    )

    assert found == [
        (datetime(2026, 3, 6, 14, tzinfo=UTC), datetime(2026, 3, 6, 22, tzinfo=UTC)),
        (datetime(2026, 3, 9, 13, tzinfo=UTC), datetime(2026, 3, 9, 21, tzinfo=UTC)),
    ]


def test_a_night_window_loses_the_hour_that_the_clock_skips_and_gains_the_one_that_comes_twice():
    night = {"starts": datetime(2026, 1, 1, 22), "minutes": 6 * 60}
    (spring,) = spans(
        "FREQ=DAILY",
        **night,
        since=datetime(2026, 3, 8, 4, tzinfo=UTC),
        until=datetime(2026, 3, 8, 6, tzinfo=UTC),
    )
    (autumn,) = spans(
        "FREQ=DAILY",
        **night,
        since=datetime(2026, 11, 1, 4, tzinfo=UTC),
        until=datetime(2026, 11, 1, 6, tzinfo=UTC),
    )

    assert spring[1] - spring[0] == timedelta(hours=5)
    assert autumn[1] - autumn[0] == timedelta(hours=7)


def test_a_window_in_the_hour_that_does_not_exist_is_moved_behind_the_gap():
    found = spans(
        "",
        starts=datetime(2026, 3, 8, 2, 15),
        minutes=120,
        since=datetime(2026, 3, 8, tzinfo=UTC),
        until=datetime(2026, 3, 9, tzinfo=UTC),
    )

    assert found == [
        (datetime(2026, 3, 8, 7, 15, tzinfo=UTC), datetime(2026, 3, 8, 8, 15, tzinfo=UTC))
    ]


@pytest.mark.parametrize(("late_end", "hour"), [(False, 5), (True, 6)])
def test_an_end_that_comes_twice_closes_a_window_early_and_a_freeze_late(late_end, hour):
    (found,) = spans(
        "",
        starts=datetime(2026, 10, 31, 22),
        minutes=210,
        since=datetime(2026, 10, 31, tzinfo=UTC),
        until=datetime(2026, 11, 2, tzinfo=UTC),
        late_end=late_end,
    )

    assert found[1] == datetime(2026, 11, 1, hour, 30, tzinfo=UTC)


def test_a_day_long_window_every_day_never_closes_not_even_when_the_clock_changes():
    always = Recurrence(datetime(2020, 1, 1), 1440, NEW_YORK, "FREQ=DAILY")
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)

    (whole,) = merged(always.spans(since=since, until=until))

    assert whole.starts <= since
    assert whole.ends >= until


def test_the_29th_of_february_comes_in_leap_years_only():
    found = spans(
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        starts=datetime(2024, 2, 29, 1),
        minutes=60,
        since=datetime(2025, 1, 1, tzinfo=UTC),
        until=datetime(2029, 1, 1, tzinfo=UTC),
    )

    assert [start.year for start, _ in found] == [2028]


def test_an_occurrence_that_is_left_out_does_not_happen():
    found = spans(
        "FREQ=DAILY",
        starts=datetime(2026, 6, 1, 1),
        minutes=60,
        since=datetime(2026, 6, 1, tzinfo=UTC),
        until=datetime(2026, 6, 4, tzinfo=UTC),
        without=(datetime(2026, 6, 2, 1),),
    )

    assert [start.day for start, _ in found] == [1, 3]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("FREQ=HOURLY", "DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("every monday", "not a rule of RFC 5545"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "not by both"),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "never happens"),
        ("FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29", "never happens"),
        ("FREQ=WEEKLY;BYDAY=1MO", "monthly or yearly"),
        ("FREQ=WEEKLY;BYDAY=XX", "not possible"),
        ("FREQ=WEEKLY;BYHOUR=3", "not possible"),
        ("FREQ=DAILY;INTERVAL=0", "not possible"),
        ("FREQ=DAILY;UNTIL=20201301", "not a date"),
        ("FREQ=DAILY;UNTIL=20200101", "never happens"),
        ("FREQ=DAILY;FREQ=DAILY", "not a rule"),
        ("FREQ=DAILY;" + "A" * 10_000, "not a rule"),
        ("FREQ=DAILY\x00", "DAILY, WEEKLY"),
    ],
)
def test_what_is_no_rule_is_refused_with_a_sentence(rule, says):
    with pytest.raises(PeriodRefused, match=says) as refused:
        normalised(rule, starts=datetime(2025, 1, 1), zone=NEW_YORK)

    assert len(refused.value.sentence) < 300


def test_an_end_in_utc_is_read_on_the_wall():
    rule = normalised(
        "rrule:freq=daily;until=20260602T030000Z", starts=datetime(2026, 6, 1), zone=NEW_YORK
    )

    assert rule == "FREQ=DAILY;UNTIL=20260601T230000"


_HOURS = st.integers(min_value=0, max_value=200)
_SPANS = st.lists(
    st.tuples(_HOURS, st.integers(min_value=1, max_value=30)).map(
        lambda pair: Span(
            datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=pair[0]),
            datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=pair[0] + pair[1]),
        )
    ),
    max_size=8,
)


@given(open_=_SPANS, shut=_SPANS, hour=_HOURS)
def test_an_instant_is_open_exactly_when_a_window_holds_it_and_no_freeze_does(open_, shut, hour):
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour, minutes=30)

    left = without(open_, shut)

    expected = any(s.holds(at) for s in open_) and not any(s.holds(at) for s in shut)
    assert any(span.holds(at) for span in left) is expected
    assert left == sorted(left, key=lambda span: span.starts)
    assert all(one.ends <= two.starts for one, two in pairwise(left))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "once"),
        ("FREQ=DAILY", "every day"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE", "every 2 weeks on Mon, Tue and Wed"),
        (
            "FREQ=MONTHLY;BYDAY=3SA;UNTIL=20261224T235959",
            "every month on the third Sat, until 24 Dec 2026",
        ),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24;COUNT=3", "every year on day 24 in Dec, 3 times"),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",
            "every month on Mon and Tue (only number -1 of these)",
        ),
    ],
)
def test_a_rule_is_said_in_words(rule, said):
    assert words.sentence(rule) == said


@pytest.mark.parametrize("repeat", list(words.Repeat))
def test_what_the_form_makes_can_be_shown_in_the_form_again(repeat):
    first = datetime(2026, 11, 30).date()
    days = ("MO", "TH") if repeat is words.Repeat.WEEKLY else ()
    rule = words.Repetition(repeat, first=first, days=days).rule()

    kept = normalised(rule, starts=datetime(2026, 11, 30, 22), zone=NEW_YORK)
    again = words.repeat_of(kept)

    assert again is not None
    assert again.repeat is repeat
    if repeat is words.Repeat.MONTHLY:
        assert kept == "FREQ=MONTHLY;BYDAY=-1MO"
    if days:
        assert again.days == days


@given(
    rule=st.sampled_from(
        [
            "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;INTERVAL=2;BYMONTH=3,11", "FREQ=DAILY;BYDAY=MO,TU,FR",
            "FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", "FREQ=WEEKLY;INTERVAL=3;WKST=SU;BYDAY=SU,WE",
            "FREQ=WEEKLY;INTERVAL=2;WKST=WE;BYDAY=TU,WE", "FREQ=DAILY;INTERVAL=5;COUNT=200",
            "FREQ=WEEKLY;BYDAY=SA;UNTIL=20230101T000000", "FREQ=MONTHLY;BYDAY=2TU", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        ]
    ),
    starts=st.datetimes(datetime(2019, 1, 1), datetime(2022, 1, 1)).map(lambda at: at.replace(microsecond=0)),
    after=st.integers(-400, 2_000),
    days=st.integers(1, 60),
)  # fmt: skip
def test_a_rule_of_years_ago_happens_when_counting_from_its_start_says_so(rule, starts, after, days):  # fmt: skip
    since = starts + timedelta(days=after)
    until = since + timedelta(days=days)
    counted = rrulestr(rule, dtstart=starts).between(since - timedelta(days=1), until, inc=True)

    found = spans(
        rule,
        starts=starts,
        minutes=30,
        since=since.replace(tzinfo=UTC),
        until=until.replace(tzinfo=UTC),
        zone=ZoneInfo("UTC"),
    )

    assert [start.replace(tzinfo=None) for start, _ in found] == [
        at for at in counted if at + timedelta(minutes=30) > since and at < until
    ]
