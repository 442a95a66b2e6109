import pytest

from migrations_portal.risk import (
    Level,
    RelationSize,
    Reversibility,
    ScriptFile,
    assess,
    schema_from_dump,
)
from tests.unit.risk.kit import SCHEMA, SCHEMA_SQL, assessed

GB = 1_000_000_000


def _sized(size: int, rows: int = 1_000_000):
    sizes = {"public.students": RelationSize(rows, size), "public.visits": RelationSize(rows, size)}
    return schema_from_dump(SCHEMA_SQL, sizes=sizes)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (10_000_000, Level.MEDIUM),
        (GB, Level.MEDIUM),
        (4 * GB, Level.HIGH),
        (40 * GB, Level.CRITICAL),
    ],
)
def test_a_scan_under_a_blocking_lock_is_as_bad_as_it_is_long(size: int, expected: Level) -> None:
    assert (
        assessed("ALTER TABLE students ALTER COLUMN email SET NOT NULL", schema=_sized(size)).level
        is expected
    )


def test_an_index_is_low_until_its_table_is_large() -> None:
    sql = "CREATE INDEX i ON students (email)"
    assert assessed(sql, schema=_sized(100_000_000)).level is Level.LOW
    assert assessed(sql, schema=_sized(4 * GB)).level is Level.HIGH
    assert (
        assessed(sql.replace("INDEX", "INDEX CONCURRENTLY", 1), schema=_sized(40 * GB)).level
        is Level.LOW
    )


def test_the_prediction_is_said_with_its_interval() -> None:
    found = assessed(
        "ALTER TABLE students ADD COLUMN k uuid DEFAULT gen_random_uuid()",
        schema=_sized(GB, 4_200_000),
    )
    [message] = [f.message for f in found.statements[0].findings if f.rule == "predicted-blocking"]
    assert message == (
        "Predicted: reads and writes on public.students wait for about 13 s (8 s to 33 s), because it rewrites 4,200,000 rows."
    )


def test_locks_add_up_through_the_transaction() -> None:
    sql = "ALTER TABLE students ADD COLUMN a text; ALTER TABLE visits VALIDATE CONSTRAINT c"
    schema = schema_from_dump(
        SCHEMA_SQL + "ALTER TABLE visits ADD CONSTRAINT c CHECK (id > 0) NOT VALID;",
        sizes={"public.visits": RelationSize(1, 4 * GB)},
    )
    together = assessed(sql, schema=schema, one_transaction=True)
    assert together.level is Level.HIGH
    assert [f.rule for f in together.statements[1].findings] == [
        "validate-constraint",
        "transaction-holds-locks",
    ]
    assert assessed(sql.split(";")[1], schema=schema).level is Level.LOW


def _there_and_back(up: str, down: str):
    found = assess([ScriptFile("up.sql", up)], down=[ScriptFile("down.sql", down)], schema=SCHEMA)
    return found, {finding.rule for finding in found.findings}


def test_a_clean_way_back_says_nothing() -> None:
    found, rules = _there_and_back(
        "ALTER TABLE students ADD a text; CREATE TABLE clubs (id serial PRIMARY KEY); CREATE INDEX i ON clubs (id);"
        "CREATE TYPE mood AS ENUM ('a'); ALTER TABLE students RENAME TO pupils",
        "ALTER TABLE pupils RENAME TO students; DROP TYPE mood; DROP TABLE clubs; ALTER TABLE students DROP COLUMN a",
    )
    assert rules == set()
    assert [s.file for s in found.down] == ["down.sql"] * 4


def test_what_is_left_or_missing_is_named() -> None:
    found, rules = _there_and_back(
        "ALTER TABLE students ADD a text; DROP INDEX students_age", "SELECT 1"
    )
    assert rules == {"down-differs"}
    [message] = [f.message for f in found.findings]
    assert "column public.students.a text is left" in message
    assert "index students_age on public.students is missing" in message


def test_a_dropped_column_cannot_come_back() -> None:
    _, rules = _there_and_back(
        "ALTER TABLE students DROP COLUMN email", "ALTER TABLE students ADD COLUMN email text"
    )
    assert rules == {"lossy-down"}


LOSSES = """DELETE FROM visits WHERE id = 1
UPDATE students SET email = lower(email)
UPDATE students SET age = 1 WHERE age = 2
UPDATE students SET email = 'a', age = 1 WHERE email IS NULL
INSERT INTO students (id, email) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET email = 'b'
MERGE INTO students s USING visits v ON v.id = s.id WHEN MATCHED THEN UPDATE SET age = 1
MERGE INTO students s USING visits v ON v.id = s.id WHEN MATCHED THEN DELETE
WITH gone AS (DELETE FROM visits RETURNING id) SELECT count(*) FROM gone
DO $$ BEGIN UPDATE students SET age = 1; END $$
TRUNCATE visits
DROP TABLE visits
DROP SCHEMA public CASCADE
DROP OWNED BY CURRENT_USER
DROP DATABASE old
ALTER TABLE students DROP COLUMN email
ALTER TABLE students ALTER COLUMN email TYPE varchar(5) USING email::varchar(5)
ALTER TABLE students ALTER COLUMN email TYPE text USING ''
ALTER TABLE students ALTER COLUMN email TYPE integer USING length(email)
ALTER TABLE measured ALTER COLUMN at TYPE date
ALTER TABLE measured ALTER COLUMN at TYPE timestamptz(0)
ALTER TABLE measured ALTER COLUMN exact TYPE numeric(10,1)
ALTER TABLE measured ALTER COLUMN exact TYPE integer
ALTER TABLE measured ALTER COLUMN exact TYPE float8
ALTER TABLE measured ALTER COLUMN rough TYPE real""".splitlines()
KEEPS = """ALTER TABLE students ADD COLUMN called text; UPDATE students SET called = email
UPDATE students SET email = 'none' WHERE email IS NULL
INSERT INTO students (id, email) VALUES (1, 'a') ON CONFLICT (id) DO NOTHING
MERGE INTO students s USING visits v ON v.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (v.id)
CREATE TABLE made (a int); INSERT INTO made VALUES (1); UPDATE made SET a = 2; DROP TABLE made
ALTER TABLE students ALTER COLUMN age TYPE bigint
ALTER TABLE students ALTER COLUMN age TYPE varchar(50) USING age::varchar(50)
ALTER TABLE measured ALTER COLUMN exact TYPE numeric(12,3)
ALTER TABLE measured ALTER COLUMN rough TYPE text
REASSIGN OWNED BY CURRENT_USER TO CURRENT_USER
DROP INDEX students_age
SELECT * FROM students""".splitlines()
MEASURED = schema_from_dump(
    SCHEMA_SQL
    + "CREATE TABLE public.measured (at timestamptz, exact numeric(10,2), rough double precision);"
)


def lost(sql: str) -> bool:
    said = assessed(sql, schema=MEASURED)
    return said.reversibility is Reversibility.RED


@pytest.mark.parametrize("sql", LOSSES)
def test_what_no_way_back_brings_back_is_found(sql) -> None:
    assert lost(sql)


@pytest.mark.parametrize("sql", KEEPS)
def test_what_loses_no_value_is_not_called_lost(sql) -> None:
    assert not lost(sql)


def test_no_way_back_is_said_but_raises_nothing() -> None:
    found = assessed("ALTER TABLE students ADD a text")
    assert ([f.rule for f in found.findings], found.level) == (["missing-down"], Level.LOW)


def test_a_way_back_that_cannot_be_read_is_high() -> None:
    found, rules = _there_and_back(
        "ALTER TABLE students ADD a text", "ALTER TABLES students DROP a"
    )
    assert (rules, found.level) == ({"down-not-understood"}, Level.HIGH)


def test_the_json_has_the_agreed_keys() -> None:
    said = assessed(
        "ALTER TABLE students ALTER COLUMN email SET NOT NULL", phi_tables=["students"]
    ).as_json()
    assert (said["level"], said["phi"]) == ("MEDIUM", True)
    [statement] = said["statements"]
    assert {key: statement[key] for key in ("file", "line", "level", "locks", "rewrites", "scans")} == {
        "file": "a.sql", "line": 1, "level": "MEDIUM", "locks": {"public.students": "AccessExclusiveLock"},
        "rewrites": [], "scans": ["public.students"],
    }  # fmt: skip
    assert set(statement["findings"][0]) == {"rule", "level", "message", "advice", "safe_sql"}
