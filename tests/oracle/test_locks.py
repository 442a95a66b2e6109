"""The engine's prediction equals what PostgreSQL does: locks, rewritten and scanned tables. `make oracle` runs 13 to 18."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from migrations_portal.risk.hash_partitions import hash_of
from tests.oracle.compare import CASES, CLINIC, Case
from tests.oracle.grammar import Grammar
from tests.oracle.run import Tally, database, generated, inside, outside, scripts

ADMIN = os.environ["WCO_TEST_PG_DSN"]
REFUSED = 0.1
"""Share of the written statements that the server may refuse: they are there for the finding that says so."""


@pytest.fixture(scope="module")
def version() -> int:
    with psycopg.connect(ADMIN) as connection:
        return connection.info.server_version // 10_000


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def dsn(case: Case) -> Iterator[str]:
    with database(ADMIN, case) as made:
        yield made


def _agrees(tally: Tally) -> None:
    assert [str(difference) for difference in tally.differences] == []
    assert tally.crashed == []


def test_every_written_statement_does_what_is_predicted(case: Case, dsn: str, version: int) -> None:
    lines = case.lines("statements.txt")
    tally = inside(case, dsn, version, lines)

    _agrees(tally)
    assert tally.agreed >= 150
    assert len(tally.refused) <= REFUSED * len(lines), tally.refused


def test_statements_that_refuse_transactions_do_what_is_predicted(
    case: Case, dsn: str, version: int
) -> None:
    tally = outside(case, ADMIN, dsn, version, case.lines("outside.txt"))

    _agrees(tally)
    assert tally.agreed >= 10, tally.refused


def test_statements_that_nobody_wrote_do_what_is_predicted(
    case: Case, dsn: str, version: int
) -> None:
    tally = generated(case, dsn, version, seed=20251124, count=200)

    _agrees(tally)
    assert tally.agreed > 85


def test_the_second_statement_of_a_script_meets_what_the_first_has_left(
    case: Case, dsn: str, version: int
) -> None:
    tally = scripts(case, dsn, version, seed=20251124, count=200)

    _agrees(tally)
    assert tally.agreed > 40


def test_the_schema_of_the_oracle_is_read_completely(case: Case) -> None:
    assert case.schema.complete
    assert not [r.qualified for r in case.schema.relations.values() if r.assumed]


def test_the_grammar_is_the_same_for_the_same_seed() -> None:
    one, other = (Grammar(CLINIC.schema, seed=5) for _ in range(2))
    assert [one.statement() for _ in range(50)] == [other.statement() for _ in range(50)]


HASHED = {
    "int4": ("integer", ["0", "1", "-1", "2147483647", "-2147483648"]),
    "int2": ("smallint", ["5", "-5"]),
    "int8": ("bigint", ["0", "-5", "1099511627776", "-1099511627776"]),
    "text": ("text", ["", "a", "abcdefghijkl", "abcdefghijklm", "x" * 100, "äöü"]),
    "uuid": ("uuid", ["00000000-0000-0000-0000-000000000000", "6f1c1a9e-5d0c-4f6a-9a57-1a2b3c4d5e6f"]),
}  # fmt: skip


@pytest.mark.parametrize("name", HASHED)
def test_the_partition_of_a_hash_is_the_one_that_postgresql_chooses(name: str) -> None:
    kind, literals = HASHED[name]
    with psycopg.connect(ADMIN) as connection:
        connection.execute(f"CREATE TABLE hash_probe (k {kind}) PARTITION BY HASH (k)")
        for literal in literals:
            left = (hash_of([(name, literal)]) or 0) % 64
            ask = f"SELECT satisfies_hash_partition('hash_probe'::regclass, 64, %s, %s::{kind})"
            assert connection.execute(ask, (left, literal)).fetchone() == (True,)
        connection.rollback()
