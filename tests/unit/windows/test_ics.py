# ruff: noqa: DTZ001  # a wall clock has no zone
import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from migrations_portal.windows import ics
from migrations_portal.windows.rules import CalendarRefused

NEW_YORK = ZoneInfo("America/New_York")


def event(*lines):
    return ["BEGIN:VEVENT", *lines, "END:VEVENT"]


def file(*events):
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//test//EN",
        *(line for each in events for line in each),
        "END:VCALENDAR",
    ]
    return "\r\n".join([*lines, ""]).encode()


def test_whole_days_are_days_of_the_target():
    (found,) = ics.read_freezes(
        file(
            event(
                "UID:year-end",
                "SUMMARY:Year end",
                "DTSTART;VALUE=DATE:20261224",
                "DTEND;VALUE=DATE:20270102",
                "RRULE:FREQ=YEARLY",
                "EXDATE;VALUE=DATE:20271224",
            )
        ),
        zone=NEW_YORK,
    )

    assert (found.name, found.starts, found.minutes) == (
        "Year end",
        datetime(2026, 12, 24),
        9 * 1440,
    )
    assert (found.rule, found.time_zone) == ("FREQ=YEARLY", "America/New_York")
    assert found.without == (datetime(2027, 12, 24),)


def test_an_event_keeps_the_zone_that_it_was_written_in():
    found = ics.read_freezes(
        file(
            event("UID:1", "DTSTART;TZID=Europe/Berlin:20261224T100000", "DURATION:PT2H"),
            event("UID:2", "DTSTART:20261224T100000Z", "DTEND:20261224T110030Z"),
        ),
        zone=NEW_YORK,
    )

    assert [(each.time_zone, each.starts.hour, each.minutes) for each in found] == [
        ("Europe/Berlin", 10, 120),
        ("America/New_York", 5, 61),
    ]


def test_a_moved_occurrence_becomes_a_freeze_of_its_own_and_the_old_one_is_left_out():
    whole, moved = ics.read_freezes(
        file(
            event("UID:1", "DTSTART:20260701T100000Z", "DURATION:PT2H", "RRULE:FREQ=WEEKLY"),
            event(
                "UID:1",
                "RECURRENCE-ID:20260708T100000Z",
                "DTSTART:20260709T100000Z",
                "DURATION:PT1H",
            ),
            event("UID:9", "STATUS:CANCELLED", "DTSTART:20260709T100000Z"),
        ),
        zone=NEW_YORK,
    )

    assert whole.without == (datetime(2026, 7, 8, 6),)
    assert (moved.starts, moved.minutes) == (datetime(2026, 7, 9, 6), 60)
    assert moved.uid != whole.uid


GOOD = event("UID:good", "DTSTART:20260709T100000Z", "DURATION:PT1H")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no calendar"),
        (b"hello", "no calendar"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"PK\x03\x04", "no calendar"),
        (b"BEGIN:VCALENDAR\r\n", "no calendar"),
        (file(), "no events"),
        (b"x" * (ics.MAX_BYTES + 1), "larger than 1 MiB"),
        (file(*[GOOD] * (ics.MAX_EVENTS + 1)), "more than 500 events"),
        (file(GOOD, event("UID:1", "DTSTART:xyz")), "Event 2"),
        (file(event("UID:1", "SUMMARY:Easter")), "no usable DTSTART"),
        (file(event("DTSTART:20260709T100000Z", "DURATION:PT1H")), "no UID"),
        (file(GOOD, GOOD), "Two events have the UID good"),
        (file(event("UID:1", "DTSTART:20260709T100000Z", "RRULE:FREQ=FOO")), "RRULE"),
        (
            file(
                event("UID:1", "DTSTART:20260709T100000Z", "DURATION:PT1H", "RRULE:FREQ=MINUTELY")
            ),
            "DAILY, WEEKLY",
        ),
        (
            file(event("UID:1", "DTSTART;TZID=Nowhere/Land:20260709T100000", "DURATION:PT1H")),
            "Nowhere/Land",
        ),
        (
            file(event("UID:1", "DTSTART:20260709T100000Z", "DTEND:20260708T100000Z")),
            "ends before it begins",
        ),
        (
            file(event("UID:1", "DTSTART;VALUE=DATE:20260709", "DTEND:20260710T100000Z")),
            "or the other way round",
        ),
        (
            file(
                event(
                    "UID:1",
                    "DTSTART:20260709T100000Z",
                    "DURATION:PT1H",
                    "RDATE:20260801T100000Z",
                )
            ),
            "RDATE",
        ),
        (
            file(event("UID:1", "DTSTART:20260101T100000Z", "DTEND:20300101T100000Z")),
            "at most 366 days",
        ),
    ],
)
def test_a_bad_file_is_refused_whole_with_a_sentence_per_event(content, says):
    with pytest.raises(CalendarRefused, match=says) as refused:
        ics.read_freezes(content, zone=NEW_YORK)

    assert refused.value.sentence.startswith("Nothing was imported.")


_PIECES = st.sampled_from(
    [
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
        "BEGIN:VEVENT",
        "END:VEVENT",
        "UID:1",
        "DTSTART:20260709T100000Z",
        "DTSTART;VALUE=DATE:20260709",
        "DTEND:99999999T999999Z",
        "DURATION:-P1W",
        "RRULE:FREQ=DAILY;COUNT=99999999999",
        "RRULE:FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2",
        "EXDATE:x",
        "RECURRENCE-ID:20260709",
        'DTSTART;TZID="\x00":20260709T100000',
        "\x00",
        "SUMMARY:" + "ü" * 200,
        " folded",
        ";;;:::",
    ]
)


@given(st.lists(_PIECES, max_size=14).map("\r\n".join) | st.text(max_size=300))
def test_garbage_is_read_or_refused_never_a_fault(text):
    found = []
    with contextlib.suppress(CalendarRefused):
        found = ics.read_freezes(text.encode("utf-8", "surrogatepass"), zone=NEW_YORK)

    assert all(each.minutes > 0 and each.uid for each in found)


def test_the_feed_can_be_read_again():
    told = ics.FeedEvent(
        uid="plan-1@wco",
        starts=datetime(2026, 11, 8, 1, tzinfo=UTC),
        ends=datetime(2026, 11, 8, 2, tzinfo=UTC),
        summary="WC-1; high, risk",
        url="https://ops.example.org/plans/1/",
    )

    whole = Calendar.from_ical(
        ics.written([told], name="White Cross Ops", now=told.starts).decode()
    )

    (found,) = whole.walk("VEVENT")
    assert str(found["SUMMARY"]) == told.summary
    assert found["DTSTART"].dt == told.starts
    assert str(found["URL"]) == told.url
