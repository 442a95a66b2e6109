"""Holding the engine's prediction against what a server did."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from migrations_portal.risk import Assessment, Schema, ScriptFile, assess, schema_from_dump
from tests.oracle.observe import STRENGTH, Observed

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


def statements(file: str = "statements.txt") -> list[str]:
    lines = (HERE / file).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


_SINCE = re.compile(r"(\d\d): ")


def for_version(line: str, version: int) -> str:
    """Take the version off the front of a line; empty when the server is older."""
    since = _SINCE.match(line)
    if since is None:
        return line
    return line[since.end() :] if version >= int(since.group(1)) else ""


def parts(line: str) -> list[str]:
    return [part.strip() for part in line.split("|>")]


@cache
def fixture() -> Schema:
    return schema_from_dump((HERE / "fixture.sql").read_text())


def load(dsn: str) -> None:
    """Fill an empty database with the fixture's schema and rows."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for file in ("fixture.sql", "data.sql"):
            connection.execute((HERE / file).read_bytes())


def predict(line: str, version: int, *, one_transaction: bool = True) -> Assessment:
    script = ScriptFile("oracle.sql", ";\n".join(parts(line)) + ";", one_transaction)
    return assess([script], schema=fixture(), server_version=version)


def compare(line: str, predicted: Assessment, observed: Observed) -> Difference | None:
    """Compare locks, rewrites and scans of tables that existed before the script; None when they agree."""
    existing = {relation.qualified for relation in fixture().relations.values()}
    locks: dict[str, str] = {}
    for statement in predicted.statements:
        for table, mode in statement.locks.items():
            if STRENGTH[mode] > STRENGTH.get(locks.get(table, ""), 0) and table in existing:
                locks[table] = mode
    rewrites = _union((s.rewrites for s in predicted.statements), existing - observed.gone)
    scans = _union((s.scans for s in predicted.statements), existing - observed.gone)
    said = (_short(locks), rewrites, scans)
    seen = (
        _short(observed.locks),
        sorted(observed.rewrites - observed.gone),
        sorted(observed.scans - observed.gone),
    )
    return None if said == seen else Difference(line, said, seen)


def _short(locks: dict[str, str]) -> dict[str, str]:
    return dict(sorted(locks.items()))


def _union(groups: Iterable[tuple[str, ...]], existing: set[str]) -> list[str]:
    return sorted({name for group in groups for name in group} & existing)
