"""Statements that wait without queueing anybody get more time for their lock; all others keep the short limit."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg

from migrations_portal.execution.ports import ChildResult
from tests.contracts.drivers.kit import STUDENTS, Tool
from tests.driver_kit import LIMITS, Target, plus

PATIENT = replace(
    LIMITS,
    statement_timeout_ms=2_500,
    patient_lock_timeout_ms=15_000,
    patient_statement_timeout_ms=15_000,
)
TABLE = [STUDENTS, "ALTER TABLE students ADD CONSTRAINT positive CHECK (id > 0) NOT VALID"]
INDEX = "CREATE INDEX CONCURRENTLY by_ssn ON students (ssn)"
VALIDATE = "ALTER TABLE students VALIDATE CONSTRAINT positive"
SET_BACK = """DO $$ BEGIN
  IF current_setting('lock_timeout') <> '250ms' OR current_setting('statement_timeout') <> '2500ms' THEN RAISE 'too patient'; END IF;
END $$"""

WAITED_LONG = """
SELECT pid FROM pg_stat_activity
 WHERE wait_event_type = 'Lock' AND application_name = 'wcops-7-3' AND clock_timestamp() - query_start > '3 s'
"""


def _let_go(target: Target, session: psycopg.Connection, over: threading.Event) -> None:
    """End the transaction once somebody has waited for it for longer than either of the short limits."""
    while not over.wait(0.2):
        if target.rows(WAITED_LONG):
            session.commit()
            return


@contextmanager
def in_the_way(target: Target, sql: str) -> Iterator[None]:
    """Hold a transaction open while the block lasts, or until a statement proves to be patient."""
    over = threading.Event()
    with psycopg.connect(
        host=target.endpoint.host,
        port=target.endpoint.port,
        user=target.endpoint.user,
        password=target.endpoint.password,
        dbname=target.endpoint.database,
    ) as session:
        session.execute(sql.encode())
        looking = threading.Thread(target=_let_go, args=(target, session, over))
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()


def carried_out(
    tool: Tool, target: Target, way: list[str], *, transaction: bool, held: str
) -> ChildResult:
    first = tool.write(1, TABLE, [], True)
    second = tool.write(2, way, [], transaction)
    bundle = plus(tool.bundle, first, second)
    tool.driver.up(target.endpoint, bundle, name=first.name, limits=LIMITS)
    with in_the_way(target, held):
        return tool.driver.up(target.endpoint, bundle, name=second.name, limits=PATIENT)


WRITES = "INSERT INTO students VALUES (1, 'a')"
MAINTAINS = "LOCK TABLE students IN SHARE UPDATE EXCLUSIVE MODE"


def test_an_index_beside_the_traffic_outwaits_an_older_transaction(
    tool: Tool, target: Target
) -> None:
    result = carried_out(tool, target, [INDEX, SET_BACK], transaction=False, held=WRITES)

    assert (result.exit_code, result.sqlstate) == (0, ""), result.output
    assert [sent.sql for sent in result.statements if "_timeout =" in sent.sql] == []
    assert target.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_ssn'::regclass") == [
        {"indisvalid": True}
    ]


def test_a_validation_outwaits_maintenance_when_its_transaction_has_done_nothing_yet(
    tool: Tool, target: Target
) -> None:
    result = carried_out(tool, target, [VALIDATE, SET_BACK], transaction=True, held=MAINTAINS)

    assert (result.exit_code, result.sqlstate) == (0, ""), result.output


def test_a_transaction_that_holds_locks_already_is_not_made_to_wait_with_them(
    tool: Tool, target: Target
) -> None:
    way = ["CREATE TABLE later (id integer)", VALIDATE]

    result = carried_out(tool, target, way, transaction=True, held=MAINTAINS)

    assert (result.exit_code != 0, result.sqlstate) == (True, "55P03"), result.output


def test_a_file_that_sets_its_own_limit_keeps_it(tool: Tool, target: Target) -> None:
    way = ["SET lock_timeout = '100ms'", VALIDATE]

    result = carried_out(tool, target, way, transaction=True, held=MAINTAINS)

    assert (result.exit_code != 0, result.sqlstate) == (True, "55P03"), result.output
