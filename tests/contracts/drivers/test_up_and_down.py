"""What a driver applies, records and undoes, and what a file leaves that fails."""

import pytest

from migrations_portal.adapters.postgres import PostgresServer
from migrations_portal.execution.ports import (
    ApprovedFile,
    DriverFailed,
)
from tests.contracts.drivers.kit import DROP_STUDENTS, STUDENTS, Tool, history
from tests.driver_kit import (
    LIMITS,
    Target,
    plus,
)


def test_a_database_without_a_history_table_has_an_emptyhistory(tool: Tool, target: Target) -> None:
    assert history(tool, target) == []


def test_up_applies_the_file_and_records_its_name_only(tool: Tool, target: Target) -> None:
    first = tool.write(1, [STUDENTS], [DROP_STUDENTS], True)
    second = tool.write(2, ["CREATE TABLE later (id integer)"], ["DROP TABLE later"], True)
    bundle = plus(tool.bundle, first, second)

    result = tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)

    assert result.exit_code == 0, result.output
    assert target.relations() == ["students.id", "students.ssn"]
    assert history(tool, target, bundle) == [first.name]
    assert [text.split("(")[0].strip() for text in result.committed_writes] == [
        "CREATE TABLE students"
    ]
    assert (result.sqlstate, result.outcome_unknown, result.timed_out) == ("", False, False)


def test_status_tells_applied_from_pending(tool: Tool, target: Target) -> None:
    first = tool.write(1, [STUDENTS], [DROP_STUDENTS], True)
    second = tool.write(2, ["CREATE TABLE later (id integer)"], ["DROP TABLE later"], True)
    bundle = plus(tool.bundle, first, second)
    tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)

    status = tool.driver.status(target.endpoint, bundle, limits=LIMITS)

    assert (status.applied, status.pending) == ((first.name,), (second.name,))


def test_a_failure_in_one_transaction_leaves_nothing(tool: Tool, target: Target) -> None:
    broken = tool.write(1, [STUDENTS, "ALTER TABLE nowhere ADD x integer"], [], True)
    bundle = plus(tool.bundle, broken)

    result = tool.driver.up(target.endpoint, bundle, name=broken.name, limits=LIMITS)

    assert result.exit_code != 0
    assert (result.committed_writes, result.sqlstate) == ((), "42P01")
    assert not result.outcome_unknown
    assert target.relations() == []
    assert history(tool, target, bundle) == []


def test_a_failure_without_a_transaction_names_what_stayed(tool: Tool, target: Target) -> None:
    broken = tool.write(1, [STUDENTS, "ALTER TABLE nowhere ADD x integer"], [], False)
    bundle = plus(tool.bundle, broken)

    result = tool.driver.up(target.endpoint, bundle, name=broken.name, limits=LIMITS)

    assert result.exit_code != 0
    assert len(result.committed_writes) == 1
    assert result.committed_writes[0].startswith("CREATE TABLE students")
    assert target.relations() == ["students.id", "students.ssn"]
    assert history(tool, target, bundle) == []


def test_a_statement_that_needs_to_stand_alone_can(tool: Tool, target: Target) -> None:
    first = tool.write(1, [STUDENTS], [DROP_STUDENTS], True)
    index = "CREATE INDEX CONCURRENTLY by_ssn ON students (ssn)"
    second = tool.write(2, [index], ["DROP INDEX CONCURRENTLY by_ssn"], False)
    bundle = plus(tool.bundle, first, second)
    tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)

    result = tool.driver.up(target.endpoint, bundle, name=second.name, limits=LIMITS)

    assert result.exit_code == 0, result.output
    assert result.committed_writes == (index,)


def test_an_invalid_index_left_behind_counts_as_a_change(tool: Tool, target: Target) -> None:
    table = [STUDENTS, "INSERT INTO students SELECT n, n::text FROM generate_series(1, 2) n"]
    first = tool.write(1, table, [DROP_STUDENTS], True)
    index = "CREATE UNIQUE INDEX CONCURRENTLY one ON students ((id > 0))"
    second = tool.write(2, [index], [], False)
    bundle = plus(tool.bundle, first, second)
    tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)

    result = tool.driver.up(target.endpoint, bundle, name=second.name, limits=LIMITS)

    assert (result.exit_code != 0, result.sqlstate) == (True, "23505")
    assert result.committed_writes == (index,)
    assert target.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'one'::regclass") == [
        {"indisvalid": False}
    ]


def test_down_undoes_the_named_file_even_when_it_is_not_the_last(
    tool: Tool, target: Target
) -> None:
    first = tool.write(1, [STUDENTS], [DROP_STUDENTS], True)
    second = tool.write(2, ["CREATE TABLE later (id integer)"], ["DROP TABLE later"], True)
    bundle = plus(tool.bundle, first, second)
    for each in (first, second):
        tool.driver.up(target.endpoint, bundle, name=each.name, limits=LIMITS)

    result = tool.driver.down(target.endpoint, bundle, name=first.name, limits=LIMITS)

    assert result.exit_code == 0, result.output
    assert history(tool, target, bundle) == [second.name]
    assert target.relations() == ["later.id"]
    assert len(result.committed_writes) == 1


@pytest.mark.parametrize("again", ["up", "down"])
def test_up_twice_or_down_before_up_changes_nothing(tool: Tool, target: Target, again: str) -> None:
    first = tool.write(1, [STUDENTS], [DROP_STUDENTS], True)
    second = tool.write(2, ["CREATE TABLE later (id integer)"], ["DROP TABLE later"], True)
    bundle = plus(tool.bundle, first, second)
    tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)

    if again == "up":
        result = tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)
    else:
        result = tool.driver.down(target.endpoint, bundle, name=second.name, limits=LIMITS)

    assert result.exit_code != 0
    assert result.committed_writes == ()
    assert target.relations() == ["students.id", "students.ssn"]
    assert history(tool, target, bundle) == [first.name]


def test_a_file_finished_by_hand_is_marked(tool: Tool, target: Target) -> None:
    first = tool.write(1, [STUDENTS], [DROP_STUDENTS], True)
    second = tool.write(2, ["CREATE TABLE later (id integer)"], [], True)
    bundle = plus(tool.bundle, first, second)
    tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)

    with PostgresServer().session(target.endpoint, application_name="tests") as session:
        tool.driver.mark(session, bundle, name=second.name)

    assert tool.driver.status(target.endpoint, bundle, limits=LIMITS).pending == ()
    assert target.relations() == ["students.id", "students.ssn"]


@pytest.mark.parametrize("name", ["../evil.js", "a/b.js", "-x.js", "x.sh", "", "x.js\n"])
def test_a_name_that_is_none_is_refused(tool: Tool, target: Target, name: str) -> None:
    with pytest.raises(DriverFailed):
        tool.driver.up(target.endpoint, tool.bundle, name=name, limits=LIMITS)


def test_a_file_that_is_not_what_was_approved_is_not_run(tool: Tool, target: Target) -> None:
    first = tool.write(1, [STUDENTS], [], True)
    forged = ApprovedFile(first.name, first.content + b" ", first.sha256)

    with pytest.raises(DriverFailed, match="not the file that was approved"):
        tool.driver.up(target.endpoint, plus(tool.bundle, forged), name=first.name, limits=LIMITS)

    assert target.relations() == []
