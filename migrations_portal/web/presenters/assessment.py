"""The assessment of a plan, statement by statement, as the page shows it."""

from typing import Any

from migrations_portal.plans.models import PlanAssessment

BLOCKS = {
    "AccessExclusiveLock": "reads and writes",
    "ExclusiveLock": "writes",
    "ShareRowExclusiveLock": "writes",
    "ShareLock": "writes",
    "ShareUpdateExclusiveLock": "other schema changes only",
}
"""What users cannot do while a lock of this mode is held (PostgreSQL documentation, "Table-Level Locks")."""

TONES = {"LOW": "good", "MEDIUM": "warn", "HIGH": "bad", "CRITICAL": "bad"}


def shown(row: PlanAssessment | None) -> dict[str, Any] | None:
    """Return the assessment as values, None when there is no file yet."""
    if row is None:
        return None
    if row.done_at is None:
        return {"state": "running"}
    if not row.level:
        return {"state": "problem", "problem": row.problem}
    statements = row.result.get("statements", [])
    return {
        "state": "done",
        "level": row.level,
        "reason": row.result.get("reason", ""),
        "phi_reason": f"Touches PHI: {', '.join(row.tables)}." if row.phi else "",
        "problem": "",
        "statements": [_statement(number, each) for number, each in enumerate(statements, start=1)],
    }


def _statement(number: int, said: dict[str, Any]) -> dict[str, Any]:
    locks = said.get("locks", {})
    blocked = sorted({BLOCKS[mode] for mode in locks.values() if mode in BLOCKS})
    rewrites = [f"Rewrites {name}" for name in said.get("rewrites", [])]
    scans = [f"Scans {name}" for name in said.get("scans", [])]
    return {
        "number": number,
        "file": said["file"],
        # What a Sequelize file sends has no line in the file itself; only SQL files can be pointed at.
        "line": said.get("line") if str(said["file"]).endswith(".sql") else None,
        "sql": said["sql"],
        "level": said["level"],
        "lock": ", ".join(f"{mode} on {name}" for name, mode in locks.items()),
        "blocks": " and ".join(blocked),
        "rewrites": ". ".join([*rewrites, *scans]),
        "findings": [_finding(each) for each in said.get("findings", [])],
    }


def _finding(said: dict[str, Any]) -> dict[str, Any]:
    safe = (
        "\n".join(said.get("safe_sql") or [])
        if isinstance(said.get("safe_sql"), list)
        else said.get("safe_sql")
    )
    return {
        "tone": TONES.get(said["level"], "warn"),
        "title": said["message"],
        "advice": " ".join(part for part in (said.get("advice"), safe) if part),
        "rule": said["rule"],
        "rule_url": f"/rules/{said['rule']}/",
    }
