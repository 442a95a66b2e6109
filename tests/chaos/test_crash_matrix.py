"""Every named place with every kind of fault: no second up(), no lost run, and no page that says what is not so."""

import pytest

from migrations_portal.kernel.failpoints import NAMES
from tests.chaos.kit import FAULTS, prepare, state, suffer, violations
from tests.runs_kit import story

SHORT = [
    ("migrate.statement-seen", "kill"),
    ("migrate.after-child", "exception"),
    ("migrate.before-spawn", "stall"),
    ("verify.before", "cut"),
]
"""The short form, for every test run; `make chaos` runs all."""


@pytest.mark.parametrize(("place", "fault"), SHORT)
@pytest.mark.django_db(transaction=True)
def test_a_run_that_meets_a_fault_is_never_doubled_lost_or_lied_about(school, cast, place, fault):
    _case(school, cast, place, fault)


@pytest.mark.chaos
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", NAMES)
@pytest.mark.django_db(transaction=True)
def test_the_whole_matrix(school, cast, place, fault):
    _case(school, cast, place, fault)


def _case(school, cast, place, fault):
    prepare(school)
    before = state(school)

    run = suffer(school, cast, place=place, fault=fault)

    print(f"CHAOS {place} {fault}: {run.status} {run.outcome}")  # noqa: T201  # the matrix as a table, with -s
    assert violations(school, run, before=before) == [], story(run)
