"""Judging what was found against what was there before; and the whole catalogue on the in-memory server."""

import pytest

from migrations_portal.adapters.in_memory_server import InMemoryDatabase, InMemoryServer
from migrations_portal.execution.row_changes import RowChange
from migrations_portal.targets.ports import Endpoint
from migrations_portal.verification import catalogue
from migrations_portal.verification.row_counts import (
    OwnRows,
    RowsExpected,
    judge_count,
    lost,
    own_rows,
)
from migrations_portal.verification.rules import PlanCheck, judge_answer, judge_orphans, resolve

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


NOTHING = OwnRows(announced=False)
TOOK_5 = OwnRows(announced=True, deleted=5)
CAME_5 = OwnRows(announced=True, inserted=5)
MERGED = OwnRows(announced=True, exact=False)
CASCADED = OwnRows(announced=True, reached_from="public.schools")


@pytest.mark.parametrize(
    ("own", "after", "others", "passed", "severity", "said"),
    [
        (NOTHING, 100, 0, True, "fail", "100 rows"),
        (NOTHING, 103, 0, True, "fail", "3 came in meanwhile"),
        (NOTHING, 99, 0, False, "fail", "1 are missing"),
        (NOTHING, 99, 1, False, "warning", "the application deleted 1"),
        (NOTHING, 98, 1, False, "fail", "2 are missing"),
        (NOTHING, 99, None, False, "fail", "1 are missing"),
        (TOOK_5, 95, 0, True, "fail", "announced change of -5"),
        (TOOK_5, 94, 0, False, "fail", "1 are missing"),
        (CAME_5, 105, 0, True, "fail", "+5"),
        (CAME_5, 104, 1, False, "warning", "the application deleted 1"),
        (CAME_5, 104, 0, False, "fail", "1 are missing"),
        (MERGED, 40, 0, False, "warning", "does not count"),
        (CASCADED, 90, 10, False, "warning", "rows deleted from public.schools"),
        (OwnRows(announced=False, deleted=2), 120, 0, False, "fail", "does not show"),
        (OwnRows(announced=False, exact=False), 100, 0, False, "fail", "does not show"),
        (OwnRows(announced=False, reached_from="a.b"), 99, 1, False, "fail", "1 are missing"),
    ],
)
def test_every_row_is_accounted_for(  # noqa: PLR0917  # one column each
    own: OwnRows, after: int, others: int | None, passed: bool, severity: str, said: str
) -> None:
    result = judge_count(
        table="public.students", before=100, after=after, own=own, others_deleted=others
    )

    assert (result.passed, result.severity) == (passed, severity)
    assert said in result.sentence


@pytest.mark.parametrize(
    ("own", "after", "worth"),
    [(NOTHING, 99, True), (NOTHING, 100, False), (OwnRows(announced=False, deleted=2), 98, False)],
)
def test_only_rows_that_nothing_explains_are_worth_waiting_for_late_counters(
    own: OwnRows, after: int, worth: bool
) -> None:
    result = judge_count(table="a.b", before=100, after=after, own=own, others_deleted=0)

    assert lost([result]) is worth


def test_what_a_run_did_is_attributed_to_tables_and_to_what_they_take_with_them() -> None:
    tables = ["public.schools", "public.students", "public.visits", "public.users"]
    changes = [
        RowChange("schools", deleted=2),
        RowChange("public.users", inserted=3),
        RowChange(""),
    ]

    own = own_rows(
        tables=tables,
        changes=changes,
        announced=["schools"],
        reach={"public.schools": ["public.students"], "public.students": ["public.visits"]},
    )

    assert own["public.schools"] == OwnRows(announced=True, deleted=2)
    assert own["public.users"] == OwnRows(announced=False, inserted=3)
    assert own["public.visits"] == OwnRows(announced=True, reached_from="public.schools")


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
            expected=RowsExpected(counts={"public.students": 9}),
            affected=["students"],
            checks=(),
        )

    assert {each.key for each in results if not each.passed} == {"tables", "row-count"}
