"""The assessment of a plan, statement by statement, as the page shows it: the worst first, the harmless ones folded away."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from migrations_portal.plans import explained
from migrations_portal.plans.models import MigrationPlan, PlanAssessment, PlanRevision
from migrations_portal.plans.rules import REASSESSED
from migrations_portal.risk import RULES, Level, Reversibility
from migrations_portal.risk.words import reversibility_of, why

TONES = {"LOW": "good", "MEDIUM": "warn", "HIGH": "bad", "CRITICAL": "bad"}
WAIT_TONES = {"within": "good", "may exceed": "warn", "over": "bad"}
KINDS = {"plan": "A plan of its own", "backfill": "A backfill plan", "deploy": "A deployment"}
FEW = 3
"""So many harmless statements are shown openly when there is nothing worse."""
MANY_PHI = 6
"""Reasons for PHI that are shown before the rest is folded away."""


def shown(row: PlanAssessment | None) -> dict[str, Any] | None:
    """Return the assessment as values, None when there is no file yet."""
    if row is None:
        return None
    if row.done_at is None:
        return {"state": "running", "delayed": row.problem}
    if not row.level:
        return {"state": "problem", "problem": row.problem}
    said = explained.told(row.result)
    return {
        "state": "done",
        "level": row.level,
        "reason": said["reason"],
        "assessed_at": row.done_at,
        "wait": _wait(said["longest_wait"]),
        "rates": said["rates"],
        "phi": _phi(row, said["phi_reasons"]),
        "findings": [finding(each) for each in said["findings"]],
        "up": _direction(said["statements"]),
        "down": _direction(said["down"]),
        "way_back": _way_back(said),
        "advice": _advice(said["advice"]),
        "blast": said["blast_radius"],
        "rules_url": reverse("rules"),
    }


def with_controls(
    told: dict[str, Any] | None,
    *,
    plan: MigrationPlan,
    row: PlanAssessment | None,
    revision: PlanRevision | None,
    may: bool,
) -> dict[str, Any] | None:
    """Add what a person can do about it: assess again, read the PHI list, and why the assessment may be stale."""
    if told is None or row is None or row.done_at is None:
        return told
    open_still = plan.status in REASSESSED
    again = reverse("plan-assess", args=[plan.pk]) if may and open_still else ""
    return {
        **told,
        "stale": explained.stale(row, target=plan.target) if open_still else [],
        "outgrown": explained.outgrown(row, revision=revision) if open_still else "",
        "again_url": again,
        "phi_url": reverse("phi", args=[plan.target_id]),
        "zone": plan.target.time_zone,
    }


def _wait(said: Mapping[str, Any] | None) -> dict[str, str]:
    if said is None:
        return {"tone": "good", "sentence": "Nobody has to wait for a lock on a table in use."}
    return {"tone": WAIT_TONES[said["verdict"]], "sentence": said["sentence"]}


def _phi(row: PlanAssessment, reasons: Sequence[str]) -> dict[str, Any] | None:
    if not row.phi:
        return None
    sentences = list(reasons) or [f"It touches {', '.join(row.tables)}, which is PHI."]
    return {"sentences": sentences[:MANY_PHI], "more": sentences[MANY_PHI:]}


def _direction(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sort the statements of one direction: what matters, worst first, and what is harmless, in the order of the files."""
    numbered = [_statement(number, each) for number, each in enumerate(statements, start=1)]
    worst = [each for each in numbered if each["level"] != Level.LOW]
    worst.sort(key=lambda each: (-Level(each["level"]).rank, each["number"]))
    quiet = [each for each in numbered if each["level"] == Level.LOW]
    return {
        "count": len(numbered),
        "worst": worst,
        "quiet": quiet,
        "fold": bool(worst) or len(quiet) > FEW,
    }


def _statement(number: int, told: Mapping[str, Any]) -> dict[str, Any]:
    said = told["said"]
    return {
        "number": number,
        "where": said["where"],
        "sql": told["sql"],
        "level": told["level"],
        "locks": said["locks"],
        "work": said["work"],
        "time": said["time"],
        "way_back": said["way_back"],
        "way_back_bad": reversibility_of(told) in {Reversibility.UNKNOWN, Reversibility.RED},
        "findings": [finding(each) for each in told.get("findings", [])],
    }


def finding(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return one finding with why, what to do instead, and its rule's page."""
    rule = RULES.get(said["rule"])
    safe = said.get("safe_sql") or ""
    tone = TONES.get(said["level"], "warn")
    return {
        # What can be written in a better way is no tick, however low its level.
        "tone": "warn" if tone == "good" and safe else tone,
        "title": said["message"],
        "why": why(said["rule"]),
        "advice": said.get("advice") or "",
        "safe_sql": safe,
        "language": "js" if safe.startswith("await") else "sql",
        "rule": said["rule"],
        "rule_url": reverse("rule", args=[said["rule"]]) if rule else "",
    }


def _way_back(said: Mapping[str, Any]) -> dict[str, Any] | None:
    rollback, grade = said["rollback"], said["reversibility"]
    if rollback is None and grade is None:
        return None
    return {
        "tone": "good" if rollback and rollback["proven"] else "warn",
        "sentence": rollback.get("sentence", "") if rollback else "",
        "reversibility": grade and {**grade, "tone": _GRADES[Reversibility(grade["grade"])]},
    }


_GRADES = {
    Reversibility.GREEN: "good",
    Reversibility.YELLOW: "warn",
    Reversibility.UNKNOWN: "bad",
    Reversibility.RED: "bad",
}


def _advice(said: Mapping[str, Any]) -> dict[str, Any] | None:
    if not said["pattern"]:
        return None
    phases = [
        {
            "number": number,
            "title": each["title"],
            "kind": KINDS.get(each["kind"], each["kind"]),
            "sql": each["sql"],
        }
        for number, each in enumerate(said["phases"], start=1)
    ]
    return {
        "pattern": said["pattern"],
        "when": said["when"],
        "phases": phases,
        "text": _as_text(said["pattern"], phases),
    }


def _as_text(pattern: str, phases: Sequence[Mapping[str, Any]]) -> str:
    """The whole series as one text to copy."""
    parts = [f"-- {pattern}, in {len(phases)} phases"]
    for each in phases:
        parts.append(f"\n-- {each['number']}. {each['title']} ({each['kind'].lower()})")
        parts += [each["sql"]] if each["sql"] else []
    return "\n".join(parts)
