"""Holding the engine's prediction against what a server did."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from migrations_portal.risk import Assessment, Schema, ScriptFile, assess, schema_from_dump
from tests.oracle.observe import STRENGTH, Observed, is_planned

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Difference:
    """Where prediction and observation part."""

    statement: str
    predicted: object
    observed: object

    def __str__(self) -> str:
        return f"{self.statement}\n    predicted {self.predicted}\n    observed  {self.observed}"


@dataclass(frozen=True)
class Case:
    """A folder with a schema, its rows, and statements written for it."""

    name: str

    @property
    def schema(self) -> Schema:
        return _schema(self.name)

    def lines(self, file: str) -> list[str]:
        path = HERE / self.name / file
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line and not line.startswith("#")]

    def load(self, dsn: str) -> None:
        """Fill an empty database with the schema and its rows."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            for file in ("schema.sql", "data.sql"):
                connection.execute((HERE / self.name / file).read_bytes())


CASES = tuple(Case(path.parent.name) for path in sorted(HERE.glob("*/schema.sql")))
CLINIC = Case("clinic")


@cache
def _schema(name: str) -> Schema:
    return schema_from_dump((HERE / name / "schema.sql").read_text())


_SINCE = re.compile(r"(\d\d): ")


def for_version(line: str, version: int) -> str:
    """Take the version off the front of a line; empty when the server is older."""
    since = _SINCE.match(line)
    if since is None:
        return line
    return line[since.end() :] if version >= int(since.group(1)) else ""


def parts(line: str) -> list[str]:
    return [part.strip() for part in line.split("|>")]


def predict(case: Case, line: str, version: int, *, one_transaction: bool = True) -> Assessment:
    script = ScriptFile("oracle.sql", ";\n".join(parts(line)) + ";", one_transaction)
    return assess([script], schema=case.schema, server_version=version)


def compare(case: Case, line: str, predicted: Assessment, observed: Observed) -> Difference | None:
    """Compare locks, rewrites and scans of tables that existed before the script; None when they agree."""
    existing = {relation.qualified for relation in case.schema.relations.values()}
    locks: dict[str, str] = {}
    for statement in predicted.statements:
        for name, mode in statement.locks.items():
            table = observed.renamed.get(name, name)
            if STRENGTH[mode] > STRENGTH.get(locks.get(table, ""), 0) and table in existing:
                locks[table] = mode
    left = existing - observed.gone
    rewrites = _called(_union(s.rewrites for s in predicted.statements), observed) & left
    scans = _called(_union(s.scans for s in predicted.statements), observed) & left
    said = (_sorted(locks), sorted(rewrites), sorted(scans))
    read = observed.scans - observed.gone
    if is_planned(parts(line)):
        read |= {name for name in scans if name in _indexed(case)}
    seen = (_sorted(observed.locks), sorted(observed.rewrites - observed.gone), sorted(read))
    return None if said == seen else Difference(line, said, seen)


def _indexed(case: Case) -> set[str]:
    """Tables with an index: a query may go through it where we say that it reads the table; that is the planner's choice."""
    return {r.qualified for r in case.schema.relations.values() if r.indexes}


def _sorted(locks: dict[str, str]) -> dict[str, str]:
    return dict(sorted(locks.items()))


def _union(groups: Iterable[tuple[str, ...]]) -> set[str]:
    return {name for group in groups for name in group}


def _called(names: set[str], observed: Observed) -> set[str]:
    """The names that the tables had before the script."""
    return {observed.renamed.get(name, name) for name in names}
