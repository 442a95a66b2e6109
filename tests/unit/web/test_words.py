"""How moments, durations, sizes and code are written."""

from datetime import UTC, datetime

import pytest

from migrations_portal.templatetags import words

AT = datetime(2025, 11, 4, 2, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("style", "said"),
    [
        ("", "3 Nov, 21:00 EST"),
        ("long", "3 Nov 2025, 21:00:07 EST"),
        ("clock", "21:00:07"),
        ("date", "3 Nov 2025"),
    ],
)
def test_a_moment_is_told_in_the_zone_of_the_target(style, said):
    assert words.moment(AT, "America/New_York", style) == said


def test_a_moment_without_a_zone_is_utc():
    assert words.moment(AT) == "4 Nov, 02:00 UTC"
    assert words.iso(AT) == "2025-11-04T02:00:07Z"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        (0, "0 s"),
        (0.84, "0.8 s"),
        (9.99, "10.0 s"),
        (38, "38 s"),
        (59.7, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3840, "1 h 04 min"),
    ],
)
def test_a_duration_is_told_as_people_say_it(value, said):
    assert words.seconds(value) == said


@pytest.mark.parametrize(("value", "said"), [(31, "00:31"), (3723.9, "1:02:03")])
def test_a_running_duration_is_a_stopwatch(value, said):
    assert words.clock(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1412, "1.4 kB"),
        (412_000_000, "412 MB"),
        (2_500_000_000, "2.5 GB"),
        (7 * 10**15, "7000 TB"),
    ],
)
def test_a_size_has_decimal_units(value, said):
    assert words.size(value) == said


@pytest.mark.parametrize("language", ["sql", "js", "text"])
def test_code_is_escaped_in_every_language(language):
    hostile = "-- <script>alert(1)</script>\n'</pre><img src=x>'\n"

    for html in (words.highlighted(hostile, language), words.numbered(hostile, language, "f")):
        assert "<script" not in html
        assert "<img" not in html


def test_each_line_of_numbered_code_can_be_linked():
    html = words.numbered("one\n\n/* two\nthree */\n", "js", "file-1")

    assert [f'id="file-1-L{line}"' in html for line in range(1, 6)] == [True] * 4 + [False]


@pytest.mark.parametrize(
    ("values", "top", "points"),
    [
        ([], None, ""),
        ([5], 10, "0.0,15.0"),
        ([0, 10], 10, "0.0,29.0 100.0,1.0"),
        ([0, 20], 10, "0.0,29.0 100.0,1.0"),
        ([0, 0], None, "0.0,29.0 100.0,29.0"),
    ],
)
def test_a_sparkline_stays_in_its_box(values, top, points):
    assert words.polyline(values, top) == points
