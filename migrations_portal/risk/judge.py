"""From what was seen of one statement to its judgement: findings with places, PHI, predicted blocking, and the level."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from migrations_portal.risk.analysis import Analysis, Seen, table_locks
from migrations_portal.risk.findings import Finding, StatementRisk
from migrations_portal.risk.forecast import Forecast, forecast, level_of
from migrations_portal.risk.levels import LOW, Level, highest
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import TABLE_KINDS
from migrations_portal.risk.phi import WORSE_WITH_PHI
from migrations_portal.risk.reversibility import GREEN, RED, YELLOW, graded
from migrations_portal.risk.rulebook import RULES
from migrations_portal.risk.statements import apply
from migrations_portal.risk.versions import too_new

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node, Statement
    from migrations_portal.risk.phi import PhiCatalogue
    from migrations_portal.risk.scripts import Placed

logger = logging.getLogger(__name__)

_KEEPS_NO_ROWS = frozenset({"TruncateStmt"})
_BACKFILLS = frozenset({"insert-select", "merge-rows", "copy-from"})


class Step(Struct):
    """A judged statement with what the look at the whole needs of it. Its tree is not kept: trees are by far the most memory."""

    risk: StatementRisk
    kind: str
    commands: tuple[str, ...]
    """What an ALTER TABLE says, command by command."""
    transaction: int
    certain: bool
    refuses: str
    """As of `Placed`."""
    blocking: dict[str, Lock]
    """Live tables that it locks against writes."""
    backfill: bool
    """Changes rows without an index that leads to few of them."""
    phi: frozenset[str]
    """PHI relations that it works on."""

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
    seen, schema, statement = analysis.seen, analysis.schema, place.statement
    seen.clear()
    first_new = schema.next_oid
    _work_out(analysis, statement)
    held, blocking = table_locks(analysis)
    only_locked = (
        seen.locks.keys() >= seen.scans.keys() | seen.rewrites.keys()
        if seen.scans or seen.rewrites
        else True
    )
    if only_locked and not seen.touched and schema.next_oid == first_new:
        tables = tuple(sorted(held)) if len(held) > 1 else tuple(held)
    else:
        tables = _names(seen, _touched(analysis, first_new))
    phi = (
        _phi(seen, _touched(analysis, first_new), catalogue, holders)
        if catalogue.tagged
        else _NO_NAMES
    )
    findings = _findings(seen, statement, phi_touched=bool(phi)) if seen.findings else []
    predicted = None
    if schema.sizes and statement.kind not in _KEEPS_NO_ROWS:
        predicted = _predicted(analysis, seen)
        if predicted is not None and blocking:
            findings += _blocked(seen, predicted, blocking)
    commands = _commands(statement.node) if statement.kind == "AlterTableStmt" else ()
    if seen.destroys:
        reversibility = RED
    else:
        reversibility = graded(statement.kind, statement.node, commands, findings)
        if reversibility is GREEN and seen.data_change:
            reversibility = YELLOW
    risk = StatementRisk(
        file, statement.line, statement.column, statement.sql,
        _level(findings) if findings else LOW,
        held, _names(seen, seen.rewrites) if seen.rewrites else (), _names(seen, seen.scans) if seen.scans else (),
        tuple(findings), tables, predicted, reversibility, tuple(sorted(seen.views)) if seen.views else (),
    )  # fmt: skip
    return Step(
        risk, statement.kind, commands,
        place.transaction, place.certain, place.refuses, blocking, seen.data_change and _is_backfill(seen, findings), phi,
    )  # fmt: skip


def _level(findings: list[Finding]) -> Level:
    return findings[0].level if len(findings) == 1 else highest([each.level for each in findings])


def _commands(alter_table: Node) -> tuple[str, ...]:
    commands = alter_table["cmds"]
    if len(commands) == 1:
        return (commands[0]["AlterTableCmd"]["subtype"],)
    return tuple([item["AlterTableCmd"]["subtype"] for item in commands])


_NO_NAMES: frozenset[str] = frozenset()


def _touched(analysis: Analysis, first_new: int) -> dict[int, Relation]:
    """Everything that the statement works on, and the relations that it has entered in the catalogue."""
    seen, schema = analysis.seen, analysis.schema
    touched = {oid: relation for oid, (relation, _, _) in seen.locks.items()}
    touched |= seen.touched | seen.rewrites | seen.scans
    relations, new = schema.relations, range(first_new, schema.next_oid)
    return touched | {oid: relations[oid] for oid in new if oid in relations}


def _phi(
    seen: Seen, touched: dict[int, Relation], catalogue: PhiCatalogue, holders: set[int]
) -> frozenset[str]:
    """The PHI relations among the touched ones, under the names they had before the statement."""
    locked = {oid: name for oid, (_, name, _) in seen.locks.items()}
    named = {oid: locked.get(oid, relation.qualified) for oid, relation in touched.items()}
    return frozenset(
        name
        for oid, name in named.items()
        if oid in holders or catalogue.tags(name) or catalogue.tags(touched[oid].qualified)
    )


def _is_backfill(seen: Seen, findings: list[Finding]) -> bool:
    return bool(seen.scans) or any(finding.rule in _BACKFILLS for finding in findings)


def _predicted(analysis: Analysis, seen: Seen) -> Forecast | None:
    return forecast(
        analysis.schema.sizes,
        rewritten=seen.rewrites,
        scanned=seen.scans,
        changes_rows=seen.data_change,
    )


def _work_out(analysis: Analysis, statement: Statement) -> None:
    if statement.problem is not None:
        analysis.find(statement.problem.rule, problem=statement.problem.message)
        return
    try:
        for what, needed in too_new(statement.kind, statement.node, analysis.version):
            analysis.find("too-new", what=what, needed=needed, version=analysis.version)
        apply(analysis, statement.kind, statement.node)
    except Exception:
        # A gap in our own knowledge must not stop the assessment, and must never make a statement look harmless.
        logger.exception("The risk engine has no answer to a %s", statement.kind)
        analysis.find("not-understood", kind=statement.kind.removesuffix("Stmt"))


def _findings(seen: Seen, statement: Statement, *, phi_touched: bool) -> list[Finding]:
    findings: list[Finding] = []
    for rule, level, values, at in seen.findings:
        line, column = statement.place(at) if at >= 0 else (statement.line, statement.column)
        worse = phi_touched and rule in WORSE_WITH_PHI
        found = Level.CRITICAL if worse else level or RULES[rule].level
        finding = Finding(rule, found, values, line, column)
        if finding not in findings:
            findings.append(finding)
    return findings


def _blocked(seen: Seen, predicted: Forecast, blocking: dict[str, Lock]) -> list[Finding]:
    level = level_of(predicted.seconds)
    if level is LOW:
        return []
    table = max(blocking, key=lambda name: blocking[name])
    word = "rewrites" if seen.rewrites else "reads"
    values: dict[str, object] = {
        "table": table, "blocks": blocking[table].blocks, "seconds": predicted.spoken,
        "interval": predicted.interval, "work": f"it {word} {predicted.rows:,} rows",
    }  # fmt: skip
    return [Finding("predicted-blocking", level, values)]


def _names(seen: Seen, relations: Mapping[int, Relation]) -> tuple[str, ...]:
    """The names of tables in order; views, sequences and temporary tables are left out."""
    locks = seen.locks
    names = [
        locks[oid][1] if oid in locks else relation.qualified
        for oid, relation in relations.items()
        if relation.kind in TABLE_KINDS and relation.persistence != "t"
    ]
    return tuple(sorted(set(names))) if len(names) > 1 else tuple(names)
