import pytest

from migrations_portal.risk import Level
from tests.unit.risk.kit import assessed, level

TOUCHING = [
    "ALTER TABLE students ADD COLUMN a text",
    'ALTER TABLE public."students" ADD COLUMN a text',
    "CREATE INDEX i ON students (email)",
    "ALTER TABLE students RENAME TO pupils",
    "SELECT * FROM students",
    "CREATE OR REPLACE VIEW adults AS SELECT id, name FROM students",
    "DROP VIEW adults",
    "GRANT SELECT ON adults TO reporter",
    "ALTER TABLE visits ADD COLUMN a text",
    "CREATE TABLE copy AS SELECT * FROM students",
    "CREATE TABLE notes (student_id integer REFERENCES students (id))",
    "ALTER TABLE schools RENAME TO old; ALTER TABLE old RENAME TO schools2; UPDATE students SET age = 1",
]
APART = [
    "ALTER TABLE schools ADD COLUMN a text",
    "CREATE TABLE notes (id integer)",
    "SELECT * FROM schools",
]


@pytest.mark.parametrize("tagged", ["students", "public.students"])
@pytest.mark.parametrize("sql", TOUCHING)
def test_tagged_tables_views_over_them_and_foreign_keys_into_them_are_phi(
    sql: str, tagged: str
) -> None:
    assert assessed(sql, phi_tables=[tagged]).phi


@pytest.mark.parametrize("sql", APART)
def test_other_tables_are_not(sql: str) -> None:
    assert not assessed(sql, phi_tables=["students", "elsewhere.schools"]).phi


@pytest.mark.parametrize("sql", TOUCHING)
def test_nothing_is_phi_where_nothing_is_tagged(sql: str) -> None:
    assert not assessed(sql).phi


def test_a_table_that_is_only_known_by_its_name_is_phi() -> None:
    assert assessed(
        "ALTER TABLE consents ADD a text", schema=None, phi_tables=["consents"]
    ).phi_tables == ("public.consents",)


def test_a_new_table_of_a_tagged_name_is_phi() -> None:
    assert assessed("CREATE TABLE consents (id integer)", phi_tables=["consents"]).phi


def test_a_partition_of_a_tagged_table_is_phi() -> None:
    assert assessed(
        "ALTER TABLE events_2024 ADD CONSTRAINT c CHECK (id > 0)", phi_tables=["events"]
    ).phi


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE students ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON students USING (true)",
        "GRANT SELECT ON students TO reporter",
        "GRANT SELECT ON adults TO PUBLIC",
        "CREATE PUBLICATION feed FOR TABLE students",
        "COPY students TO STDOUT",
    ],
)
def test_who_sees_phi_and_where_it_goes_is_critical(sql: str) -> None:
    assert level(sql, phi_tables=["students"]) is Level.CRITICAL
    assert level(sql) is not Level.CRITICAL


def test_the_level_of_a_nullable_column_does_not_depend_on_phi() -> None:
    found = assessed("ALTER TABLE students ADD COLUMN a text", phi_tables=["students"])
    assert (found.level, found.phi) == (Level.LOW, True)
