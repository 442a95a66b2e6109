"""Every driver in turn, on an empty database of a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrations_portal.adapters.alembic_tool import AlembicDriver
from migrations_portal.adapters.sequelize import SequelizeDriver
from migrations_portal.adapters.sql_files import SqlFileDriver
from migrations_portal.execution.ports import (
    Bundle,
    MigrationDriver,
)
from tests.contracts.drivers.kit import Tool, for_alembic, for_sequelize, for_sql_files
from tests.driver_kit import (
    Target,
    alembic_bundle,
    fresh_target,
    sequelize_project,
)


@pytest.fixture(params=["sequelize", "sql_files", "alembic"])
def tool(request: pytest.FixtureRequest, tmp_path: Path) -> Tool:
    if request.param == "sequelize":
        driver: MigrationDriver = SequelizeDriver(scratch=tmp_path / "scratch")
        return Tool(driver, sequelize_project(tmp_path), for_sequelize)
    if request.param == "alembic":
        alembic = AlembicDriver(scratch=tmp_path / "scratch")
        return Tool(alembic, alembic_bundle(tmp_path), for_alembic)
    (tmp_path / "project" / "migrations").mkdir(parents=True)
    return Tool(SqlFileDriver(), Bundle(tmp_path / "project", ()), for_sql_files)


@pytest.fixture
def target() -> Iterator[Target]:
    with fresh_target() as made:
        yield made
