"""A session of a run on PHI asks the target to log its statements; a role that may not does without (spec, "Access Logging")."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from migrations_portal.adapters.sql_files import SqlFileDriver
from migrations_portal.execution.ports import Bundle
from tests.driver_kit import LIMITS, Target, approved, fresh_target, plus

PARAMETERS = (
    "log_statement",
    "log_parameter_max_length",
    "log_parameter_max_length_on_error",
    "lock_timeout",
)
SEEN = approved(
    "20260101000000-seen.sql",
    "-- up\nCREATE TABLE seen AS SELECT "
    + ", ".join(f"current_setting('{name}') AS {name}" for name in PARAMETERS)
    + ";\n-- down\nDROP TABLE seen;\n",
)


@pytest.fixture
def target() -> Iterator[Target]:
    with fresh_target() as made:
        yield made
        with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], autocommit=True) as admin:
            role = sql.Identifier(made.endpoint.user)
            admin.execute(sql.SQL("DROP OWNED BY {}").format(role))  # its rights on parameters


def allow(role: str, *parameters: str) -> None:
    with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], autocommit=True) as admin:
        for each in parameters:
            grant = sql.SQL("GRANT SET ON PARAMETER {} TO {}")
            admin.execute(grant.format(sql.Identifier(each), sql.Identifier(role)))


def seen(target: Target, folder: Path, *, query_log: bool) -> tuple[str, ...]:
    (folder / "project" / "migrations").mkdir(parents=True)
    bundle = plus(Bundle(folder / "project", ()), SEEN)
    limits = replace(LIMITS, query_log=query_log)
    result = SqlFileDriver().up(target.endpoint, bundle, name=SEEN.name, limits=limits)
    assert result.exit_code == 0, result.output
    (row,) = target.rows("SELECT * FROM seen")
    return tuple(row[name] for name in PARAMETERS)


def test_a_role_that_may_not_set_it_runs_without_and_keeps_its_limits(
    target: Target, tmp_path: Path
) -> None:
    assert seen(target, tmp_path, query_log=True) == ("none", "-1", "0", "250ms")


def test_each_statement_is_logged_and_no_bound_value(target: Target, tmp_path: Path) -> None:
    allow(target.endpoint.user, *PARAMETERS[:3])

    assert seen(target, tmp_path, query_log=True) == ("all", "0", "0", "250ms")


def test_rather_no_log_than_one_with_the_patients_values(target: Target, tmp_path: Path) -> None:
    allow(target.endpoint.user, "log_statement")

    assert seen(target, tmp_path, query_log=True) == ("none", "-1", "0", "250ms")


def test_nothing_is_asked_for_where_no_patient_is_concerned(target: Target, tmp_path: Path) -> None:
    allow(target.endpoint.user, *PARAMETERS[:3])

    assert seen(target, tmp_path, query_log=False) == ("none", "-1", "0", "250ms")
