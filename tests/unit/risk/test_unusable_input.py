"""Whatever comes in, a sentence comes out, in bounded time."""

import time

import pytest

from migrations_portal.risk import Level
from tests.unit.risk.kit import assessed, rules


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "nothing-to-judge"),
        (" ;; -- nothing\n", "nothing-to-judge"),
        ("hello", "syntax-error"),
        ("SELEC 1", "syntax-error"),
        ("ALTER TABLE", "syntax-error"),
        ("SELECT 'never ends", "syntax-error"),
        ("SELECT $$never ends", "syntax-error"),
        ("\0", "not-text"),
        ("SELECT 1;\nALTER TABLE x\0 ADD y int", "not-text"),
        ("SELECT '\udc80'", "not-text"),
        ("\\d students", "psql-command"),
        ("\\i other.sql\nSELECT 1;", "psql-command"),
        ("SELECT " + "(" * 50_000 + "1" + ")" * 50_000, "too-deep"),
        ("SELECT 1" + "+1" * 200_000, "too-deep"),
        ("SELECT '" + "x" * 1_100_000 + "'", "statement-too-large"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_critical_and_said(text: str, rule: str) -> None:
    found = assessed(text)

    assert found.level is Level.CRITICAL
    assert rule in rules(text)
    assert found.unusable


def test_one_bad_statement_hides_no_other() -> None:
    found = assessed("ALTER TABLE students ADD a int;\nnonsense here;\nDROP TABLE schools;")

    assert [s.line for s in found.statements] == [1, 2, 3]
    assert [[f.rule for f in s.findings] for s in found.statements] == [
        [],
        ["syntax-error"],
        ["drop-table"],
    ]


def test_a_problem_is_placed_by_line_and_column() -> None:
    found = assessed(
        "SELECT 1;\n  -- why\n   ALTER TABLE students ADD COLUMN z uuid\n DEFAULT gen_random_uuid();"
    )
    statement = found.statements[1]

    assert (statement.line, statement.column) == (3, 4)
    assert [(f.rule, f.line) for f in statement.findings] == [("add-volatile-default", 3)]


def test_ten_megabytes_are_read_in_bounded_time() -> None:
    text = "ALTER TABLE students ADD COLUMN c text;\n" * 10
    rows = ",".join(f"({n}, 'some note of a visit')" for n in range(9_000))
    text += f"INSERT INTO visits (id, note) VALUES {rows};\n"  # noqa: S608 - only read, never run
    text *= 10_000_000 // len(text)
    begin = time.monotonic()

    found = assessed(text, one_transaction=True)

    assert found.level is Level.HIGH
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE events ATTACH PARTITION events DEFAULT",
        "ALTER TABLE events ATTACH PARTITION events_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
        "ALTER TABLE students INHERIT students",
    ],
)
def test_a_table_below_itself_is_refused_with_a_sentence(sql: str) -> None:
    assert "circular-inheritance" in rules(sql)
