"""Each row of the strategy's risk table, on both sides of its edge."""

import pytest

from migrations_portal.risk import Level
from tests.unit.risk.kit import level, rules

LOW = [
    "ALTER TABLE students ADD COLUMN alias text",
    "ALTER TABLE students ADD COLUMN alias text NULL DEFAULT NULL",
    "ALTER TABLE students ADD COLUMN alias text DEFAULT 'x'",
    "ALTER TABLE students ADD COLUMN at timestamptz DEFAULT now()",
    "ALTER TABLE students ADD COLUMN alias free_text",
    "ALTER TABLE students ADD COLUMN a text, ADD COLUMN b integer",
    "CREATE INDEX i ON students (email)",
    "CREATE INDEX CONCURRENTLY i ON students (email)",
    "CREATE UNIQUE INDEX CONCURRENTLY i ON students (email)",
    "DROP INDEX CONCURRENTLY students_age",
    "CREATE TABLE clubs (id integer PRIMARY KEY, name text NOT NULL)",
    "CREATE TABLE clubs (id integer); ALTER TABLE clubs ADD COLUMN a uuid NOT NULL DEFAULT gen_random_uuid()",
    "CREATE TABLE clubs (id integer); ALTER TABLE clubs ALTER COLUMN id TYPE text; DROP TABLE clubs",
    "CREATE TYPE mood AS ENUM ('a', 'b')",
    "ALTER TABLE students ALTER COLUMN email SET DEFAULT 'x'",
    "ALTER TABLE students ADD CONSTRAINT c CHECK (age < 200) NOT VALID",
    "COMMENT ON TABLE students IS 'who learns'",
    "CREATE VIEW young AS SELECT id FROM students",
    "SELECT 1",
]
MEDIUM = [
    "ALTER TABLE students ADD COLUMN alias text NOT NULL DEFAULT ''",
    "ALTER TABLE students ADD COLUMN alias text NOT NULL",
    "ALTER TABLE students ALTER COLUMN email SET NOT NULL",
    "ALTER TABLE students ALTER COLUMN name DROP NOT NULL",
    "ALTER TYPE visit_status ADD VALUE 'missed'",
    "ALTER TABLE students ADD CONSTRAINT c CHECK (age < 200)",
    "ALTER TABLE students ADD CONSTRAINT u UNIQUE (email)",
    "ALTER TABLE students ALTER COLUMN nick TYPE varchar(60)",
    "ALTER TABLE students ALTER COLUMN nick TYPE text",
    "CREATE TABLE clubs (student_id integer REFERENCES students (id))",
    "REINDEX TABLE students",
]
HIGH = [
    "UPDATE students SET age = 1 WHERE id = 5",
    "UPDATE students SET age = 1",
    "UPDATE students SET age = 1 WHERE true",
    "DELETE FROM students WHERE id = 5",
    "INSERT INTO students (id, name) VALUES (1, 'a')",
    "INSERT INTO students (id, name) SELECT id, name FROM schools",
    "ALTER TABLE students DROP COLUMN age",
    "ALTER TABLE students ADD COLUMN key uuid DEFAULT gen_random_uuid()",
    "ALTER TABLE students ADD COLUMN n serial",
    "ALTER TABLE students ADD COLUMN n integer GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE students ADD COLUMN n integer GENERATED ALWAYS AS (age + 1) STORED",
    "ALTER TABLE students ADD COLUMN code short_code",
    "VACUUM FULL students",
    "ALTER TYPE visit_status RENAME VALUE 'done' TO 'over'",
]
CRITICAL = [
    "ALTER TABLE visits ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES students (id)",
    "ALTER TABLE visits ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES students (id) NOT VALID",
    "ALTER TABLE visits DROP CONSTRAINT visits_student_fk",
    "ALTER TABLE students ADD COLUMN club integer REFERENCES schools (id)",
    "ALTER TABLE students RENAME TO pupils",
    "ALTER TABLE students RENAME COLUMN age TO years",
    "ALTER TABLE students SET SCHEMA archive",
    "ALTER TABLE students ALTER COLUMN age TYPE bigint",
    "ALTER TABLE students ALTER COLUMN nick TYPE varchar(40)",
    "DROP TABLE visits",
    "DROP TABLE students CASCADE",
    "TRUNCATE visits",
    "DELETE FROM visits",
    "DROP SCHEMA public CASCADE",
    "ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    "ALTER TABLE students DISABLE TRIGGER ALL",
    "ALTER TABLE students SET UNLOGGED",
    "DO $$ BEGIN EXECUTE 'ALTER TABLE ' || 'students ADD x int'; END $$",
    "DO $$ BEGIN FOR i IN 1..2 LOOP UPDATE students SET age = i; END LOOP; END $$",
    "SELECT do_something_unknown()",
    "CALL unknown_procedure()",
    "ALTER TABLES students ADD x int",
    "SET session_replication_role = replica",
    "DROP DATABASE other",
]


@pytest.mark.parametrize("sql", LOW)
def test_low(sql: str) -> None:
    assert level(sql) is Level.LOW, rules(sql)


@pytest.mark.parametrize("sql", MEDIUM)
def test_medium(sql: str) -> None:
    assert level(sql) is Level.MEDIUM, rules(sql)


@pytest.mark.parametrize("sql", HIGH)
def test_high(sql: str) -> None:
    assert level(sql) is Level.HIGH, rules(sql)


@pytest.mark.parametrize("sql", CRITICAL)
def test_critical(sql: str) -> None:
    assert level(sql) is Level.CRITICAL, rules(sql)


@pytest.mark.parametrize("sql", [*LOW, *MEDIUM, *HIGH, *CRITICAL])
def test_without_a_schema_no_level_is_lower(sql: str) -> None:
    # A type change is not free as long as nobody knows what the type was.
    assert level(sql, schema=None).at_least(level(sql)), rules(sql, schema=None)


@pytest.mark.parametrize(
    ("sql", "since"),
    [
        ("ALTER TABLE students ADD COLUMN a int GENERATED ALWAYS AS (age) VIRTUAL", 18),
        ("ALTER TABLE students ADD CONSTRAINT c CHECK (age < 200) NOT ENFORCED", 18),
        ("ALTER TABLE students ADD CONSTRAINT n NOT NULL email NOT VALID", 18),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON students (email) NULLS NOT DISTINCT", 15),
        ("ALTER TABLE students ALTER COLUMN email SET COMPRESSION lz4", 14),
        ("MERGE INTO students USING visits ON true WHEN MATCHED THEN DELETE", 15),
    ],
)
def test_what_the_server_does_not_know_yet_is_said(sql: str, since: int) -> None:
    assert "too-new" in rules(sql, server_version=since - 1)
    assert "too-new" not in rules(sql, server_version=since)
