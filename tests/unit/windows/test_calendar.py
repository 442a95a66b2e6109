# ruff: noqa: DTZ001  # a wall clock has no zone
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from migrations_portal.windows.calendar import Entry, TargetCalendar
from migrations_portal.windows.clashes import Booking, clashes
from migrations_portal.windows.recurrence import Recurrence, Span
from migrations_portal.windows.rules import FITTING, PeriodKind

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 11, 3, 17, tzinfo=UTC)
"""Tuesday, 12:00 in New York."""


def entry(kind, starts, minutes, rule="", name="x"):
    late = kind is PeriodKind.FREEZE
    return Entry(kind, name, Recurrence(starts, minutes, NEW_YORK, rule, late_end=late))


OFFICE = entry(
    PeriodKind.BUSINESS_HOURS, datetime(2026, 1, 5, 9), 480, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
)
NIGHT = entry(PeriodKind.OFF_PEAK, datetime(2026, 1, 1, 22), 480, "FREQ=DAILY")
SATURDAY = entry(PeriodKind.MAINTENANCE, datetime(2026, 1, 3, 20), 300, "FREQ=WEEKLY;BYDAY=SA")
DOWNTIME = entry(PeriodKind.DOWNTIME, datetime(2026, 11, 28, 23), 180)
YEAR_END = entry(
    PeriodKind.FREEZE, datetime(2026, 12, 20), 20 * 1440, "FREQ=YEARLY", name="Year end"
)


def calendar(*entries, strict=True):
    return TargetCalendar("production", NEW_YORK, strict=strict, entries=entries)


WHOLE = calendar(OFFICE, NIGHT, SATURDAY, DOWNTIME, YEAR_END)


@pytest.mark.parametrize(
    ("level", "begins"),
    [
        ("LOW", NOON),
        ("MEDIUM", datetime(2026, 11, 4, 3, tzinfo=UTC)),
        ("HIGH", datetime(2026, 11, 8, 1, tzinfo=UTC)),
        ("CRITICAL", datetime(2026, 11, 29, 4, tzinfo=UTC)),
    ],
)
def test_each_level_gets_the_next_window_of_the_spec(level, begins):
    (slot,) = WHOLE.next_slots(level, after=NOON, seconds=60, count=1)

    assert slot.starts == begins


def test_every_level_of_the_spec_has_its_own_kind_first():
    assert {level: kinds[0].title for level, kinds in FITTING.items()} == {
        "LOW": "Business hours",
        "MEDIUM": "Off-peak hours",
        "HIGH": "Scheduled maintenance",
        "CRITICAL": "Planned downtime",
    }


def test_a_critical_plan_never_runs_in_business_hours():
    gate = WHOLE.gate("CRITICAL", at=NOON, seconds=1)

    assert not gate.open
    assert "planned downtime" in gate.sentence
    assert "Sat 28 Nov 2026, 23:00 EST" in gate.sentence


def test_a_freeze_closes_every_window_and_is_named():
    gate = calendar(OFFICE, YEAR_END).gate(
        "LOW", at=datetime(2026, 12, 22, 17, tzinfo=UTC), seconds=1
    )

    assert not gate.open
    assert gate.sentence.startswith("production is frozen (Year end).")
    assert gate.next_at == datetime(2027, 1, 11, 14, tzinfo=UTC)


def test_the_emergency_path_needs_no_window_but_a_freeze_holds_for_it():
    night = datetime(2026, 11, 3, 8, tzinfo=UTC)

    assert calendar(OFFICE).freezes_only().gate("HIGH", at=night, seconds=1).open
    frozen = (
        calendar(OFFICE, YEAR_END)
        .freezes_only()
        .gate("HIGH", at=datetime(2026, 12, 22, tzinfo=UTC), seconds=1)
    )
    assert not frozen.open
    assert frozen.next_at is not None
    assert calendar(OFFICE, YEAR_END).freezes_only().gate("HIGH", at=frozen.next_at, seconds=1).open


def test_a_plan_that_does_not_fit_before_the_window_closes_waits_for_the_next():
    nearly = datetime(2026, 11, 3, 21, 59, tzinfo=UTC)

    gate = WHOLE.gate("LOW", at=nearly, seconds=120)

    assert "closes at Tue 03 Nov 2026, 17:00 EST, and the plan needs 120 s" in gate.sentence
    assert gate.next_at == datetime(2026, 11, 4, 14, tzinfo=UTC)


@pytest.mark.parametrize(("second", "is_open"), [(-1, False), (0, True)])
def test_a_window_opens_on_its_first_second(second, is_open):
    nine = datetime(2026, 11, 4, 14, tzinfo=UTC)

    assert (
        calendar(OFFICE).gate("LOW", at=nine + timedelta(seconds=second), seconds=0).open is is_open
    )


def test_the_end_of_a_window_is_outside():
    five = datetime(2026, 11, 3, 22, tzinfo=UTC)

    assert not calendar(OFFICE).gate("LOW", at=five, seconds=0).open
    assert calendar(OFFICE).gate("LOW", at=five - timedelta(seconds=1), seconds=0).open


def test_production_without_a_fitting_window_is_closed_and_staging_is_open():
    closed = calendar(OFFICE).gate("HIGH", at=NOON, seconds=1)

    assert not closed.open
    assert "ask a database admin to add one" in closed.sentence
    assert calendar(strict=False).gate("HIGH", at=NOON, seconds=1).open
    assert (
        not calendar(YEAR_END, strict=False)
        .gate("HIGH", at=datetime(2026, 12, 22, tzinfo=UTC), seconds=1)
        .open
    )


def test_a_window_that_never_closes_is_offered_whole():
    always = calendar(entry(PeriodKind.DOWNTIME, datetime(2020, 1, 1), 1440, "FREQ=DAILY"))

    (slot,) = always.next_slots("CRITICAL", after=NOON, seconds=60)

    assert slot.starts == NOON
    assert slot.ends > NOON + timedelta(days=300)


def booking(plan, hour, *, minutes=30, tables=(), slot=None):
    starts = NOON + timedelta(hours=hour)
    return Booking(
        plan, f"WC-{plan}", starts, starts + timedelta(minutes=minutes), slot, frozenset(tables)
    )


SLOT = Span(NOON, NOON + timedelta(hours=8))


def test_two_plans_clash_when_they_run_at_the_same_time():
    (clash,) = clashes([booking(1, 0), booking(2, 0.25), booking(3, 2)])

    assert (clash.first.plan, clash.second.plan) == (1, 2)
    assert "at the same time" in clash.sentence


def test_two_plans_clash_when_they_change_the_same_table_in_one_window():
    (clash,) = clashes(
        [
            booking(1, 0, tables=["patients"], slot=SLOT),
            booking(2, 3, tables=["patients", "consents"], slot=SLOT),
            booking(3, 5, tables=["orders"], slot=SLOT),
            booking(4, 100, tables=["patients"]),
        ]
    )

    assert clash.sentence == "WC-1 and WC-2 change patients in the same window."


@pytest.mark.parametrize("level", list(FITTING))
@pytest.mark.parametrize("minutes", [1, 200, 481, 1441])
def test_the_first_start_is_that_of_the_first_slot(level, minutes):
    slots = WHOLE.next_slots(level, after=NOON, seconds=minutes * 60, count=1)

    found = WHOLE.first_start(level, after=NOON, seconds=minutes * 60)

    assert found == (slots[0].starts if slots else None)


def test_work_longer_than_a_stride_fits_a_window_that_never_closes():
    always = calendar(entry(PeriodKind.DOWNTIME, datetime(2020, 1, 1), 1440, "FREQ=DAILY"))

    assert always.first_start("CRITICAL", after=NOON, seconds=100 * 86_400) == NOON
    assert always.first_start("CRITICAL", after=NOON, seconds=1_000 * 86_400) is None
