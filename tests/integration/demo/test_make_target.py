import json
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from migrations_portal.demo.customer.customer import PROJECT, prepare_projects
from migrations_portal.demo.databases import MIGRATOR, drop_database, ensure_database
from migrations_portal.demo.environment import CREDENTIAL
from migrations_portal.demo.make_target import ADMIN_DSN, PASSWORD, main

DATABASE = f"demo_begun_{os.getpid()}"


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    admin = os.environ["WCO_TEST_PG_DSN"]
    kept = json.loads(Path(os.environ["WCO_CREDENTIALS_DIR"], f"{CREDENTIAL}.json").read_text())
    monkeypatch.setenv(ADMIN_DSN, admin)
    monkeypatch.setenv(PASSWORD, kept["password"])
    prepare_projects(Path(os.environ["WCO_PROJECTS_DIR"]))
    yield admin
    drop_database(admin, name=DATABASE)


def test_a_database_that_a_killed_demo_had_only_begun_is_made_anew_and_then_left_alone(
    admin: str,
) -> None:
    ensure_database(admin, name=DATABASE, owner=MIGRATOR)
    project = str(Path(os.environ["WCO_PROJECTS_DIR"], PROJECT))

    main(DATABASE, "40", project)
    main(DATABASE, "80", project)

    with psycopg.connect(admin, dbname=DATABASE) as session:
        assert session.execute("SELECT count(*) FROM students").fetchone() == (40,)
