"""Time per statement: amounts times rates, locks to the end of the transaction, and the level that follows."""

import pytest

from migrations_portal.risk import Level, ScriptFile, assess
from migrations_portal.risk.catalogue import TableSize
from migrations_portal.risk.forecast import Rate
from migrations_portal.risk.prediction import ONE_STATEMENT, Span, Work, predict
from migrations_portal.risk.time_findings import with_predictions
from tests.unit.risk.kit import SCHEMA

MB = 1_000_000
RATES = {
    Work.REWRITE: Rate(100 * MB, 50 * MB, 200 * MB),
    Work.SCAN: Rate(1_000 * MB, 500 * MB, 2_000 * MB),
    Work.INDEX: Rate(1_000_000, 500_000, 2_000_000),
    Work.FOREIGN_KEY: Rate(2_000_000, 1_000_000, 4_000_000),
    Work.CHANGE: Rate(100_000, 50_000, 200_000),
}
SIZES = {
    "public.students": TableSize(rows=4_200_000, heap=1_500 * MB, indexes=400 * MB),
    "public.visits": TableSize(rows=1_000_000, heap=100 * MB, indexes=50 * MB),
    "public.schools": TableSize(rows=10, heap=8_192, indexes=16_384),
}
REWRITES = "ALTER TABLE students ALTER COLUMN age TYPE bigint"
CHECKS = "ALTER TABLE students ADD CONSTRAINT c CHECK (age < 200)"


def predicted(sql, *, together=None, sizes=SIZES):
    files = [ScriptFile("a.sql", sql, together)]
    assessed = assess(files, schema=SCHEMA)
    return predict(assessed.statements, files=files, sizes=sizes, rates=RATES)


def usual(seconds):
    return pytest.approx(seconds + ONE_STATEMENT.usual)


def test_a_rewrite_writes_heap_and_indexes_again() -> None:
    (said,) = predicted(REWRITES)

    assert said.work.usual == usual(1_900 / 100)
    assert (said.work.shortest, said.work.longest) == (9.5, 38.25)
    assert (said.table, said.blocks, said.rows) == ("public.students", "reads and writes", 4_200_000)  # fmt: skip
    assert said.blocked == said.work


@pytest.mark.parametrize(
    ("sql", "seconds"),
    [
        (CHECKS, 1.5),
        ("CREATE INDEX i ON students (email)", 4.2),
        ("ALTER TABLE students ADD CONSTRAINT u UNIQUE (email)", 4.2),
        (
            "ALTER TABLE students ADD CONSTRAINT f FOREIGN KEY (school_id) REFERENCES schools",
            4_200_010 / 2_000_000,
        ),
        ("UPDATE students SET age = 1", 42.0),
        ("ALTER TABLE students ADD COLUMN z text", 0.0),
    ],
)
def test_each_kind_of_work_has_its_rate(sql, seconds) -> None:
    (said,) = predicted(sql)

    assert said.work.usual == usual(seconds)


def test_changing_rows_makes_nobody_wait_for_the_table() -> None:
    (said,) = predicted("UPDATE students SET age = 1")

    assert said.blocked is None


def test_a_lock_is_held_to_the_end_of_the_transaction() -> None:
    sql = f"ALTER TABLE visits ADD COLUMN z text; {CHECKS}; CREATE INDEX i ON visits (note)"
    first, second, third = predicted(sql, together=True)

    assert (first.table, first.blocked.usual) == ("public.visits", pytest.approx(2.53))
    assert second.blocked.usual == pytest.approx(2.52)
    assert third.blocked == third.work
    assert [each.blocked == each.work for each in predicted(sql, together=False)] == [True] * 3


def test_two_files_never_share_a_transaction() -> None:
    files = [ScriptFile("1.sql", CHECKS, True), ScriptFile("2.sql", REWRITES, True)]
    assessed = assess(files, schema=SCHEMA)

    first, _ = predict(assessed.statements, files=files, sizes=SIZES, rates=RATES)

    assert first.blocked == first.work


def test_without_the_size_nothing_is_promised() -> None:
    (said,) = predicted(REWRITES, sizes={})

    assert (said.known, said.blocked) == (False, None)


def timed(sql, *, together=None, factor=1.0):
    files = [ScriptFile("a.sql", sql, together)]
    rates = {work: Rate(*(value * factor for value in (rate.usual, rate.slow, rate.fast))) for work, rate in RATES.items()}  # fmt: skip
    return with_predictions(assess(files, schema=SCHEMA), files=files, sizes=SIZES, rates=rates)[0]


@pytest.mark.parametrize(
    ("factor", "level"),
    [(10.0, Level.MEDIUM), (0.9, Level.MEDIUM), (0.2, Level.HIGH), (0.04, Level.CRITICAL)],
)
def test_a_slower_server_raises_the_level(factor, level) -> None:
    """A CHECK over 1,500 MB: 0.15 s, 1.7 s, 7.5 s, 37.5 s; the rule's own floor is MEDIUM."""
    assert timed(CHECKS, factor=factor).level is level


def test_the_finding_says_the_measured_seconds_and_the_reason_names_it() -> None:
    said = timed(CHECKS, factor=0.04)
    (finding,) = [f for f in said.statements[0].findings if f.rule == "predicted-blocking"]

    assert "wait for about 38 s (19 to 75 s)" in finding.message
    assert "it reads 4.2 million rows" in finding.message
    assert finding.message in said.reason


def test_time_that_a_lock_is_held_for_others_work_counts() -> None:
    said = timed(f"ALTER TABLE visits ADD COLUMN z text; {CHECKS}", together=True, factor=0.04)
    held = [f for s in said.statements for f in s.findings if f.rule == "transaction-holds-locks"]

    assert [each.level for each in held] == [Level.CRITICAL]
    assert "public.visits is locked against reads and writes for about 38 s" in held[0].message


def test_a_span_holds_what_lies_in_it() -> None:
    span = Span(2, 1, 4)

    assert [span.holds(each) for each in (0.9, 1, 4, 4.1)] == [False, True, True, False]
