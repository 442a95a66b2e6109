"""A file is held in hand while it runs: stopped, paused, under limits, and shut out when its run is no longer ours."""

import threading

from migrations_portal.adapters.postgres import PostgresServer
from migrations_portal.execution.ports import (
    SentStatement,
)
from migrations_portal.execution.reins import Pull, Reins, holding
from tests.contracts.drivers.kit import DROP_STUDENTS, STUDENTS, Tool
from tests.driver_kit import (
    LIMITS,
    Target,
    plus,
)


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
