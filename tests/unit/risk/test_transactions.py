import pytest

from migrations_portal.risk import Level, ScriptFile, assess
from tests.unit.risk.kit import SCHEMA, assessed, level, rules

NOT_VALID = "ALTER TABLE students ADD CONSTRAINT c CHECK (age < 200) NOT VALID"
VALIDATE = "ALTER TABLE students VALIDATE CONSTRAINT c"
ADD = "ALTER TABLE students ADD COLUMN alias text"
FILL = "UPDATE students SET alias = name WHERE alias IS NULL"


def test_a_schema_change_and_a_backfill_in_one_transaction_are_critical() -> None:
    assert level(f"{ADD}; {FILL}") is Level.CRITICAL
    assert level(f"{ADD}; {FILL}", one_transaction=True) is Level.CRITICAL
    assert level(f"BEGIN; {ADD}; {FILL}; COMMIT", one_transaction=False) is Level.CRITICAL


def test_apart_they_are_high() -> None:
    assert level(f"{ADD}; {FILL}", one_transaction=False) is Level.HIGH
    assert level(f"BEGIN; {ADD}; COMMIT; {FILL}") is Level.HIGH


def test_rows_changed_before_the_lock_are_not_held_through() -> None:
    assert "ddl-and-data-in-one-transaction" not in rules(
        "UPDATE students SET age = 1; CREATE TABLE x (id int)"
    )


def test_a_change_of_one_row_by_its_key_is_no_backfill() -> None:
    one_row = "UPDATE students SET alias = 'a' WHERE id = 7"
    assert level(f"{ADD}; {one_row}") is Level.HIGH


def test_filling_a_table_made_in_the_same_transaction_blocks_nobody() -> None:
    sql = "CREATE TABLE copy (id int); INSERT INTO copy SELECT id FROM students"
    assert "ddl-and-data-in-one-transaction" not in rules(sql)


@pytest.mark.parametrize(
    ("before", "read"),
    [
        ("CREATE TABLE marks (student_id integer);", set()),
        ("CREATE TABLE marks (student_id integer); INSERT INTO marks VALUES (3);", {"students"}),
        ("CREATE TABLE marks AS SELECT 3 AS student_id;", {"students"}),
        ("CREATE TABLE IF NOT EXISTS marks (student_id integer);", {"students"}),
    ],
)
def test_the_key_of_a_table_that_is_new_and_empty_looks_nothing_up(
    before: str, read: set[str]
) -> None:
    schema = None if "IF NOT" in before else SCHEMA
    key = "ALTER TABLE marks ADD FOREIGN KEY (student_id) REFERENCES students (id);"

    last = assessed(before + key, schema=schema).statements[-1]

    assert {name.removeprefix("public.") for name in last.scans} - {"marks"} == read


def test_validating_in_the_transaction_that_adds_the_rule_gains_nothing() -> None:
    assert rules(f"{NOT_VALID}; {VALIDATE}", one_transaction=True) == {
        "add-check-not-valid", "validate-constraint", "not-valid-and-validate-together",
    }  # fmt: skip
    assert level(f"{NOT_VALID}; {VALIDATE}", one_transaction=True) is Level.HIGH
    assert "not-valid-and-validate-together" not in rules(f"BEGIN; {NOT_VALID}; COMMIT; {VALIDATE}")
    assert level(f"BEGIN; {NOT_VALID}; COMMIT; {VALIDATE}") is Level.MEDIUM  # two transactions


def test_two_files_never_share_a_transaction() -> None:
    files = [ScriptFile("1.sql", NOT_VALID, True), ScriptFile("2.sql", VALIDATE, True)]
    assert assess(files, schema=SCHEMA).level is Level.LOW


def test_concurrently_inside_a_transaction_fails() -> None:
    sql = "CREATE INDEX CONCURRENTLY i ON students (email)"
    assert "concurrent-in-transaction" in rules(sql, one_transaction=True)
    assert "concurrent-in-transaction" in rules(f"BEGIN; {sql}; COMMIT")
    assert rules(sql) == rules(sql, one_transaction=False) == set()
    assert "concurrent-in-transaction" in rules("VACUUM students", one_transaction=True)


def test_statements_that_commit_one_by_one_leave_half_a_migration() -> None:
    assert rules(f"{ADD}; {NOT_VALID}", one_transaction=False) == {
        "add-check-not-valid",
        "not-one-transaction",
    }
    assert "not-one-transaction" not in rules(ADD, one_transaction=False)
    assert "not-one-transaction" not in rules(f"{ADD}; {NOT_VALID}", one_transaction=True)
    assert "not-one-transaction" not in rules(
        f"BEGIN; {ADD}; {NOT_VALID}; COMMIT", one_transaction=False
    )


def test_batches_and_concurrent_indexes_are_meant_to_stand_alone() -> None:
    batch = "UPDATE students SET age = 1 WHERE id > {} AND id <= {}"
    batches = "; ".join(batch.format(n, n + 10) for n in range(0, 50, 10))
    assert "not-one-transaction" not in rules(batches, one_transaction=False)
    indexes = "CREATE INDEX CONCURRENTLY i ON students (email); CREATE INDEX CONCURRENTLY j ON visits (note)"
    assert rules(indexes, one_transaction=False) == set()


def test_a_new_enum_value_cannot_be_used_at_once() -> None:
    add = "ALTER TYPE visit_status ADD VALUE 'missed'"
    use = "UPDATE students SET status = 'missed' WHERE id = 1"
    assert "enum-value-used-too-soon" in rules(f"{add}; {use}", one_transaction=True)
    assert "enum-value-used-too-soon" not in rules(f"{add}; {use}", one_transaction=False)
    assert "enum-value-used-too-soon" not in rules(f"BEGIN; {add}; COMMIT; {use}")


def test_a_finding_of_the_transaction_raises_the_statement_it_stands_at() -> None:
    [add, fill] = assessed(f"{ADD};\n{FILL}").statements
    assert (add.level, fill.level, fill.line) == (Level.LOW, Level.CRITICAL, 2)
