"""Running the oracle's statements on one server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.oracle.compare import Case, Difference, compare, for_version, parts, predict
from tests.oracle.grammar import Grammar
from tests.oracle.observe import holds_for, observe, observe_outside, scratch_database, together


@dataclass
class Tally:
    """What came of a list of statements."""

    agreed: int = 0
    refused: list[str] = field(default_factory=list)
    """Statements that the server did not run; nothing can be observed of them."""
    differences: list[Difference] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    """Statements that the engine has no answer to, though the server ran them."""


@contextmanager
def database(admin: str, case: Case) -> Iterator[str]:
    """Give the connection string of a database that holds the case's schema and rows; it is dropped afterwards."""
    name = f"oracle_{secrets.token_hex(4)}"
    identifier = sql.Identifier(name)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        try:
            dsn = make_conninfo(admin, dbname=name)
            case.load(dsn)
            yield dsn
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


def inside(case: Case, dsn: str, version: int, lines: list[str]) -> Tally:
    """Run each line in a transaction of a session of its own, and roll it back."""
    tally = Tally()
    for line in lines:
        if not (text := for_version(line, version)):
            continue
        with psycopg.connect(dsn) as connection:
            observed = observe(connection, *parts(text))
        _count(case, tally, text, version, observed, one_transaction=True)
    return tally


def outside(case: Case, admin: str, dsn: str, version: int, lines: list[str]) -> Tally:
    """Run each line alone in a copy of the database."""
    template = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    tally = Tally()
    for line in lines:
        if not (text := for_version(line, version)):
            continue
        looks = []
        for hold in holds_for(text):
            with scratch_database(admin, template=str(template)) as copy:
                looks.append(observe_outside(copy, text, hold))
        _count(case, tally, text, version, together(looks), one_transaction=False)
    return tally


def generated(case: Case, dsn: str, version: int, *, seed: int, count: int) -> Tally:
    """Run statements of the grammar."""
    grammar = Grammar(case.schema, seed=seed)
    return inside(case, dsn, version, [grammar.statement() for _ in range(count)])


def scripts(case: Case, dsn: str, version: int, *, seed: int, count: int) -> Tally:
    """Run short scripts of the grammar: the second statement meets what the first has left."""
    grammar = Grammar(case.schema, seed=seed)
    return inside(case, dsn, version, [grammar.script() for _ in range(count)])


def _count(
    case: Case, tally: Tally, line: str, version: int, observed, *, one_transaction: bool
) -> None:
    predicted = predict(case, line, version, one_transaction=one_transaction)
    rules = {finding.rule for s in predicted.statements for finding in s.findings}
    if observed.error:
        tally.refused.append(f"{line}  ({observed.error})")
    elif "not-understood" in rules:
        tally.crashed.append(line)
    elif (difference := compare(case, line, predicted, observed)) is not None:
        tally.differences.append(difference)
    else:
        tally.agreed += 1
