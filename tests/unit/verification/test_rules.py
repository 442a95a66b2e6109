"""Judging what was found against what was there before; and the whole catalogue on the in-memory server."""

import pytest

from migrations_portal.adapters.in_memory_server import InMemoryDatabase, InMemoryServer
from migrations_portal.targets.ports import Endpoint
from migrations_portal.verification import catalogue
from migrations_portal.verification.rules import (
    PlanCheck,
    judge_answer,
    judge_count,
    judge_orphans,
    resolve,
)

TABLES = ["public.students", "archive.students", "archive.visits"]


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("students", ("public.students",)),
        ("archive.students", ("archive.students",)),
        ("visits", ("archive.visits",)),
        ("ghosts", ()),
    ],
)
def test_a_bare_name_means_public_first(name: str, full: tuple[str, ...]) -> None:
    assert resolve([name], tables=TABLES) == full


@pytest.mark.parametrize(
    ("announced", "after", "passed", "severity"),
    [
        (0, 100, True, "warning"),
        (0, 103, True, "warning"),
        (0, 99, False, "warning"),
        (0, 79, False, "fail"),
        (5, 105, True, "warning"),
        (5, 104, False, "warning"),
        (5, 84, False, "fail"),
        (5, 106, False, "warning"),
        (-100, 0, True, "warning"),
    ],
)
def test_many_fewer_rows_fail_and_more_rows_do_not(
    announced: int, after: int, passed: bool, severity: str
) -> None:
    result = judge_count(table="public.students", before=100, announced=announced, after=after)

    assert (result.passed, result.severity) == (passed, severity)


def test_old_orphans_warn_and_one_more_fails() -> None:
    assert judge_orphans(before={"fk": 3}, after={"fk": 3}).severity == "warning"
    assert judge_orphans(before={"fk": 3}, after={"fk": 4}).severity == "fail"
    assert judge_orphans(before={"fk": 3}, after={"fk": 0}).passed


@pytest.mark.parametrize(
    ("value", "expected", "passed"),
    [
        (5, "5", True),
        (5, " 5 ", True),
        (True, "T", True),
        (False, "true", False),
        (None, "NULL", True),
        ("a", "b", False),
    ],
)
def test_a_plans_answer_is_compared_as_people_write_it(
    value: object, expected: str, passed: bool
) -> None:
    assert judge_answer(PlanCheck("x", "", expected), rows=[{"v": value}]).passed is passed


def test_the_catalogue_runs_on_the_in_memory_server() -> None:
    server, endpoint = InMemoryServer(), Endpoint("db.example", 5432, "school", "wco", "x")
    server.add(endpoint, InMemoryDatabase(tables={"public.students": 9, "public.schools": 2}))
    with server.session(endpoint, application_name="wcops-1-1") as session:
        baseline = catalogue.take_baseline(session, tables=["students"])
        server.find(endpoint).tables = {"public.students": 7}

        results = catalogue.verify(
            session,
            baseline=baseline,
            counts={"public.students": 9},
            affected=["students"],
            announced={},
            checks=(),
        )

    assert {each.key for each in results if not each.passed} == {"tables", "row-count"}
