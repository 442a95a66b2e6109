"""A write is told from a read; a function that may change something counts as a write."""

import pytest

from migrations_portal.adapters.socket_door_record import Outcome
from migrations_portal.adapters.sql_text import statements


def writes(sql: str, *, tag: str = "SELECT 1") -> bool:
    (statement,) = statements(sql)
    return statement.writes(tag=tag)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT bump()",
        "SELECT id FROM students WHERE bump() > 0",
        "SELECT public.lower('A')",
        "VALUES (bump())",
        "EXECUTE prepared",
        "EXECUTE prepared (1)",
        "DECLARE c CURSOR FOR SELECT bump()",
        "EXPLAIN ANALYZE SELECT bump()",
        "SELECT setval('students_id_seq', 7)",
        "SELECT nextval('students_id_seq')",
        "SELECT lo_unlink(4711)",
        "SELECT dblink_exec('dbname=other', 'DELETE FROM students')",
        "SELECT pg_notify('work', 'now')",
        "NOTIFY work",
        "COPY (SELECT bump()) TO STDOUT",
        "WITH a AS (SELECT bump() AS b) SELECT * FROM a",
        "SELECT 'no SQL",
        "SELECT FROM WHERE (",
    ],
)
def test_what_may_change_something_is_a_write(sql: str) -> None:
    assert writes(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*), max(id), coalesce(lower(name), 'x') FROM students",
        "SELECT pg_catalog.format_type(atttypid, atttypmod) FROM pg_attribute",
        "SELECT to_regclass('a') IS NOT NULL",
        "SELECT pg_sleep(1), random(), clock_timestamp()",
        "SELECT set_config('search_path', '', false)",
        "SELECT id FROM students FOR UPDATE",
        "VALUES (1, 'a'), (2, 'b')",
        "PREPARE prepared AS SELECT bump()",
        "EXPLAIN SELECT bump()",
        "DECLARE c CURSOR FOR SELECT id FROM students",
        "FETCH ALL FROM c",
        "SET lock_timeout = 1000",
        "SHOW lock_timeout",
        "BEGIN",
        "COPY students TO STDOUT",
    ],
)
def test_what_only_reads_is_none(sql: str) -> None:
    assert not writes(sql)


def test_a_change_that_met_no_row_is_a_write_only_when_it_called_something() -> None:
    assert not writes("UPDATE students SET name = lower(name) WHERE id = 0", tag="UPDATE 0")
    assert writes("UPDATE students SET name = '' WHERE bump() < 0", tag="UPDATE 0")


def carried_out(*sqls: str) -> Outcome:
    """Play statements in one transaction that is rolled back; the last is refused by the server."""
    outcome = Outcome(bookkeeping="history")
    *done, refused = [statements(sql)[0] for sql in ("BEGIN", *sqls)]
    for each in done:
        outcome.done(each, tag=each.verb)
        outcome.ready(b"T")
    outcome.failed(refused)
    outcome.ready(b"E")
    outcome.done(statements("ROLLBACK")[0], tag="ROLLBACK")
    outcome.ready(b"I")
    return outcome


def test_a_rollback_takes_back_what_a_function_wrote_but_not_a_sequence_that_was_set() -> None:
    assert carried_out("SELECT bump()", "SELECT 1/0").committed == []
    assert carried_out("SELECT setval('a', 7)", "SELECT 1/0").committed == [
        "SELECT setval('…', '…')"
    ]
    body = "DO $$ BEGIN PERFORM setval('a', 7); END $$"
    assert len(carried_out(body, "SELECT 1/0").committed) == 1


def test_a_refused_statement_that_set_a_sequence_leaves_the_outcome_open() -> None:
    assert carried_out("SELECT setval('a', 7), 1/0").unknown
    assert not carried_out("SELECT bump(), 1/0").unknown


def test_a_change_of_the_tools_own_table_counts_when_it_calls_something() -> None:
    outcome = Outcome(bookkeeping="history")
    for sql in ("INSERT INTO history VALUES ('a')", "INSERT INTO history SELECT bump()"):
        outcome.done(statements(sql)[0], tag="INSERT 0 1")
        outcome.ready(b"I")
    assert outcome.committed == ["INSERT INTO history SELECT bump()"]
