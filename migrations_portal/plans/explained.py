"""A stored assessment in words: what the page shows and what the API answers are made from this, so that they cannot differ."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from migrations_portal.plans import staleness
from migrations_portal.plans.models import PlanAssessment, PlanRevision
from migrations_portal.risk import Level, Reversibility, words
from migrations_portal.targets import queries as targets
from migrations_portal.targets.models import Target


def told(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the assessment with its sentences. One that was stored by an earlier version has fewer of them."""
    statements = [_statement(each) for each in result.get("statements", [])]
    return {
        "reason": result.get("reason", ""),
        "longest_wait": words.longest_wait(result.get("statements", [])),
        "phi_reasons": list(result.get("phi_reasons", {}).values()),
        "blast_radius": result.get("blast_radius", []),
        "advice": result.get("advice") or _plain_advice(result),
        "rates": _rates(result),
        "rollback": result.get("rollback"),
        "reversibility": reversibility(result),
        "irreversible": graded(result, grade=Reversibility.RED),
        "statements": statements,
        "findings": result.get("findings", []),
        "down": [_statement(each, back=True) for each in result.get("down", [])],
    }


def _plain_advice(result: Mapping[str, Any]) -> dict[str, Any]:
    return {"pattern": result.get("pattern", ""), "when": "", "phases": []}


def reversibility(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Say how far the whole can be undone, and which statements decide it; None where that was not stored."""
    return words.reversibility(result.get("statements", []), where=_where)


def graded(
    result: Mapping[str, Any], *, grade: Reversibility, files: Collection[str] | None = None
) -> list[str]:
    """Say where the assessed statements are that can be undone just so far; of all files, or of these."""
    return [
        _where(each)
        for each in result.get("statements", [])
        if words.reversibility_of(each) is grade and (files is None or each.get("file") in files)
    ]


def _statement(said: Mapping[str, Any], *, back: bool = False) -> dict[str, Any]:
    return {**said, "said": {**words.sentences(said, back=back), "where": _where(said)}}


def _where(said: Mapping[str, Any]) -> str:
    """Say where it stands. What a program sends has a line only where its call was found."""
    file = str(said.get("file", ""))
    line = said.get("line") if file.endswith(".sql") else said.get("call_line")
    return f"{file}, line {line}" if line else file


def _rates(result: Mapping[str, Any]) -> str:
    if "rates" not in result:
        return ""
    rates = result["rates"]
    if rates is None:
        return "Times are predicted with rates of an ordinary server; this one has not been measured yet."
    at = datetime.fromisoformat(rates["measured_at"])
    return f"Times are predicted with rates measured on {rates['measured_on']} on {at:%d %b %Y}."


def stale(row: PlanAssessment, *, target: Target) -> list[str]:
    """Say why an assessment no longer speaks of the target as it is; nothing while it does, or when it has no basis."""
    said = row.result.get("basis")
    if said is None or (found := targets.known_now(target=target)) is None:
        return []
    now, tagged = found
    then = staleness.from_json(said)
    today = staleness.Basis(
        schema_digest=now.schema_digest,
        server_version=now.server_version,
        tagged=tagged,
        rows={name: now.rows[name] for name in then.rows if name in now.rows},
    )
    return staleness.changes(then, today)


def outgrown(row: PlanAssessment | None, *, revision: PlanRevision | None) -> str:
    """Say that the files are riskier today than what was signed; empty while the signatures still cover them."""
    if row is None or revision is None or not row.level:
        return ""
    higher = Level(row.level).rank > Level(revision.level).rank
    if not higher and (revision.phi or not row.phi):
        return ""
    today = f"{row.level.lower()} risk{' and touches PHI' if row.phi else ''}"
    signed = f"{revision.level.lower()} risk{' with PHI' if revision.phi else ', without PHI'}"
    return (
        f"Assessed again, this change is {today}, but revision {revision.number} was signed as {signed}. "
        "It does not run like that: submit it as a new revision, so that the right people sign."
    )
