"""The contract of the driver port, held by every driver on a real PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrations_portal.adapters.alembic_tool import AlembicDriver
from migrations_portal.adapters.postgres import PostgresServer
from migrations_portal.adapters.sequelize import SequelizeDriver
from migrations_portal.adapters.sql_files import SqlFileDriver
from migrations_portal.execution.ports import (
    ApprovedFile,
    Bundle,
    DriverFailed,
    MigrationDriver,
    SentStatement,
)
from migrations_portal.execution.reins import Pull, Reins, holding
from migrations_portal.execution.row_changes import RowChange
from tests.driver_kit import (
    LIMITS,
    Target,
    alembic_bundle,
    alembic_revision,
    approved,
    fresh_target,
    migration,
    plus,
    sequelize_project,
    told,
)


@dataclass(frozen=True)
class Tool:
    """A driver and how one writes a file for it: `write(number, up, down, transaction)`."""

    driver: MigrationDriver
    bundle: Bundle
    write: Callable[[int, list[str], list[str], bool], ApprovedFile]


def _for_sequelize(number: int, up: list[str], down: list[str], transaction: bool) -> ApprovedFile:
    def body(statements: list[str]) -> str:
        if not transaction:
            return "\n".join(f"await run({text!r});" for text in statements)
        runs = "\n".join(f"await run({text!r}, {{transaction: t}});" for text in statements)
        return f"await q.sequelize.transaction(async (t) => {{ {runs} }});"

    return migration(f"2025010{number}000000-step-{number}.js", body(up), body(down))


def _for_sql_files(number: int, up: list[str], down: list[str], transaction: bool) -> ApprovedFile:
    marker = "" if transaction else "-- no transaction\n"
    text = marker + ";\n".join(up) + ";\n-- down\n" + marker + ";\n".join(down) + ";\n"
    return approved(f"2025010{number}000000-step-{number}.sql", text)


def _for_alembic(number: int, up: list[str], down: list[str], transaction: bool) -> ApprovedFile:
    return alembic_revision(
        f"step_{number}", up=up, down=down, follows=None, transaction=transaction
    )


@pytest.fixture(params=["sequelize", "sql_files", "alembic"])
def tool(request: pytest.FixtureRequest, tmp_path: Path) -> Tool:
    if request.param == "sequelize":
        driver: MigrationDriver = SequelizeDriver(scratch=tmp_path / "scratch")
        return Tool(driver, sequelize_project(tmp_path), _for_sequelize)
    if request.param == "alembic":
        alembic = AlembicDriver(scratch=tmp_path / "scratch")
        return Tool(alembic, alembic_bundle(tmp_path), _for_alembic)
    (tmp_path / "project" / "migrations").mkdir(parents=True)
    return Tool(SqlFileDriver(), Bundle(tmp_path / "project", ()), _for_sql_files)


@pytest.fixture
def target() -> Iterator[Target]:
    with fresh_target() as made:
        yield made


def _history(tool: Tool, target: Target, bundle: Bundle | None = None) -> list[str]:
    with PostgresServer().session(target.endpoint, application_name="tests") as session:
        return list(tool.driver.history(session, bundle or tool.bundle))


STUDENTS = "CREATE TABLE students (id integer PRIMARY KEY, ssn text UNIQUE NOT NULL)"
DROP_STUDENTS = "DROP TABLE students"


def test_a_database_without_a_history_table_has_an_empty_history(
    tool: Tool, target: Target
) -> None:
    assert _history(tool, target) == []


def test_up_applies_the_file_and_records_its_name_only(tool: Tool, target: Target) -> None:
    first = tool.write(1, [STUDENTS], [DROP_STUDENTS], True)
    second = tool.write(2, ["CREATE TABLE later (id integer)"], ["DROP TABLE later"], True)
    bundle = plus(tool.bundle, first, second)

    result = tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)

    assert result.exit_code == 0, result.output
    assert target.relations() == ["students.id", "students.ssn"]
    assert _history(tool, target, bundle) == [first.name]
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
    assert _history(tool, target, bundle) == []


def test_a_failure_without_a_transaction_names_what_stayed(tool: Tool, target: Target) -> None:
    broken = tool.write(1, [STUDENTS, "ALTER TABLE nowhere ADD x integer"], [], False)
    bundle = plus(tool.bundle, broken)

    result = tool.driver.up(target.endpoint, bundle, name=broken.name, limits=LIMITS)

    assert result.exit_code != 0
    assert len(result.committed_writes) == 1
    assert result.committed_writes[0].startswith("CREATE TABLE students")
    assert target.relations() == ["students.id", "students.ssn"]
    assert _history(tool, target, bundle) == []


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
    assert _history(tool, target, bundle) == [second.name]
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
    assert _history(tool, target, bundle) == [first.name]


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


def test_a_file_is_stopped_from_another_thread_and_its_outcome_is_known(
    tool: Tool, target: Target
) -> None:
    first = tool.write(1, [STUDENTS, "SELECT pg_sleep(30)"], [], True)
    reins = Reins()
    timer = threading.Timer(1.5, reins.stop, [Pull.ABORTED])

    with holding(reins):
        timer.start()
        result = tool.driver.up(
            target.endpoint, plus(tool.bundle, first), name=first.name, limits=LIMITS
        )

    assert result.stopped
    assert result.seconds < 6
    assert (result.committed_writes, result.outcome_unknown) == ((), False)
    assert target.relations() == []
    assert (
        target.rows(
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()"
        )
        == []
    )


def test_a_pause_holds_between_transactions_and_the_file_goes_on_after_it(
    tool: Tool, target: Target
) -> None:
    steps = [STUDENTS, "SELECT pg_sleep(1)", "CREATE TABLE later (id integer)"]
    first = tool.write(1, steps, [], False)
    reins = Reins()
    seen: list[list[str]] = []

    def look() -> None:
        seen.append(target.relations())
        reins.resume()

    def heard(sent: SentStatement) -> None:
        if "CREATE TABLE students" in sent.sql:
            reins.pause()
            threading.Timer(2.5, look).start()

    with holding(reins):
        result = tool.driver.up(
            target.endpoint,
            plus(tool.bundle, first),
            name=first.name,
            limits=LIMITS,
            on_statement=heard,
        )

    assert result.exit_code == 0, result.output
    assert seen == [["students.id", "students.ssn"]]
    assert target.relations() == ["later.id", "students.id", "students.ssn"]


def test_a_door_that_is_not_trusted_any_more_lets_nothing_pass(tool: Tool, target: Target) -> None:
    first = tool.write(1, [STUDENTS], [], True)
    reins = Reins()
    reins.trust_until(0.0)

    with holding(reins):
        result = tool.driver.up(
            target.endpoint, plus(tool.bundle, first), name=first.name, limits=LIMITS
        )

    assert result.exit_code != 0
    assert target.relations() == []


def test_a_file_finished_by_hand_is_marked(tool: Tool, target: Target) -> None:
    first = tool.write(1, [STUDENTS], [DROP_STUDENTS], True)
    second = tool.write(2, ["CREATE TABLE later (id integer)"], [], True)
    bundle = plus(tool.bundle, first, second)
    tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)

    with PostgresServer().session(target.endpoint, application_name="tests") as session:
        tool.driver.mark(session, bundle, name=second.name)

    assert tool.driver.status(target.endpoint, bundle, limits=LIMITS).pending == ()
    assert target.relations() == ["students.id", "students.ssn"]


def test_every_session_has_the_limits_of_the_run(tool: Tool, target: Target) -> None:
    look = (
        "CREATE TABLE seen AS SELECT name, setting FROM pg_settings"
        " WHERE name ~ '^(lock|statement|idle_in_transaction_session)_timeout$'"
        " OR name IN ('client_connection_check_interval', 'application_name')"
    )
    first = tool.write(1, [look], [], True)

    tool.driver.up(target.endpoint, plus(tool.bundle, first), name=first.name, limits=LIMITS)

    seen = {row["name"]: row["setting"] for row in target.rows("SELECT * FROM seen")}
    assert seen == {
        "lock_timeout": "250",
        "statement_timeout": "20000",
        "idle_in_transaction_session_timeout": "10000",
        "client_connection_check_interval": "500",
        "application_name": "wcops-7-3",
    }


def test_a_lock_that_is_not_free_ends_the_attempt_unchanged(tool: Tool, target: Target) -> None:
    first = tool.write(1, [STUDENTS], [DROP_STUDENTS], True)
    second = tool.write(2, ["ALTER TABLE students ADD name text"], [], True)
    bundle = plus(tool.bundle, first, second)
    tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)

    with PostgresServer().session(target.endpoint, application_name="reader") as session:
        session.rows("BEGIN")
        session.rows("SELECT * FROM students")
        result = tool.driver.up(target.endpoint, bundle, name=second.name, limits=LIMITS)

    assert (result.exit_code != 0, result.sqlstate) == (True, "55P03")
    assert (result.committed_writes, result.outcome_unknown) == ((), False)


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
