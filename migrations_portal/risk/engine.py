"""One assessment from end to end: up, then down, on a copy of the schema."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

from migrations_portal.risk.analysis import Analysis
from migrations_portal.risk.extras import PROGRAMS, judge_new_values, judge_reading
from migrations_portal.risk.findings import Assessment, Finding
from migrations_portal.risk.judge import judge
from migrations_portal.risk.levels import highest
from migrations_portal.risk.patterns import advise
from migrations_portal.risk.phi import PhiCatalogue
from migrations_portal.risk.rulebook import RULES
from migrations_portal.risk.schema import Schema
from migrations_portal.risk.scripts import placed
from migrations_portal.risk.statements import apply, read_only
from migrations_portal.risk.transactions import half_files, judge_transactions
from migrations_portal.risk.way_back import judge_way_back, shape

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from migrations_portal.risk.judge import Step
    from migrations_portal.risk.scripts import ScriptFile

OLDEST_VERSION, NEWEST_VERSION = 13, 18
_NO_NAMES: frozenset[str] = frozenset()


def assess(
    files: Sequence[ScriptFile],
    *,
    down: Sequence[ScriptFile] = (),
    schema: Schema | None = None,
    server_version: int = 17,
    phi_tables: Collection[str] = (),
) -> Assessment:
    """Judge the files in the order in which they run; `down` in the order in which it would undo them.

    Without a schema every name is taken to stand for a live table of unknown shape. The level is that of going up;
    what is wrong with the way back is told among the findings.
    """
    with collection_paused():
        return _assessed(files, down, schema, server_version, phi_tables)


@contextmanager
def collection_paused() -> Iterator[None]:
    """Look for no cycles within: trees, judgements and reports are many containers without one, and the search doubles the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _assessed(
    files: Sequence[ScriptFile],
    down: Sequence[ScriptFile],
    schema: Schema | None,
    server_version: int,
    phi_tables: Collection[str],
) -> Assessment:
    version = min(max(server_version, OLDEST_VERSION), NEWEST_VERSION)
    analysis = Analysis((schema or Schema()).clone(), version=version, apply=apply, read=read_only)
    catalogue = PhiCatalogue(phi_tables)
    holders = catalogue.holders(analysis.schema)
    before = shape(analysis.schema)
    up = _walk(analysis, files, catalogue, holders)
    back = _walk(analysis, down, catalogue, holders)
    whole = [*half_files(files, up), *_empty(files, up)]
    whole += judge_way_back(up, back, before=before, after=analysis.schema)
    return _assessment(up, back, whole)


def _walk(
    analysis: Analysis, files: Sequence[ScriptFile], catalogue: PhiCatalogue, holders: set[int]
) -> list[Step]:
    steps: list[Step] = []
    transaction = 0
    for script in files:
        _new_session(analysis)
        reads_for_itself = script.name.lower().endswith(PROGRAMS)
        for place in placed(script, first=transaction + 1):
            if place.statement.kind != "TransactionStmt":
                analysis.in_transaction = place.transaction > 0
            step = judge(analysis, script.name, place, catalogue, holders)
            if analysis.schema.types:
                judge_new_values(analysis, place.statement, step)
            if reads_for_itself and step.kind == "SelectStmt":
                judge_reading(analysis, step)
            steps.append(step)
            transaction = place.transaction or transaction
        transaction += 1
    judge_transactions(steps)
    return steps


def _new_session(analysis: Analysis) -> None:
    """Each file is run by a session of its own."""
    analysis.path = ("public",)
    analysis.timezone = None
    analysis.in_transaction = analysis.replica_role = False
    analysis.prepared.clear()
    analysis.cursors.clear()
    analysis.pending.clear()
    analysis.timed.clear()
    analysis.deferred = None


def _empty(files: Sequence[ScriptFile], steps: Sequence[Step]) -> list[Finding]:
    judged = {step.risk.file for step in steps}
    rule = "nothing-to-judge"
    names = (
        [script.name for script in files if script.name not in judged] if files else ["The plan"]
    )
    return [Finding(rule, RULES[rule].level, {"file": name}) for name in names]


def _assessment(up: list[Step], back: list[Step], whole: list[Finding]) -> Assessment:
    pattern, series = advise(up)
    levels = [step.risk.level for step in up] + [finding.level for finding in whole]
    level = highest(levels)
    phi_tables = sorted(_NO_NAMES.union(*[step.phi for step in (*up, *back)]))
    return Assessment(
        level=level,
        phi=bool(phi_tables),
        pattern=pattern,
        statements=tuple([step.risk for step in up]),
        findings=tuple(whole),
        tables=tuple(sorted(_NO_NAMES.union(*[step.risk.tables for step in up]))),
        phi_tables=tuple(phi_tables),
        down=tuple([step.risk for step in back]),
        series=series,
    )
