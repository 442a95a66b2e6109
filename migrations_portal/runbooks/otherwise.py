"""A file that behaves differently by environment: what it sent, held against what was assessed and rehearsed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migrations_portal import risk
from migrations_portal.execution.ports import ChildResult
from migrations_portal.execution.recorder import StepRecord
from migrations_portal.execution.recording import RecordedScript, recorded_sql
from migrations_portal.execution.rules import SENT_OTHERWISE
from migrations_portal.plans import queries as plans
from migrations_portal.plans.models import MigrationPlan, PlanAssessment
from migrations_portal.rehearsals import queries as rehearsals
from migrations_portal.rehearsals.observed import SentOtherwise
from migrations_portal.rehearsals.verdict import quoted
from migrations_portal.risk.shapes import otherwise
from migrations_portal.runbooks import catalogue, explaining
from migrations_portal.runbooks.tools import Tools
from migrations_portal.targets import queries as targets
from migrations_portal.targets.models import Target

KEPT = 100
"""Statements that are kept of each kind."""


@dataclass(frozen=True)
class Assessed:
    """What the assessment of a plan's files says: by file what each sends, and what the plan is."""

    statements: Mapping[str, Sequence[str]]
    level: str
    phi: bool


def assessed_of(row: PlanAssessment | None) -> Assessed | None:
    """Return what was assessed; None when nothing was, or what was kept does not say it."""
    said = row.result.get("statements", []) if row else []
    if row is None or not said or not all("file" in each and "sql" in each for each in said):
        return None
    found: dict[str, list[str]] = {}
    for each in said:
        found.setdefault(each["file"], []).append(each["sql"])
    return Assessed(found, row.level, row.phi)


def on_the_copy(
    sent: Mapping[str, RecordedScript], *, assessed: Assessed
) -> tuple[SentOtherwise, ...]:
    """Compare the first way up of a rehearsal with what was assessed."""
    found = []
    for name, script in sent.items():
        difference = otherwise(script.statements, known=assessed.statements.get(name, ()))
        if difference:
            found.append(SentOtherwise(name, difference.new[:KEPT], difference.missing[:KEPT]))
    return tuple(found)


def raised(
    sent: Mapping[str, RecordedScript],
    *,
    assessed: Assessed,
    target: Target,
    tools: Tools,
    now: datetime,
) -> str:
    """Judge what was sent on the copy as an assessment would, and say what the plan would be ("HIGH instead of LOW").

    Empty when it is no more than what was assessed. Raises what reading the target's catalogue raises.
    """
    said = explaining.judged(
        [
            risk.ScriptFile(name, ";\n".join(each.statements) + ";", each.one_transaction)
            for name, each in sent.items()
            if each.statements
        ],
        [],
        found=catalogue.read(target, tools=tools, now=now),
        rates=targets.newest_rates(target=target),
    )
    if risk.Level(said["level"]).rank > risk.Level(assessed.level).rank:
        return f"{said['level']} instead of {assessed.level}"
    return "PHI, which it was not" if said["phi"] and not assessed.phi else ""


def note(plan: MigrationPlan, step: StepRecord, *, name: str, result: ChildResult) -> None:
    """Write down when a file of a run sent other SQL than was assessed and rehearsed. It is sent by then: people are told.

    What a rehearsal of the same files has shown is known. Only what was new counts for a file that failed.
    """
    assessed = assessed_of(plans.current_assessment(plan))
    if assessed is None or name not in assessed.statements or result.statements_left_out:
        return
    expected = assessed.statements[name]
    difference = otherwise(
        recorded_sql(result).statements,
        known=[*expected, *_rehearsed(plan, name)],
        expected=expected if result.exit_code == 0 else (),
    )
    if not difference:
        return
    new, missing = list(difference.new[:KEPT]), list(difference.missing[:KEPT])
    step.facts[name][SENT_OTHERWISE] = {"new": new, "missing": missing}
    for what, statements in (("never assessed", new), ("assessed, but not sent", missing)):
        if statements:
            step.say(f"{name}: {what}: {quoted(tuple(statements))}", level="warn")


def _rehearsed(plan: MigrationPlan, name: str) -> Iterable[str]:
    """What the newest rehearsal has seen beside what was assessed; it was shown to the signers."""
    revision = plans.newest_revision(plan)
    verdict = rehearsals.newest_verdict(revision) if revision else None
    told: list[dict[str, Any]] = verdict.result.get("otherwise", []) if verdict else []
    return [sql for each in told if each["file"] == name for sql in each["new"]]
