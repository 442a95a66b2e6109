"""What looks harmless and is not: limits of the run switched off, waits, conditions that are none, files in several parts."""

import pytest

from migrations_portal.execution.rules import LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS
from migrations_portal.risk import RULES, Level, schema_from_dump
from migrations_portal.risk.handlers.session import GUARDS
from tests.unit.risk.kit import level, only, rules

EVENTS = schema_from_dump(
    """
CREATE TABLE public.ev (id integer NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE public.ev_def (id integer NOT NULL, at date NOT NULL);
ALTER TABLE ONLY public.ev ATTACH PARTITION public.ev_def DEFAULT;
"""
)


@pytest.mark.parametrize(
    "sql",
    [
        "SET lock_timeout = 0",
        "SET lock_timeout = '1h'",
        "SET LOCAL lock_timeout = '0.5s'",
        "SET SESSION lock_timeout TO 251",
        "SET lock_timeout TO DEFAULT",
        "SET statement_timeout = 0",
        "SET statement_timeout = '16min'",
        "SET idle_in_transaction_session_timeout = '5s'",
        "SET client_connection_check_interval = 0",
        "RESET lock_timeout",
        "RESET ALL",
        "DISCARD ALL",
        "SELECT set_config('lock_timeout', '0', false)",
        "SELECT set_config('LOCK_TIMEOUT', '1min', true)",
        "SELECT set_config('lock_' || 'timeout', '0', false)",
        "DO $$ BEGIN SET lock_timeout = 0; END $$",
        "DO $$ BEGIN PERFORM set_config('statement_timeout', '0', false); END $$",
    ],
)
def test_a_file_that_takes_the_limits_of_its_run_away_is_high(sql):
    assert "guard-changed" in rules(sql)
    assert level(sql).at_least(Level.HIGH)


@pytest.mark.parametrize(
    "sql",
    [
        "SET lock_timeout = '250ms'",
        "SET LOCAL lock_timeout = 50",
        "SET lock_timeout = '0.2s'",
        "SET statement_timeout = '15 min'",
        "SET search_path = public",
        "RESET search_path",
        "DISCARD TEMP",
        "SELECT set_config('lock_timeout', '100', true)",
    ],
)
def test_a_stricter_limit_is_welcome(sql):
    assert "guard-changed" not in rules(sql)


def test_a_stricter_limit_is_one_below_the_runs_own():
    assert GUARDS["lock_timeout"] == LOCK_TIMEOUT_MS
    assert GUARDS["statement_timeout"] == STATEMENT_TIMEOUT_MS


@pytest.mark.parametrize(
    "where",
    [
        "",
        "USING schools",
        "USING schools WHERE schools.name = 'North'",
        "USING schools s WHERE true",
        "WHERE NOT false",
        "WHERE NOT (1 = 2)",
        "WHERE 1 = 1 OR name = 'Ana'",
        "WHERE (1 = 1) IS TRUE",
        "WHERE id = id",
        "WHERE students.id >= id",
        "WHERE id IS NOT NULL",
        "WHERE NOT id IS NULL",
        "WHERE name LIKE '%'",
        "WHERE ctid IS NOT NULL",
        "WHERE id IN (SELECT id FROM students)",
        "WHERE id IN (SELECT s.id FROM public.students s)",
        "WHERE EXISTS (SELECT 1)",
        "WHERE EXISTS (SELECT 1 FROM students)",
    ],
)
def test_a_where_that_every_row_meets_is_none(where):
    sql = f"DELETE FROM students {where}"  # noqa: S608  # read by the engine, never run

    assert "delete-all-rows" in rules(sql)
    assert level(sql) == Level.CRITICAL


@pytest.mark.parametrize(
    "where",
    [
        "WHERE NOT true",
        "WHERE 1 = 2",
        "WHERE email = email",
        "WHERE email IS NOT NULL",
        "WHERE id = id AND name = 'Ana'",
        "WHERE id <> id",
        "WHERE name LIKE '%a'",
        "WHERE id IN (SELECT id FROM students WHERE age > 20)",
        "WHERE id IN (SELECT id FROM students LIMIT 10)",
        "WHERE id IN (SELECT id FROM students TABLESAMPLE system (5))",
        "WHERE id IN (SELECT id FROM schools)",
        "WHERE id IN (SELECT id FROM students UNION SELECT 1 EXCEPT SELECT 2)",
        "WHERE id NOT IN (SELECT id FROM students)",
        "WHERE EXISTS (SELECT 1 FROM schools)",
        "WHERE EXISTS (SELECT 1 LIMIT 0)",
        "WHERE EXISTS (SELECT 1 WHERE school_id = 3)",
        "USING schools WHERE school_id = schools.id",
        "USING schools WHERE EXISTS (SELECT 1 FROM visits WHERE student_id = students.id)",
    ],
)
def test_a_where_that_may_choose_is_one(where):
    sql = f"DELETE FROM students {where}"  # noqa: S608  # read by the engine, never run

    assert "delete-rows" in rules(sql)


def test_an_update_of_every_row_is_found_behind_a_condition_too():
    assert "update-all-rows" in rules("UPDATE students SET age = 1 WHERE id = id")
    assert "update-all-rows" in rules("UPDATE students SET age = 1 FROM schools")
    joined = "UPDATE students SET age = 1 FROM schools WHERE schools.id = school_id"
    assert "update-rows" in rules(joined)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE pg_class SET relname = 'x' WHERE relname = 'students'",
        "DELETE FROM pg_catalog.pg_attribute WHERE attnum > 3",
        "INSERT INTO pg_depend SELECT * FROM pg_depend",
    ],
)
def test_changing_the_catalogue_by_hand_is_critical(sql):
    assert "system-catalogue" in rules(sql)
    assert level(sql) == Level.CRITICAL


def test_reading_the_catalogue_is_no_change_and_no_missing_table():
    assert rules("SELECT relname FROM pg_class") == set()


@pytest.mark.parametrize(
    "call",
    ["pg_sleep(100)", "pg_sleep_for('5 minutes')", "pg_advisory_lock(1)", "pg_catalog.pg_sleep(1)"],
)
def test_waiting_on_purpose_is_said(call):
    assert "waits-on-purpose" in rules(f"SELECT {call}")
    assert "waits-on-purpose" in rules(f"DO $$ BEGIN PERFORM {call}; END $$")


def test_trying_for_an_advisory_lock_does_not_wait():
    assert "waits-on-purpose" not in rules("SELECT pg_try_advisory_lock(1)")


def test_a_new_partition_beside_a_default_one_is_more_than_low():
    attach = """CREATE TABLE ev_27 (LIKE ev INCLUDING ALL);
        ALTER TABLE ev ATTACH PARTITION ev_27 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')"""

    assert "new-partition-reads-default" in rules(attach, schema=EVENTS)
    assert level(attach, schema=EVENTS) == Level.MEDIUM


def test_moving_an_index_to_another_disk_is_high():
    assert rules("ALTER INDEX students_age SET TABLESPACE fast") == {"index-tablespace"}
    assert only("ALTER INDEX students_age SET TABLESPACE fast").level == Level.HIGH


@pytest.mark.parametrize(
    ("index", "unfit"),
    [
        ("CREATE INDEX CONCURRENTLY k ON students (email)", True),
        ("CREATE UNIQUE INDEX CONCURRENTLY k ON students (lower(email))", True),
        ("CREATE UNIQUE INDEX CONCURRENTLY k ON students (email) WHERE age > 3", True),
        ("CREATE UNIQUE INDEX CONCURRENTLY k ON students (email)", False),
    ],
)
def test_an_index_that_cannot_become_a_key_is_named(index, unfit):
    said = rules(f"{index}; ALTER TABLE students ADD CONSTRAINT k UNIQUE USING INDEX k")

    assert ("key-index-unfit" in said) is unfit


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN; ALTER TABLE students ADD q int; COMMIT; ALTER TABLE students ADD r int",
        "BEGIN; ALTER TABLE students ADD q int; COMMIT; BEGIN; ALTER TABLE students ADD r int; COMMIT",
        "ALTER TABLE students ADD q int; COMMIT; ALTER TABLE students ADD r int",
        "CREATE INDEX CONCURRENTLY i ON students (nick); UPDATE students SET age = 1 WHERE id = 1",
    ],
)
@pytest.mark.parametrize("known", [None, False])
def test_a_file_that_commits_in_parts_is_said(sql, known):
    assert "not-one-transaction" in rules(sql, one_transaction=known)
    assert level(sql, one_transaction=known).at_least(RULES["not-one-transaction"].level)


def test_a_commit_ends_the_transaction_of_a_tool_too():
    sql = "ALTER TABLE students ADD q int; COMMIT; ALTER TABLE students ADD r int"

    assert "not-one-transaction" in rules(sql, one_transaction=True)


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN; ALTER TABLE students ADD q int; ALTER TABLE students ADD r int; COMMIT",
        "ALTER TABLE students ADD q int; ALTER TABLE students ADD r int",
        "CREATE INDEX CONCURRENTLY i ON students (nick); DROP INDEX CONCURRENTLY students_age",
        "BEGIN; UPDATE students SET age = 1 WHERE id = 1; COMMIT; BEGIN; UPDATE students SET age = 1 WHERE id = 2; COMMIT",
    ],
)
def test_a_file_that_is_one_transaction_or_means_its_parts_is_not(sql):
    assert "not-one-transaction" not in rules(sql)
