"""The drivers under one contract, and how one writes a file for each."""

from collections.abc import Callable
from dataclasses import dataclass

from migrations_portal.adapters.postgres import PostgresServer
from migrations_portal.execution.ports import (
    ApprovedFile,
    Bundle,
    MigrationDriver,
)
from tests.driver_kit import (
    Target,
    alembic_revision,
    approved,
    migration,
)


@dataclass(frozen=True)
class Tool:
    """A driver and how one writes a file for it: `write(number, up, down, transaction)`."""

    driver: MigrationDriver
    bundle: Bundle
    write: Callable[[int, list[str], list[str], bool], ApprovedFile]


def for_sequelize(number: int, up: list[str], down: list[str], transaction: bool) -> ApprovedFile:
    def body(statements: list[str]) -> str:
        if not transaction:
            return "\n".join(f"await run({text!r});" for text in statements)
        runs = "\n".join(f"await run({text!r}, {{transaction: t}});" for text in statements)
        return f"await q.sequelize.transaction(async (t) => {{ {runs} }});"

    return migration(f"2025010{number}000000-step-{number}.js", body(up), body(down))


def for_sql_files(number: int, up: list[str], down: list[str], transaction: bool) -> ApprovedFile:
    marker = "" if transaction else "-- no transaction\n"
    text = marker + ";\n".join(up) + ";\n-- down\n" + marker + ";\n".join(down) + ";\n"
    return approved(f"2025010{number}000000-step-{number}.sql", text)


def for_alembic(number: int, up: list[str], down: list[str], transaction: bool) -> ApprovedFile:
    return alembic_revision(
        f"step_{number}", up=up, down=down, follows=None, transaction=transaction
    )


def history(tool: Tool, target: Target, bundle: Bundle | None = None) -> list[str]:
    with PostgresServer().session(target.endpoint, application_name="tests") as session:
        return list(tool.driver.history(session, bundle or tool.bundle))


STUDENTS = "CREATE TABLE students (id integer PRIMARY KEY, ssn text UNIQUE NOT NULL)"
DROP_STUDENTS = "DROP TABLE students"
