"""The spec's checklist template, filled in, as Markdown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from migrations_portal.plans.checklist import BY_KEY, Section

_MARKUP = re.compile(r"([\\`*_\[\]<>#|~])")
_HEADINGS = {
    Section.PRE_MIGRATION: "Pre-Migration",
    Section.EXECUTION: "Execution",
    Section.POST_MIGRATION: "Post-Migration",
    Section.ROLLBACK: "Rollback (if needed)",
}


@dataclass(frozen=True)
class Line:
    """One item of the list, ticked or not."""

    key: str
    done_at: datetime | None
    by: str
    note: str
    evidence_url: str


@dataclass(frozen=True)
class Sheet:
    """Everything that the template asks for."""

    title: str
    when: datetime | None
    zone: ZoneInfo
    executor: str
    reviewers: Sequence[str]
    tables: Sequence[str]
    expected_seconds: int | None
    downtime: str
    phi: bool
    lines: Sequence[Line]
    notes: Sequence[str]


def plain(text: str) -> str:
    """Return user text on one line, with Markdown's own signs escaped."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def written(sheet: Sheet) -> str:
    """Return the template with everything filled in."""
    day = f"{sheet.when.astimezone(sheet.zone):%Y-%m-%d}" if sheet.when else "not set"
    minutes = (
        "not known" if not sheet.expected_seconds else f"{sheet.expected_seconds / 60:.1f} minutes"
    )
    parts = [
        f"# Migration Checklist: {plain(sheet.title)}",
        "",
        f"**Date:** {day}",
        f"**Executor:** {plain(sheet.executor) or 'not known yet'}",
        f"**Reviewers:** {plain(', '.join(sheet.reviewers)) or 'nobody yet'}",
        "",
        *_list(sheet, Section.PRE_MIGRATION),
        "## Migration Details",
        "",
        "**Tables Affected:**",
        *([f"- [x] {plain(each)}" for each in sheet.tables] or ["- [ ] not known yet"]),
        "",
        f"**Estimated Duration:** {minutes}",
        "",
        f"**Expected Downtime:** {sheet.downtime}",
        "",
        f"**PHI Impact:** {'Yes' if sheet.phi else 'No'}",
        "",
        *_list(sheet, Section.EXECUTION),
        *_list(sheet, Section.POST_MIGRATION),
        *_list(sheet, Section.ROLLBACK),
        "**Notes:**",
        *([plain(each) for each in sheet.notes] or ["none"]),
    ]
    return "\n".join(parts) + "\n"


def _list(sheet: Sheet, section: Section) -> list[str]:
    mine = [line for line in sheet.lines if BY_KEY[line.key].section is section]
    return [f"## {_HEADINGS[section]}", "", *(_line(each, sheet.zone) for each in mine), ""]


def _line(line: Line, zone: ZoneInfo) -> str:
    title = BY_KEY[line.key].title
    if line.done_at is None:
        return f"- [ ] {title}"
    when = f"{line.done_at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    note = f": {plain(line.note)}" if line.note else ""
    proof = f" (<{line.evidence_url}>)" if line.evidence_url else ""
    return f"- [x] {title} ({plain(line.by)}, {when}){note}{proof}"
