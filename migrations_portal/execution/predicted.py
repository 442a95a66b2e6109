"""What was predicted for a run's statements beside what they took."""

from collections.abc import Mapping, Sequence
from typing import Any

from migrations_portal.execution.models import MigrationRun, RunStep
from migrations_portal.execution.recording import command
from migrations_portal.plans import queries
from migrations_portal.risk.words import compared

SHOWN = 20
"""Statements that are listed; the rest is only counted."""


def beside(run: MigrationRun, *, steps: Sequence[RunStep]) -> dict[str, Any] | None:
    """Return the comparison, None while no statement has been timed or nothing was predicted."""
    taken = _taken(steps)
    if not taken:
        return None
    assessed = queries.current_assessment(run.plan)
    if assessed is None or not assessed.level:
        return None
    lines = [line for file, timed in taken for line in _of_file(assessed.result, file, timed)]
    if not lines:
        return None
    within = sum(1 for line in lines if line["within"])
    known = sum(1 for line in lines if line["known"])
    return {
        "sentence": f"{within} of {known} statements took as long as predicted.",
        "tone": "good" if within == known else "warn",
        "lines": lines[:SHOWN],
        "more": max(0, len(lines) - SHOWN),
    }


def _taken(steps: Sequence[RunStep]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The timed statements of each file that the run applied, in order."""
    facts: dict[str, Any] = next((step.facts for step in steps if step.key == "migrate"), {})
    return [
        (name, said["timed"])
        for name, said in facts.items()
        if isinstance(said, dict) and said.get("timed")
    ]


def _of_file(
    result: Mapping[str, Any], file: str, timed: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Set them side by side in their order; none when the file did not send what was assessed."""
    said = [each for each in result.get("statements", []) if each.get("file") == file]
    same = len(said) == len(timed) and all(
        command(one["sql"]) == other["command"] and one.get("predicted")
        for one, other in zip(said, timed, strict=True)
    )
    if not same:
        return []
    return [
        {
            **compared(one["predicted"], seconds=other["seconds"], held=other.get("held")),
            "what": " ".join(one["sql"].split())[:120],
        }
        for one, other in zip(said, timed, strict=True)
    ]
