"""The engine's prediction equals what PostgreSQL does: locks, rewritten and scanned tables. `make oracle` runs 13 to 18."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from tests.oracle.compare import fixture, statements
from tests.oracle.grammar import Grammar
from tests.oracle.run import Tally, database, generated, inside, outside, scripts

ADMIN = os.environ["WCO_TEST_PG_DSN"]
REFUSED = 3
"""Written statements that the server may refuse: they are there for the finding that says so."""


@pytest.fixture(scope="module")
def version() -> int:
    with psycopg.connect(ADMIN) as connection:
        return connection.info.server_version // 10_000


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with database(ADMIN) as made:
        yield made


def _agrees(tally: Tally) -> None:
    assert [str(difference) for difference in tally.differences] == []
    assert tally.crashed == []


def test_every_written_statement_does_what_is_predicted(dsn: str, version: int) -> None:
    tally = inside(dsn, version, statements())

    _agrees(tally)
    assert tally.agreed >= 150
    assert len(tally.refused) <= REFUSED, tally.refused


def test_statements_that_refuse_transactions_do_what_is_predicted(dsn: str, version: int) -> None:
    tally = outside(ADMIN, dsn, version, statements("outside.txt"))

    _agrees(tally)
    assert tally.agreed >= 10, tally.refused


def test_statements_that_nobody_wrote_do_what_is_predicted(dsn: str, version: int) -> None:
    tally = generated(dsn, version, seed=20251124, count=400)

    _agrees(tally)
    assert tally.agreed > 200


def test_the_second_statement_of_a_script_meets_what_the_first_has_left(
    dsn: str, version: int
) -> None:
    tally = scripts(dsn, version, seed=20251124, count=400)

    _agrees(tally)
    assert tally.agreed > 100


def test_the_schema_of_the_oracle_is_read_completely() -> None:
    schema = fixture()

    assert schema.complete
    assert not [relation.qualified for relation in schema.relations.values() if relation.assumed]


def test_the_grammar_is_the_same_for_the_same_seed() -> None:
    one, other = (Grammar(fixture(), seed=5) for _ in range(2))
    assert [one.statement() for _ in range(50)] == [other.statement() for _ in range(50)]
