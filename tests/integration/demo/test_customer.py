"""The customer's side is made for real, and each example does what it says, by sequelize-cli on PostgreSQL."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from migrations_portal.demo.customer import customer, examples
from migrations_portal.demo.customer.examples import Example
from migrations_portal.demo.databases import MIGRATOR, drop_database
from migrations_portal.demo.environment import CREDENTIAL

TEMPLATE = "demo_customer_template"
ORPHANS = """
SELECT format('SELECT count(*) FROM %s AS child LEFT JOIN %s AS parent ON child.%I = parent.%I
               WHERE child.%I IS NOT NULL AND parent.%I IS NULL',
              conrelid::regclass, confrelid::regclass, ours.attname, theirs.attname, ours.attname, theirs.attname)
FROM pg_constraint
JOIN pg_attribute AS ours ON ours.attrelid = conrelid AND ours.attnum = conkey[1]
JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attnum = confkey[1]
WHERE contype = 'f'
"""


@dataclass(frozen=True)
class Customer:
    """A target database and the project with its node_modules."""

    admin: str
    database: str
    password: str
    project: Path
    node: customer.Node

    def value(self, query: str) -> object:
        with psycopg.connect(self.admin, dbname=self.database) as session:
            row = session.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def history(self) -> list[str]:
        with psycopg.connect(self.admin, dbname=self.database) as session:
            query = 'SELECT "name" FROM "SequelizeMeta" ORDER BY 1'
            return [row[0] for row in session.execute(query)]

    def schema(self) -> str:
        program = Path(os.environ["WCO_PG_BIN"]) / "pg_dump"
        there = psycopg.conninfo.make_conninfo(self.admin, dbname=self.database)
        dump = [str(program), "--schema-only", "--restrict-key=test", there]
        return subprocess.run(dump, check=True, capture_output=True, text=True).stdout

    def sequelize(self, *words: str) -> subprocess.CompletedProcess[str]:
        there = psycopg.conninfo.conninfo_to_dict(self.admin)
        environment = {
            "PGHOST": str(there["host"]),
            "PGPORT": str(there["port"]),
            "PGDATABASE": self.database,
            "PGUSER": MIGRATOR,
            "PGPASSWORD": self.password,
            "PATH": f"{self.node.program.parent}:/usr/bin:/bin",
        }
        cli = self.project / "node_modules/sequelize-cli/lib/sequelize"
        return subprocess.run(
            [self.node.program, cli, *words],
            cwd=self.project, env=environment, check=False, capture_output=True, text=True,
        )  # fmt: skip

    def apply(self, example: Example) -> subprocess.CompletedProcess[str]:
        (self.project / "migrations" / example.name).write_bytes(example.content)
        return self.sequelize("db:migrate", "--name", example.name)


@pytest.fixture(scope="module")
def template() -> Iterator[Customer]:
    admin = os.environ["WCO_TEST_PG_DSN"]
    kept = json.loads(Path(os.environ["WCO_CREDENTIALS_DIR"], f"{CREDENTIAL}.json").read_text())
    project = Path(os.environ["WCO_PROJECTS_DIR"], customer.PROJECT)
    node = customer.Node.from_wheel()
    database = f"{TEMPLATE}_{os.getpid()}"
    project.parent.mkdir(parents=True, exist_ok=True)
    customer.prepare_project(project, node)
    made = customer.create_target(
        admin, database=database, owner=MIGRATOR, owner_password=kept["password"],
        project=project, node=node, students=customer.TEST_SCALE,
    )  # fmt: skip
    assert made
    yield Customer(admin, database, kept["password"], project, node)
    drop_database(admin, name=database)


@pytest.fixture
def target(template: Customer, tmp_path: Path) -> Iterator[Customer]:
    """A copy of the target and of the project, to do with as one likes."""
    database = f"{template.database}_copy"
    customer.copy_target(
        template.admin, template=template.database, database=database, owner=MIGRATOR
    )
    project = tmp_path / "project"
    shutil.copytree(template.project, project, ignore=shutil.ignore_patterns("node_modules"))
    (project / "node_modules").symlink_to(template.project / "node_modules")
    yield Customer(template.admin, database, template.password, project, template.node)
    drop_database(template.admin, name=database)


def test_the_schema_is_recorded_as_the_projects_own_migrations(template: Customer) -> None:
    assert template.history() == customer.applied(template.project)
    assert len(template.history()) == 5


def test_rows_written_without_foreign_key_triggers_have_all_their_parents(
    template: Customer,
) -> None:
    with psycopg.connect(template.admin, dbname=template.database) as session:
        queries = [row[0] for row in session.execute(ORPHANS)]
        orphans = [session.execute(query.encode()).fetchone() for query in queries]

    assert len(queries) == 13
    assert orphans == [(0,)] * 13


def test_sequences_go_on_after_the_rows(template: Customer) -> None:
    insert = """INSERT INTO consents ("patientId", kind, "givenBy", relationship, "givenAt", "documentKey",
                "createdAt", "updatedAt") VALUES (1, 'treatment', 'Ada', 'self', now(), 'x', now(), now())
                RETURNING id"""
    highest = template.value("SELECT max(id) FROM consents")
    with psycopg.connect(template.admin, dbname=template.database) as session:
        row = session.execute(insert).fetchone()
        session.rollback()

    assert isinstance(highest, int)
    assert row == (highest + 1,)


def test_the_same_scale_gives_the_same_rows(template: Customer) -> None:
    """A fixed value: a change of the data's SQL must be meant."""
    digest = template.value(
        "SELECT md5(string_agg(h::text, '|' ORDER BY id)) FROM health_records h"
    )

    assert digest == "391c0eb80090c391cca2e347372ed607"


def test_every_table_belongs_to_the_migrator_who_is_no_superuser(template: Customer) -> None:
    owners = template.value(
        "SELECT array_agg(DISTINCT pg_get_userbyid(relowner)) FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace"
    )
    superusers = template.value("SELECT array_agg(rolname) FROM pg_roles WHERE rolsuper")

    assert owners == [MIGRATOR]
    assert superusers == ["wco"]


def test_a_target_that_exists_is_left_alone(template: Customer) -> None:
    made = customer.create_target(
        template.admin, database=template.database, owner=MIGRATOR,
        owner_password=template.password, project=template.project, node=template.node, students=1,
    )  # fmt: skip

    assert not made
    assert template.value("SELECT count(*) FROM students") == customer.TEST_SCALE


@pytest.mark.parametrize(
    "example", [examples.CONSENT_TRACKING, examples.IMMUNIZATION_CODES], ids=lambda each: each.name
)
def test_a_good_example_is_applied_passes_its_check_and_goes_back(
    target: Customer, example: Example
) -> None:
    before = target.schema()

    applied = target.apply(example)
    answer = target.value(example.query)
    undone = target.sequelize("db:migrate:undo", "--name", example.name)

    assert applied.returncode == 0, applied.stderr
    assert answer == example.expected
    assert undone.returncode == 0, undone.stderr
    assert target.schema() == before


def test_the_example_in_a_transaction_fails_and_leaves_nothing(target: Customer) -> None:
    before, history = target.schema(), target.history()

    applied = target.apply(examples.APPOINTMENT_REASON)

    assert applied.returncode != 0
    assert "contains null values" in applied.stderr
    assert target.schema() == before
    assert target.history() == history


def test_the_example_without_a_transaction_moves_the_schema_but_is_not_recorded(
    target: Customer,
) -> None:
    history = target.history()

    applied = target.apply(examples.MEDICATION_REVIEW)

    assert applied.returncode != 0
    assert '"reviewedAt" timestamp with time zone' in target.schema()
    assert target.value(examples.MEDICATION_REVIEW.query) == 0
    assert target.history() == history


def test_the_example_that_promises_too_much_is_applied_and_fails_its_check(
    target: Customer,
) -> None:
    example = examples.PREFERRED_LANGUAGE

    applied = target.apply(example)

    assert applied.returncode == 0, applied.stderr
    assert example.name in target.history()
    assert target.value(example.query) == customer.TEST_SCALE // 53
