"""The spec's verification queries on a real server: each kind of damage is found, and only new damage fails."""

import os
import threading
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from migrations_portal.adapters.postgres import PostgresServer
from migrations_portal.execution.row_changes import RowChange
from migrations_portal.monitoring.probes import take_sample
from migrations_portal.targets.ports import Endpoint
from migrations_portal.verification import catalogue
from migrations_portal.verification.row_counts import RowsExpected
from migrations_portal.verification.rules import Baseline, CheckResult, PlanCheck

SCHEMA = """
CREATE TABLE schools (district int, code int, PRIMARY KEY (district, code));
CREATE TABLE students (id serial PRIMARY KEY, ssn text NOT NULL, district int, code int, "createdAt" timestamptz NOT NULL,
  CONSTRAINT student_school FOREIGN KEY (district, code) REFERENCES schools);
CREATE INDEX ON students (code, district);
INSERT INTO schools VALUES (1, 1), (1, 2);
INSERT INTO students (ssn, district, code, "createdAt")
  SELECT '123-45-' || n, 1, 1 + n % 2, timestamptz '2026-01-01' + n * interval '1 day' FROM generate_series(1, 100) n;
INSERT INTO students (ssn, district, code, "createdAt") VALUES ('half', 9, NULL, '2026-02-01');
"""
COUNTS = {"public.students": 101, "public.schools": 2}


class Clinic:
    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.deleted_before: dict[str, int] = {"public.students": 10_000}
        """A counter that was reset since, so that no loss can be laid at the application's door."""

    def run(self, statement: str) -> None:
        with psycopg.connect(
            os.environ["WCO_TEST_PG_DSN"], dbname=self.endpoint.database, autocommit=True
        ) as session:
            session.execute(statement.encode())

    def baseline(self) -> Baseline:
        with PostgresServer().session(self.endpoint, application_name="wcops-1-1") as session:
            return catalogue.take_baseline(session, tables=["students"])

    def verify(
        self,
        baseline: Baseline,
        *checks: PlanCheck,
        own: RowChange | None = None,
        announced: tuple[str, ...] = (),
    ) -> dict[str, CheckResult]:
        """Verify; unless told otherwise the application deleted nothing meanwhile."""
        changed = (own,) if own else ()
        with PostgresServer().session(self.endpoint, application_name="wcops-1-1") as session:
            results = catalogue.verify(
                session,
                baseline=baseline,
                expected=RowsExpected(
                    counts=COUNTS,
                    changed=changed,
                    tried=changed,
                    announced=frozenset(announced),
                    deleted_before=self.deleted_before,
                ),
                affected=["students"],
                checks=checks,
            )
        return {each.key: each for each in results}


@pytest.fixture
def clinic() -> Iterator[Clinic]:
    parts = conninfo_to_dict(os.environ["WCO_TEST_PG_DSN"])
    home = Endpoint(
        str(parts["host"]),
        int(str(parts["port"])),
        "postgres",
        str(parts["user"]),
        str(parts["password"]),
    )
    clinic = Clinic(home.on(f"wco_verify_{uuid.uuid4().hex[:12]}"))
    PostgresServer().create_database(clinic.endpoint)
    clinic.run(SCHEMA)
    yield clinic
    PostgresServer().drop_database(clinic.endpoint)


def test_a_healthy_target_passes_everything(clinic: Clinic) -> None:
    results = clinic.verify(
        clinic.baseline(), PlanCheck("students", "SELECT count(*) FROM students", "101")
    )

    assert [each.sentence for each in results.values() if not each.passed] == []
    assert len(results) == 11


def test_a_baseline_survives_json(clinic: Clinic) -> None:
    baseline = clinic.baseline()

    assert Baseline.from_json(baseline.as_json()) == baseline


DAMAGE = {
    "foreign-keys": (
        "SET session_replication_role = replica; UPDATE students SET code = 77 WHERE id = 5",
        "public.students.student_school (1 rows)",
    ),
    "row-count": ("DELETE FROM students WHERE id BETWEEN 10 AND 40", "31 are missing"),
    "foreign-key-indexes": (
        "CREATE TABLE visits (student int REFERENCES students); CREATE INDEX ON visits ((student + 1))",
        "public.visits.visits_student_fkey",
    ),
    "tables": (
        "ALTER TABLE students DROP CONSTRAINT student_school; DROP TABLE schools",
        "public.schools",
    ),
    "sequences": ("SELECT setval('students_id_seq', 3)", "public.students.id"),
    "invalid-indexes": (
        (
            "CREATE INDEX broken ON students (ssn);"
            " UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass"
        ),
        "public.broken",
    ),
    "not-null": (
        (
            "ALTER TABLE students ALTER COLUMN ssn DROP NOT NULL; UPDATE students SET ssn = NULL WHERE id < 4;"
            " UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'students'::regclass AND attname = 'ssn'"
        ),
        "public.students (3 rows)",
    ),
}


@pytest.mark.parametrize("key", list(DAMAGE))
def test_damage_by_the_run_fails_and_is_named(clinic: Clinic, key: str) -> None:
    damage, named = DAMAGE[key]
    baseline = clinic.baseline()
    clinic.run(damage)

    result = clinic.verify(baseline)[key]

    assert (result.passed, result.severity) == (False, "fail")
    assert named in result.sentence


@pytest.mark.parametrize("key", ["foreign-key-indexes", "sequences", "invalid-indexes"])
def test_damage_from_before_the_run_is_only_a_warning(clinic: Clinic, key: str) -> None:
    clinic.run(DAMAGE[key][0])

    result = clinic.verify(clinic.baseline())[key]

    assert (result.passed, result.severity) == (False, "warning")


def test_an_announced_change_is_what_is_expected(clinic: Clinic) -> None:
    baseline = clinic.baseline()
    clinic.run("DELETE FROM students WHERE id BETWEEN 40 AND 49")
    ours = RowChange("students", deleted=10)

    assert clinic.verify(baseline, own=ours, announced=("students",))["row-count"].passed
    unannounced = clinic.verify(baseline, own=ours)["row-count"]
    assert (unannounced.passed, unannounced.severity) == (False, "fail")
    one_more = clinic.verify(
        baseline, own=RowChange("students", deleted=9), announced=("students",)
    )["row-count"]
    assert (one_more.passed, one_more.severity) == (False, "fail")


def test_what_the_application_deleted_itself_is_told_and_does_not_fail(clinic: Clinic) -> None:
    baseline = clinic.baseline()
    clinic.deleted_before = {}
    clinic.run("DELETE FROM students WHERE id BETWEEN 40 AND 49")  # its session ends, and reports

    result = clinic.verify(baseline)["row-count"]

    assert (result.passed, result.severity) == (False, "warning")
    assert "10 fewer, and the application deleted 10 meanwhile" in result.sentence


def test_a_deleted_oldest_record_is_noticed_without_showing_when_it_was(clinic: Clinic) -> None:
    baseline = clinic.baseline()
    clinic.run("DELETE FROM students WHERE id = 1")

    result = clinic.verify(baseline)["created-at"]

    assert not result.passed
    assert "2026" not in result.sentence + repr(result.facts)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DELETE FROM students", "read-only"),
        ("SELECT 1; DROP TABLE students", "multiple commands"),
        ("SELECT ssn::int FROM students", "22P02"),
        ("SELECT ssn FROM students WHERE id = 1", "another value"),
        ("SELECT id, ssn FROM students", "one row with one column"),
    ],
)
def test_a_plan_check_changes_nothing_and_shows_no_value(
    clinic: Clinic, query: str, said: str
) -> None:
    result = clinic.verify(clinic.baseline(), PlanCheck("mine", query, "101"))["plan-check"]

    assert (result.passed, result.severity) == (False, "fail")
    assert said in result.sentence
    assert "123-45" not in result.sentence


def test_a_percent_sign_in_a_plan_check_is_just_that(clinic: Clinic) -> None:
    check = PlanCheck("like", "SELECT count(*) = 100 FROM students WHERE ssn LIKE '123%'", "TRUE")

    assert clinic.verify(clinic.baseline(), check)["plan-check"].passed


def test_a_session_that_waits_for_us_is_seen(clinic: Clinic) -> None:
    with psycopg.connect(
        os.environ["WCO_TEST_PG_DSN"], dbname=clinic.endpoint.database, application_name="wcops-7-1"
    ) as ours:
        ours.execute("LOCK TABLE students IN ACCESS EXCLUSIVE MODE")
        reader = threading.Thread(target=clinic.run, args=("SELECT count(*) FROM students",))
        reader.start()
        with PostgresServer().session(
            clinic.endpoint, application_name="wcops-7-1-watch"
        ) as session:
            sample = take_sample(session, our_application_prefix="wcops-7-1")
            while not sample.blocked_sessions:
                sample = take_sample(session, our_application_prefix="wcops-7-1")
            strangers = take_sample(session, our_application_prefix="wcops-8")
        ours.rollback()
        reader.join()

    assert (sample.blocked_sessions, sample.blocked_by_us, sample.ungranted_locks) == (1, 1, 1)
    assert sample.connections == 2
    assert strangers.blocked_by_us == 0
