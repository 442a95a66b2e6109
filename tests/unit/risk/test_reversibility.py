"""How far a change can be undone: by its opposite, with what was there before, or only from the backup."""

import pytest

from migrations_portal.risk import Level, Reversibility, words
from migrations_portal.risk.reversibility import worst
from tests.unit.risk.kit import assessed, only
from tests.unit.risk.test_sizes_and_way_back import LOSSES, MEASURED

OPPOSITE = """ALTER TABLE students ADD COLUMN called text
ALTER TABLE students ADD CONSTRAINT c CHECK (age < 200) NOT VALID
ALTER TABLE students VALIDATE CONSTRAINT students_age_check
ALTER TABLE students ALTER COLUMN email SET NOT NULL
ALTER TABLE students ENABLE ROW LEVEL SECURITY
ALTER TABLE students RENAME COLUMN email TO mail
ALTER TABLE students SET SCHEMA public
CREATE TABLE made (a int)
CREATE INDEX CONCURRENTLY i ON students (email)
CREATE VIEW grown AS SELECT id FROM students
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE TYPE mood AS ENUM ('calm')
SELECT id FROM students
ANALYZE students
SET lock_timeout = '2s'""".splitlines()
CARE = """DROP INDEX students_age
DROP VIEW adults
ALTER TABLE students DROP CONSTRAINT students_age_check
ALTER TABLE students ALTER COLUMN age TYPE bigint
ALTER TABLE students ALTER COLUMN age SET DEFAULT 1
ALTER TABLE students ADD COLUMN called text, DROP CONSTRAINT students_age_check
ALTER TYPE visit_status ADD VALUE 'moved'
CREATE OR REPLACE VIEW adults AS SELECT id, name FROM students
CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
INSERT INTO schools (id) VALUES (1)
UPDATE students SET email = 'none' WHERE email IS NULL
WITH new AS (INSERT INTO schools (id) VALUES (2) RETURNING id) SELECT id FROM new
GRANT SELECT ON students TO PUBLIC
COMMENT ON TABLE students IS 'pupils'""".splitlines()
UNSEEN = """DO $$ BEGIN EXECUTE 'ALTER TABLE ' || 'students ADD a int'; END $$
SELECT elsewhere()
EXECUTE prepared_elsewhere
ALTER TABLES students ADD a int""".splitlines()


@pytest.mark.parametrize(
    ("grade", "sql"),
    [
        *((Reversibility.GREEN, sql) for sql in OPPOSITE),
        *((Reversibility.YELLOW, sql) for sql in CARE),
        *((Reversibility.UNKNOWN, sql) for sql in UNSEEN),
        *((Reversibility.RED, sql) for sql in LOSSES),
    ],
)
def test_each_statement_has_its_grade(grade, sql) -> None:
    assert assessed(sql, schema=MEASURED).reversibility is grade


@pytest.mark.parametrize("sql", LOSSES)
def test_destroyed_data_is_at_least_high(sql) -> None:
    risks = assessed(sql, schema=MEASURED).statements
    red = [each for each in risks if each.reversibility is Reversibility.RED]
    assert red
    assert all(each.level.at_least(Level.HIGH) for each in red)


def test_the_whole_is_as_bad_as_its_worst_statement() -> None:
    found = assessed(
        f"{OPPOSITE[0]}; {CARE[0]}; ALTER TABLE students DROP COLUMN nick; {OPPOSITE[7]}"
    )
    grades = [each.reversibility.value for each in found.statements]
    assert grades == ["GREEN", "YELLOW", "RED", "GREEN"]
    assert found.as_json()["reversibility"] == "RED"
    assert worst([]) is Reversibility.GREEN


def test_the_words_name_the_statements_that_decide() -> None:
    sql = f"{OPPOSITE[0]};\nALTER TABLE students DROP COLUMN nick;\nDELETE FROM visits;"
    stored = assessed(sql).as_json()["statements"]
    said = words.reversibility(stored, where=lambda each: f"line {each['line']}")
    assert said is not None
    assert (said["grade"], said["title"]) == ("RED", "Cannot be undone without the backup")
    assert said["sentence"].startswith("Only the backup brings the data back: line 2; line 3.")


def test_what_was_stored_before_there_were_grades_is_read() -> None:
    assert words.reversibility_of({"irreversible": True}) is Reversibility.RED
    assert words.reversibility_of({"irreversible": False}) is None
    assert words.reversibility([{"irreversible": False}], where=str) is None


def test_a_way_back_that_takes_data_away_says_so() -> None:
    risk = only("ALTER TABLE students DROP COLUMN nick").as_json()
    assert (
        words.sentences(risk, back=True)["way_back"]
        == "Takes data away: only a backup brings it back"
    )
    assert words.sentences(risk)["way_back"].startswith("Cannot be undone")
