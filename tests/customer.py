"""A production and a staging target with the customer's schema and 500 students, and a plan ready to run on them."""

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from migrations_portal import wiring
from migrations_portal.demo.customer import customer
from migrations_portal.demo.customer.examples import Example
from migrations_portal.demo.databases import MIGRATOR, drop_database
from migrations_portal.demo.environment import CREDENTIAL
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.runbooks import standard
from migrations_portal.runbooks.tools import Tools
from migrations_portal.targets.models import Target
from migrations_portal.targets.rules import PHI_TABLES_OF_THE_SPEC
from tests.factories.plans import scheduled_run

ADMIN = os.environ["WCO_TEST_PG_DSN"]
URL = "http://127.0.0.1:8000"


@pytest.fixture(scope="session")
def customer_project() -> Path:
    folder = Path(os.environ["WCO_PROJECTS_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    return customer.prepare_projects(folder)


@pytest.fixture(scope="session")
def template(customer_project: Path) -> Iterator[str]:
    name = f"template_{secrets.token_hex(4)}"
    customer.create_target(
        ADMIN,
        database=name,
        owner=MIGRATOR,
        owner_password=wiring.tools().credentials.fetch(CREDENTIAL).password,
        project=customer_project,
        node=customer.Node.from_wheel(),
        students=customer.TEST_SCALE,
    )
    yield name
    drop_database(ADMIN, name=name)


@dataclass
class Customer:
    """The customer's production database, seen from outside."""

    target: Target
    admin: str = ADMIN
    """The superuser's way to the target's server."""

    def value(self, query: str) -> object:
        with psycopg.connect(self.dsn()) as connection:
            (found,) = connection.execute(query.encode()).fetchone() or (None,)
            return found

    def history(self) -> list[str]:
        with psycopg.connect(self.dsn()) as connection:
            return [
                name
                for (name,) in connection.execute(
                    'SELECT name FROM "SequelizeMeta" ORDER BY 1'
                ).fetchall()
            ]

    def dsn(self) -> str:
        """Return the superuser's connection string for the target's database."""
        return psycopg.conninfo.make_conninfo(self.admin, dbname=self.target.database)

    def beside(self) -> list[str]:
        """Return the databases whose names begin with this one's."""
        return _beside(self.target.database)

    def schema(self) -> str:
        tools = wiring.tools()
        return tools.dump.schema(tools.endpoint(self.target))


@pytest.fixture
def school(template: str, production: Target) -> Iterator[Customer]:
    name = f"school_{secrets.token_hex(4)}"
    customer.copy_target(ADMIN, template=template, database=name, owner=MIGRATOR)
    where = conninfo_to_dict(ADMIN)
    staging = Target.objects.create(
        name="staging",
        group=production.group,
        environment="STAGING",
        host=str(where["host"]),
        port=int(str(where["port"])),
        database="postgres",
        credential=CREDENTIAL,
        project=customer.PROJECT,
    )
    production.host, production.port = staging.host, staging.port
    production.database, production.credential, production.project = (
        name,
        CREDENTIAL,
        customer.PROJECT,
    )
    production.drill_target, production.phi_tables = staging, list(PHI_TABLES_OF_THE_SPEC)
    production.save()
    yield Customer(production)
    for left in (name, *_beside(name)):
        drop_database(ADMIN, name=left)


def _beside(name: str) -> list[str]:
    with psycopg.connect(ADMIN) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{name}_%"]
        )
        return [found for (found,) in rows.fetchall()]


@pytest.fixture
def run_example(cast, school: Customer) -> Callable[..., MigrationRun]:
    def run(example: Example, *, check: bool = True, tools: Tools | None = None) -> MigrationRun:
        run = scheduled_run(cast=cast, target=school.target, example=example, check=check)
        fence = execution.claim(
            run_id=run.pk, worker="tests", now=datetime.now(UTC), public_url=URL
        )
        assert fence is not None
        standard.execute(
            run_id=run.pk,
            fence=fence,
            tools=tools or wiring.tools(),
            clock=lambda: datetime.now(UTC),
            public_url=URL,
        )
        run.refresh_from_db()
        return run

    return run
