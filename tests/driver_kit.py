"""What tests of drivers need: an empty target with an owner of its own, a prepared project, files to run."""

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from migrations_portal.demo.customer import customer
from migrations_portal.execution.ports import ApprovedFile, Bundle, ChildResult, SessionLimits
from migrations_portal.targets.ports import Endpoint
from tests import alembic_project

CACHE = Path(__file__).parent.parent / "var" / "tests"

LIMITS = SessionLimits(
    application_name="wcops-7-3",
    lock_timeout_ms=250,
    statement_timeout_ms=20_000,
    wall_clock_ms=60_000,
)


def approved(name: str, text: str) -> ApprovedFile:
    content = text.encode()
    return ApprovedFile(name, content, hashlib.sha256(content).hexdigest())


def migration(name: str, up: str, down: str = "") -> ApprovedFile:
    """Return a Sequelize migration; the bodies see `q` (query interface), `S` (Sequelize) and `run(sql)`."""
    body = "const run = (text, options) => q.sequelize.query(text, options);"
    return approved(
        name,
        "'use strict';\nmodule.exports = {\n"
        f"  async up(q, S) {{ {body}\n{up}\n}},\n"
        f"  async down(q, S) {{ {body}\n{down}\n}},\n}};\n",
    )


@dataclass(frozen=True)
class Target:
    """A database of its own, seen from outside the run."""

    endpoint: Endpoint

    def rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(
            host=self.endpoint.host,
            port=self.endpoint.port,
            user=self.endpoint.user,
            password=self.endpoint.password,
            dbname=self.endpoint.database,
            autocommit=True,
            row_factory=dict_row,
        ) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def relations(self) -> list[str]:
        """Return table.column of everything in `public` but the history tables."""
        found = self.rows(
            "SELECT table_name || '.' || column_name AS name FROM information_schema.columns"
            " WHERE table_schema = 'public'"
            " AND table_name NOT IN ('SequelizeMeta', 'wco_schema_history', 'alembic_version') ORDER BY 1"
        )
        return [str(row["name"]) for row in found]


@contextlib.contextmanager
def fresh_target() -> Iterator[Target]:
    """Create a role with an unguessable password and an empty database that it owns; drop both afterwards."""
    admin = os.environ["WCO_TEST_PG_DSN"]
    where = conninfo_to_dict(admin)
    name = f"target_{secrets.token_hex(6)}"
    password = f"canary-{secrets.token_hex(16)}"
    with psycopg.connect(admin, autocommit=True) as connection:
        role = sql.Identifier(name)
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(create.format(role, sql.Literal(password)))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
    yield Target(Endpoint(str(where["host"]), int(str(where["port"])), name, name, password))
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def node_modules() -> Path:
    """Return the packages of the demo's customer, installed once from its lock file."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepared = CACHE / customer.PROJECT
        customer.prepare_project(prepared, customer.Node.from_wheel())
    return prepared / "node_modules"


def sequelize_project(folder: Path, *own: ApprovedFile) -> Bundle:
    """Make a prepared project whose migrations folder holds `own`; returns a bundle without approved files."""
    project = folder / "project"
    (project / "migrations").mkdir(parents=True)
    (project / "node_modules").symlink_to(node_modules())
    (project / "package.json").write_text('{"name": "customer", "private": true}')
    for each in own:
        (project / "migrations" / each.name).write_bytes(each.content)
    return Bundle(project, ())


def plus(bundle: Bundle, *files: ApprovedFile) -> Bundle:
    return replace(bundle, files=(*bundle.files, *files))


def told(result: ChildResult) -> str:
    """Return everything that a call left behind, as one text to search for what must not be there."""
    return repr(result)


def alembic_bundle(folder: Path, *own: ApprovedFile) -> Bundle:
    """Make a prepared Alembic project whose versions are `own`; returns a bundle without approved files."""
    packages = alembic_project.prepare(CACHE) / "site-packages"
    project = folder / "project"
    (project / "alembic" / "versions").mkdir(parents=True)
    (project / "site-packages").symlink_to(packages)
    (project / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/alembic\n")
    for each in own:
        (project / "alembic" / "versions" / each.name).write_bytes(each.content)
    return Bundle(project, ())


def alembic_revision(
    number: str,
    *,
    up: list[str],
    down: list[str] | None = None,
    follows: str | tuple[str, ...] | None,
    transaction: bool = True,
    body: str = "",
) -> ApprovedFile:
    """Return an Alembic revision `number` that executes SQL; `body` is Python that `upgrade` does first."""

    def way(statements: list[str]) -> str:
        lines = [f"op.execute({text!r})" for text in statements] or ["pass"]
        if transaction:
            return "\n    ".join(lines)
        return "with op.get_context().autocommit_block():\n        " + "\n        ".join(lines)

    return approved(
        f"2025_{number}.py",
        f"from alembic import op\n\nrevision: str = {number!r}\ndown_revision = {follows!r}\n\n\n"
        f"def upgrade() -> None:\n    {body or 'pass'}\n    {way(up)}\n\n\n"
        f"def downgrade() -> None:\n    {way(down or [])}\n",
    )
