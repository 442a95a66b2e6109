"""An assessment as text for a terminal, as SARIF 2.1.0, and as annotations of GitHub Actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrations_portal.risk.levels import Level
from migrations_portal.risk.reversibility import Reversibility
from migrations_portal.risk.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migrations_portal.risk.findings import Assessment, Finding, StatementRisk

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SARIF_LEVELS = {
    Level.LOW: "note",
    Level.MEDIUM: "warning",
    Level.HIGH: "error",
    Level.CRITICAL: "error",
}
_GITHUB_WORDS = {
    Level.LOW: "notice",
    Level.MEDIUM: "warning",
    Level.HIGH: "error",
    Level.CRITICAL: "error",
}
_COLOURS = {Level.LOW: "32", Level.MEDIUM: "33", Level.HIGH: "31", Level.CRITICAL: "1;31"}
_INDENT = "    "
LONGEST = 1_000
"""Statements that a text report shows one by one."""


def coloured(text: str, level: Level) -> str:
    """Colour a text by level for a terminal."""
    return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m"


def plain(text: str, level: Level) -> str:
    """Leave a text as it is."""
    return text


def as_text(assessed: Assessment, paint: Callable[[str, Level], str] = plain) -> str:
    """Short lines for a terminal: where, how risky, which locks, why, and what to write instead."""
    lines = [
        f"{paint(assessed.level.value, assessed.level)}{' · PHI' if assessed.phi else ''}  {assessed.reason}"
    ]
    if assessed.pattern:
        lines.append(f"Pattern: {assessed.pattern}")
        lines += [f"{_INDENT}{number}. {plan}" for number, plan in enumerate(assessed.series, 1)]
    if assessed.reversibility is not Reversibility.GREEN:
        lines.append(f"Way back: {assessed.reversibility}, {_lower(assessed.reversibility.title)}")
    for statement in assessed.statements[:LONGEST]:
        lines += ["", *_statement_lines(statement, paint)]
    left_out = len(assessed.statements) - LONGEST
    if left_out > 0:
        lines += ["", f"{left_out:,} more statements are in the level; --format json lists them."]
    if assessed.findings:
        lines.append("")
    for finding in assessed.findings:
        lines += _finding_lines(finding, paint, indent="")
    return "\n".join(lines) + "\n"


def _lower(title: str) -> str:
    return f"{title[0].lower()}{title[1:]}"


def _statement_lines(statement: StatementRisk, paint: Callable[[str, Level], str]) -> Iterator[str]:
    first = " ".join(statement.sql.split())
    shown = first if len(first) <= 100 else f"{first[:99]}…"  # noqa: PLR2004 - a line of a terminal
    level = paint(f"{statement.level.value:<8}", statement.level)
    yield f"{statement.file}:{statement.line}:{statement.column}  {level}  {shown}"
    for table, lock in statement.held.items():
        work = [
            word
            for word, tables in (("rewritten", statement.rewrites), ("read", statement.scans))
            if table in tables
        ]
        waits = f", {lock.blocks} wait" if lock.blocks else ""
        yield f"{_INDENT}{lock.mode} on {table}{waits}{''.join(f', {word}' for word in work)}"
    for finding in statement.findings:
        yield from _finding_lines(finding, paint, indent=_INDENT)


def _finding_lines(
    finding: Finding, paint: Callable[[str, Level], str], *, indent: str
) -> Iterator[str]:
    place = f" ({finding.line}:{finding.column})" if finding.line else ""
    yield f"{indent}{paint(finding.level.value, finding.level)} {finding.rule}{place}: {finding.message}"
    yield f"{indent}  → {finding.advice}"
    for line in finding.safe_sql.splitlines():
        yield f"{indent}    {line}"


def _placed(assessed: Assessment) -> Iterator[tuple[str, Finding]]:
    for statement in assessed.statements:
        for finding in statement.findings:
            yield statement.file, finding
    first = assessed.statements[0].file if assessed.statements else ""
    for finding in assessed.findings:
        yield str(finding.values.get("file", first)), finding


def as_sarif(assessed: Assessment) -> dict[str, Any]:
    """SARIF 2.1.0, as code scanning services read it."""
    placed = list(_placed(assessed))
    used = sorted({finding.rule for _, finding in placed})
    rules = [
        {
            "id": name,
            "shortDescription": {"text": RULES[name].title},
            "fullDescription": {"text": RULES[name].why},
            "help": {"text": RULES[name].safe_way},
            "defaultConfiguration": {"level": _SARIF_LEVELS[RULES[name].level]},
        }
        for name in used
    ]
    results = [_sarif_result(file, finding, used.index(finding.rule)) for file, finding in placed]
    run = {
        "tool": {"driver": {"name": "White Cross Ops", "rules": rules}},
        "results": results,
        "properties": {
            "level": assessed.level.value,
            "phi": assessed.phi,
            "reversibility": assessed.reversibility.value,
        },
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_result(file: str, finding: Finding, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _SARIF_LEVELS[finding.level],
        "message": {"text": f"{finding.message} {finding.advice}"},
        "properties": {"level": finding.level.value},
    }
    if file:
        region = {"startLine": max(finding.line, 1), "startColumn": max(finding.column, 1)}
        location = {"artifactLocation": {"uri": file}, "region": region}
        result["locations"] = [{"physicalLocation": location}]
    return result


def as_github(assessed: Assessment) -> str:
    """Workflow commands that GitHub Actions shows beside the lines of a pull request."""
    lines = []
    for file, finding in _placed(assessed):
        values = {
            "file": file, "line": str(max(finding.line, 1)), "col": str(max(finding.column, 1)),
            "title": f"{finding.level.value}: {finding.title}",
        }  # fmt: skip
        properties = ",".join(
            f"{key}={_escaped(value, ':,')}" for key, value in values.items() if value
        )
        text = "\n".join(filter(None, (finding.message, finding.advice, finding.safe_sql)))
        lines.append(f"::{_GITHUB_WORDS[finding.level]} {properties}::{_escaped(text)}")
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str, also: str = "") -> str:
    for character in f"%\r\n{also}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text
