"""A small database of its own as a target, and the tools to back it up."""

import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from migrations_portal import wiring
from migrations_portal.backups import services
from migrations_portal.backups.models import Backup
from migrations_portal.backups.services import BackupTools
from migrations_portal.demo.databases import MIGRATOR, drop_database, ensure_database
from migrations_portal.demo.environment import CREDENTIAL
from migrations_portal.targets.models import Target
from migrations_portal.targets.ports import Endpoint

ADMIN = os.environ["WCO_TEST_PG_DSN"]
FILL = """
CREATE TABLE students (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE consents (id serial PRIMARY KEY, student int NOT NULL REFERENCES students, note text);
CREATE TABLE "Odd ""Name"" 100%" (id int GENERATED ALWAYS AS IDENTITY, "Größe" text);
CREATE INDEX ON consents (student);
INSERT INTO students (name) SELECT md5(n::text) FROM generate_series(1, 4000) n;
INSERT INTO consents (student, note) SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 4000) n;
INSERT INTO "Odd ""Name"" 100%" ("Größe") VALUES ('a'), ('b');
CREATE MATERIALIZED VIEW notes AS SELECT count(*) AS n FROM consents;
CREATE VIEW known AS SELECT name FROM students;
CREATE UNLOGGED TABLE sessions (id int);
INSERT INTO sessions VALUES (1), (2);
"""


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Small:
    """The target with its tools, and what is asked of its server from outside."""

    target: Target
    endpoint: Endpoint
    tools: BackupTools

    def take(self, **changes: Any) -> Backup:
        facts: dict[str, Any] = {
            "run_id": None,
            "target": self.target,
            "endpoint": self.endpoint,
            "tools": self.tools,
            "application_name": self.application_name,
            "phi": True,
            "purpose": "pre-migration",
            "owner": f"test-{secrets.token_hex(4)}",
            "now": now(),
        }
        return services.take(**{**facts, **changes})

    def prove(self, backup: Backup, *, tools: BackupTools | None = None) -> services.Proof:
        return services.prove(
            backup,
            drill=self.endpoint.on(self.scratch),
            tools=tools or self.tools,
            application_name=self.application_name,
            clock=now,
        )

    @property
    def scratch(self) -> str:
        return f"wco_{self.target.database}"

    def divided(self) -> BackupTools:
        """The same tools, but every backup is worth dividing."""
        return replace(self.tools, lanes=2, worth_dividing=0)

    def value(self, query: str, *, database: str = "postgres") -> Any:
        with psycopg.connect(make_conninfo(ADMIN, dbname=database)) as connection:
            (found,) = connection.execute(query.encode()).fetchone() or (None,)
            return found

    @property
    def application_name(self) -> str:
        return f"wcops-{self.target.database}"

    def left_behind(self) -> int:
        """Databases and sessions of this target's that are still there after the moment a session needs to end.

        The server is shared: what other tests do beside this one is not counted.
        """
        for _ in range(50):
            if not (left := self._still_there()):
                break
            time.sleep(0.1)
        return left

    def _still_there(self) -> int:
        databases = f"SELECT count(*) FROM pg_database WHERE datname = '{self.scratch}'"  # noqa: S608
        sessions = f"""SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
                       AND (datname IN ('{self.target.database}', '{self.scratch}')
                       OR application_name LIKE '{self.application_name}%')"""  # noqa: S608
        return int(self.value(databases)) + int(self.value(sessions))


@pytest.fixture
def small(db: None, production: Target) -> Iterator[Small]:
    name = f"small_{secrets.token_hex(4)}"
    ensure_database(ADMIN, name=name, owner=MIGRATOR)
    where = conninfo_to_dict(ADMIN)
    production.host, production.port = str(where["host"]), int(str(where["port"]))
    production.database, production.credential = name, CREDENTIAL
    production.save()
    tools = wiring.tools()
    endpoint = tools.endpoint(production)
    with tools.server.session(endpoint, application_name="fill") as session:
        session.run_script(FILL)
    yield Small(production, endpoint, tools.backup)
    for each in (name, f"wco_{name}"):
        drop_database(ADMIN, name=each)
