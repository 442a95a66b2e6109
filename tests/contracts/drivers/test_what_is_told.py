"""What a driver tells of the statements: times, tags, rows by table, and no value of any row."""

from migrations_portal.execution.ports import (
    SentStatement,
)
from migrations_portal.execution.row_changes import RowChange
from tests.contracts.drivers.kit import STUDENTS, Tool
from tests.driver_kit import (
    LIMITS,
    Target,
    plus,
    told,
)


def test_no_row_value_is_told_when_a_row_fails(tool: Tool, target: Target) -> None:
    canary = "999-12-3456"
    files = [
        tool.write(1, [STUDENTS, "INSERT INTO students VALUES (1, '999-12-3456')"], [], True),
        tool.write(2, ["INSERT INTO students SELECT id + 1, ssn FROM students"], [], True),
        tool.write(3, ["ALTER TABLE students ADD CHECK (ssn < '0')"], [], True),
        tool.write(4, ["UPDATE students SET ssn = NULL"], [], True),
        tool.write(5, ["UPDATE students SET id = ssn::integer"], [], True),
        tool.write(
            6, ["DO $$ BEGIN RAISE '%', (SELECT ssn FROM students LIMIT 1); END $$"], [], True
        ),
    ]
    bundle = plus(tool.bundle, *files)
    lines: list[str] = []

    results = [
        tool.driver.up(
            target.endpoint, bundle, name=each.name, limits=LIMITS, on_output=lines.append
        )
        for each in files
    ]

    states = [result.sqlstate for result in results]
    assert states == ["", "23505", "23514", "23502", "22P02", "P0001"]
    assert canary not in "".join(map(told, results)) + "".join(lines)


def test_statements_are_told_with_times_tags_and_their_transaction(
    tool: Tool, target: Target
) -> None:
    heard: list[SentStatement] = []
    first = tool.write(1, [STUDENTS, "SELECT pg_sleep(0.3)"], [], True)
    bundle = plus(tool.bundle, first)

    result = tool.driver.up(
        target.endpoint, bundle, name=first.name, limits=LIMITS, on_statement=heard.append
    )

    assert tuple(heard) == result.statements
    create = next(sent for sent in heard if sent.tag == "CREATE TABLE" and "students" in sent.sql)
    sleep = next(sent for sent in heard if "pg_sleep" in sent.sql)
    assert 0.3 <= sleep.seconds < 5
    assert sleep.started_at >= create.started_at + create.seconds - 0.001
    assert create.in_transaction
    assert create.transaction == sleep.transaction > 0


def test_rows_are_counted_by_table_and_what_was_rolled_back_is_told_apart(
    tool: Tool, target: Target
) -> None:
    fill = "INSERT INTO students SELECT n, n::text FROM generate_series(1, 9) n"
    first = tool.write(1, [STUDENTS, fill, "DELETE FROM students WHERE id > 4"], [], True)
    broken = tool.write(2, ["DELETE FROM public.students", "SELECT 1 / 0"], [], True)
    bundle = plus(tool.bundle, first, broken)

    done = tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)
    undone = tool.driver.up(target.endpoint, bundle, name=broken.name, limits=LIMITS)

    assert done.rows_committed == (RowChange("students", inserted=9, deleted=5),)
    assert undone.rows_committed == ()
    assert undone.rows_tried == (RowChange("public.students", deleted=4),)
