"""The first SQL file on a target makes the tool's history table; that alone is no change of the schema."""

import pytest

from tests.chaos.kit import Scenario
from tests.runs_kit import story

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_first_file_that_fails_in_its_transaction_has_changed_nothing(school, run_example):
    before = school.schema()

    run = run_example(Scenario("ALTER TABLE students ADD nickname text;\nSELECT 1 / 0;\n"))

    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert school.schema() == before
