"""From what was seen to verdicts and findings. Pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from migrations_portal.rehearsals import rules
from migrations_portal.rehearsals.observed import (
    Clock,
    FileCall,
    MeasuredStatement,
    Observed,
    Sample,
    SeenLock,
    spans,
)
from migrations_portal.rehearsals.rules import TestClass
from migrations_portal.rehearsals.verdict import STANDARD, findings, verdicts

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def statement(seconds=0.2, *, phase="up", start=0.0, file="a.js"):
    return MeasuredStatement(
        file, phase, "ALTER TABLE students ADD x int", start, seconds, "ALTER TABLE", ""
    )


def call(phase, **more):
    facts = {"exit_code": 0, "seconds": 1.0, "recorded": True, **more}
    return FileCall("a.js", phase, **facts)


GOOD = Observed(
    calls=(call("up"), call("down"), call("up-again")),
    statements=(statement(), statement(phase="down")),
    left_after_down=(),
    second_up=(),
    third_up_changes=0,
)  # fmt: skip


def passed(seen):
    return {each.key: each.passed for each in verdicts(seen)}


def test_a_good_file_passes_all_four():
    assert passed(GOOD) == dict.fromkeys(TestClass, True)
    assert not findings(GOOD)


@pytest.mark.parametrize(
    ("change", "lost", "said"),
    [
        ({"left_after_down": ('+    "nickname" text',)}, TestClass.ROLLBACK, "still there: "),
        ({"left_after_down": ('-    "name" text',)}, TestClass.ROLLBACK, "missing: "),
        (
            {"counts_after_down": ("public.a has 2 rows instead of 1",)},
            TestClass.ROLLBACK,
            "2 rows",
        ),
        ({"second_up": ("public.a has 2 rows instead of 1",)}, TestClass.IDEMPOTENCY, "2 rows"),
        ({"third_up_changes": 3}, TestClass.IDEMPOTENCY, "3 changes"),
        ({"failed_checks": ("Foreign keys fail.",)}, TestClass.APPLICATION, "Foreign keys fail."),
    ],
)
def test_what_is_wrong_fails_its_own_class_and_is_named(change, lost, said):
    found = {each.key: each for each in verdicts(replace(GOOD, **change))}

    assert [key for key, each in found.items() if each.passed is not True] == [lost]
    assert said in found[lost].sentence


def test_what_was_not_reached_is_not_called_failed():
    seen = Observed(calls=(call("up", exit_code=1, recorded=False, sqlstate="42P01"),))

    assert passed(seen) == {
        TestClass.STRUCTURE: None, TestClass.APPLICATION: False,
        TestClass.ROLLBACK: None, TestClass.IDEMPOTENCY: None,
    }  # fmt: skip


def test_a_tool_that_says_success_without_recording_it_is_not_believed():
    seen = replace(GOOD, calls=(call("up", recorded=False),))

    assert passed(seen)[TestClass.APPLICATION] is False


def test_a_file_that_sends_nothing_has_no_up():
    seen = replace(GOOD, statements=())

    assert passed(seen)[TestClass.STRUCTURE] is False


@pytest.mark.parametrize(("seconds", "found"), [(59.9, 0), (60.0, 0), (60.1, 1), (90.0, 1)])
def test_more_than_a_minute_is_to_be_split(seconds, found):
    seen = replace(GOOD, statements=(statement(seconds),))

    assert len([each for each in findings(seen) if each.key == "split"]) == found


def test_a_copy_with_fewer_rows_is_extrapolated_and_says_so():
    (found,) = findings(replace(GOOD, statements=(statement(20.0),), scale=4.0))

    assert "about 80 s (extrapolated)" in found.title


@pytest.mark.parametrize(
    ("mode", "seconds", "tone"),
    [
        ("AccessExclusiveLock", 0.2, None),
        ("AccessExclusiveLock", 0.3, "warn"),
        ("ShareLock", 20.0, "warn"),
        ("AccessExclusiveLock", 31.0, "bad"),
        ("ShareUpdateExclusiveLock", 90.0, None),
        ("RowExclusiveLock", 90.0, None),
    ],
)
def test_a_lock_that_keeps_the_application_waiting_needs_a_window(mode, seconds, tone):
    seen = replace(GOOD, locks=(SeenLock("public.students", mode, 1.0, 1.0 + seconds),))

    tones = [each.tone for each in findings(seen) if each.key == "window"]
    assert tones == ([tone] if tone else [])


def test_samples_become_spans():
    key = (7, "public.students", "AccessExclusiveLock")
    other = (7, "public.consents", "RowExclusiveLock")
    samples = [
        Sample(1.0, frozenset()),
        Sample(2.0, frozenset({key})),
        Sample(3.0, frozenset({key, other})),
        Sample(5.0, frozenset({other})),
        Sample(6.0, frozenset({other})),
    ]

    assert spans(samples) == [
        SeenLock("public.students", "AccessExclusiveLock", 2.0, 5.0),
        SeenLock("public.consents", "RowExclusiveLock", 3.0, 6.0),
    ]


def test_files_are_laid_end_to_end():
    clock = Clock()
    clock.lay([statement(start=10.0, seconds=1.0)], [SeenLock("t", "ShareLock", 10.5, 12.0)])
    statements, locks = clock.lay(
        [statement(start=50.0, seconds=1.0)], [SeenLock("t", "ShareLock", 50.0, 50.5)]
    )

    assert statements[0].start == pytest.approx(2.0)
    assert (locks[0].start, locks[0].end) == pytest.approx((2.0, 2.5))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"digest_now": "b"}, "has changed"),
        ({"newer_migration": "2026-other.js"}, "2026-other.js was applied"),
        ({"now": NOON + timedelta(days=7)}, ""),
        ({"now": NOON + timedelta(days=7, seconds=1)}, "older than 7 days"),
    ],
)
def test_a_rehearsal_goes_stale_in_three_ways(change, said):
    facts = {"digest_then": "a", "digest_now": "a", "finished_at": NOON, "newer_migration": "", "now": NOON}  # fmt: skip

    reason = rules.stale_reason(**{**facts, **change})

    assert said in reason
    assert bool(reason) == bool(said)


def test_one_line_says_rows_times_and_the_way_back():
    result = {
        "copy": {"rows": 300_000},
        "phases": [{"key": "up", "seconds": 0.42}, {"key": "down", "seconds": 0.31}],
        "verdicts": [{"key": str(each), "passed": True} for each in TestClass],
    }

    assert rules.one_line(result) == "on 300,000 rows: up 0.4 s, down 0.3 s, schema identical"
    assert STANDARD.long_seconds == 60
