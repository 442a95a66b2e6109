"""From what was seen of one statement to its judgement: findings with places, PHI, predicted blocking, and the level."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from migrations_portal.risk.analysis import Analysis, Seen, table_locks
from migrations_portal.risk.findings import Finding, StatementRisk
from migrations_portal.risk.forecast import Forecast, forecast, level_of
from migrations_portal.risk.levels import Level, highest
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import TABLE_KINDS
from migrations_portal.risk.phi import WORSE_WITH_PHI
from migrations_portal.risk.rulebook import RULES
from migrations_portal.risk.statements import apply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Statement
    from migrations_portal.risk.phi import PhiCatalogue
    from migrations_portal.risk.scripts import Placed

logger = logging.getLogger(__name__)

_KEEPS_NO_ROWS = frozenset({"TruncateStmt"})
_BACKFILLS = frozenset({"insert-select", "merge-rows", "copy-from"})


@dataclass(slots=True)
class Step:
    """A judged statement with what the look at the whole needs of it."""

    risk: StatementRisk
    place: Placed
    blocking: dict[str, Lock]
    """Live tables that it locks against writes."""
    backfill: bool
    """Changes rows without an index that leads to few of them."""
    phi: frozenset[str]
    """PHI relations that it works on."""
    made: tuple[str, ...]

    def add(self, rule: str, *, level: Level | None = None, **values: object) -> None:
        """Add a finding on the whole statement."""
        risk = self.risk
        finding = Finding(rule, level or RULES[rule].level, values, risk.line, risk.column)
        self.risk = replace(
            risk, findings=(*risk.findings, finding), level=highest([risk.level, finding.level])
        )


def judge(
    analysis: Analysis, file: str, place: Placed, catalogue: PhiCatalogue, holders: set[int]
) -> Step:
    """Work one statement out against the catalogue as it stands, and change the catalogue as the statement does."""
    analysis.number += 1
    analysis.seen = seen = Seen()
    first_new = analysis.schema.next_oid
    statement = place.statement
    _work_out(analysis, statement)
    made = [
        r
        for oid in range(first_new, analysis.schema.next_oid)
        if (r := analysis.schema.relations.get(oid))
    ]
    touched = list((seen.touched | seen.rewrites | seen.scans | {r.oid: r for r in made}).values())
    phi = {
        seen.names.get(r.oid, r.qualified)
        for r in touched
        if r.oid in holders or catalogue.names(r) or catalogue.tags(seen.names.get(r.oid, ""))
    }
    findings = _findings(seen, statement, phi_touched=bool(phi))
    predicted = forecast(
        analysis.schema.sizes,
        rewritten=() if statement.kind in _KEEPS_NO_ROWS else seen.rewrites,
        scanned=() if statement.kind in _KEEPS_NO_ROWS else seen.scans,
        changes_rows=seen.data_change,
    )
    blocking = _blocking(analysis, seen)
    if predicted is not None and blocking:
        findings += _blocked(seen, predicted, blocking)
    names = {
        seen.names.get(r.oid, r.qualified)
        for r in touched
        if r.kind in TABLE_KINDS and r.persistence != "t"
    }
    risk = StatementRisk(
        file=file, line=statement.line, column=statement.column, sql=statement.sql,
        level=highest(finding.level for finding in findings),
        held=table_locks(analysis), findings=tuple(findings),
        rewrites=_sorted(seen, seen.rewrites.values()), scans=_sorted(seen, seen.scans.values()),
        tables=tuple(sorted(names)), forecast=predicted, irreversible=seen.irreversible,
        views=tuple(sorted(seen.views)),
    )  # fmt: skip
    backfill = seen.data_change and (
        bool(seen.scans) or any(f.rule in _BACKFILLS for f in findings)
    )
    return Step(
        risk, place, blocking, backfill,
        phi=frozenset(phi),
        made=tuple(r.qualified for r in made if r.kind in TABLE_KINDS and not r.assumed),
    )  # fmt: skip


def _work_out(analysis: Analysis, statement: Statement) -> None:
    if statement.problem is not None:
        analysis.find(statement.problem.rule, problem=statement.problem.message)
        return
    try:
        apply(analysis, statement.kind, statement.node)
    except Exception:
        # A gap in our own knowledge must not stop the assessment, and must never make a statement look harmless.
        logger.exception("The risk engine has no answer to a %s", statement.kind)
        analysis.find("not-understood", kind=statement.kind.removesuffix("Stmt"))


def _findings(seen: Seen, statement: Statement, *, phi_touched: bool) -> list[Finding]:
    findings = []
    for rule, level, values, at in seen.findings:
        line, column = statement.place(at) if at >= 0 else (statement.line, statement.column)
        worse = phi_touched and rule in WORSE_WITH_PHI
        found = Level.CRITICAL if worse else level or RULES[rule].level
        finding = Finding(rule, found, values, line, column)
        if finding not in findings:
            findings.append(finding)
    return findings


def _blocking(analysis: Analysis, seen: Seen) -> dict[str, Lock]:
    return {
        seen.names[oid]: lock
        for oid, lock in seen.locks.items()
        if lock.blocks_writes
        and seen.touched[oid].kind in TABLE_KINDS
        and analysis.live(seen.touched[oid])
    }


def _blocked(seen: Seen, predicted: Forecast, blocking: dict[str, Lock]) -> list[Finding]:
    level = level_of(predicted.seconds)
    if level is Level.LOW:
        return []
    table = max(blocking, key=lambda name: blocking[name])
    word = "rewrites" if seen.rewrites else "reads"
    values: dict[str, object] = {
        "table": table, "blocks": blocking[table].blocks, "seconds": predicted.spoken,
        "interval": predicted.interval, "work": f"it {word} {predicted.rows:,} rows",
    }  # fmt: skip
    return [Finding("predicted-blocking", level, values)]


def _sorted(seen: Seen, relations: Iterable[Relation]) -> tuple[str, ...]:
    return tuple(sorted(seen.names[r.oid] for r in relations if r.persistence != "t"))
