"""What changed between two revisions, in words and in lines. Pure: takes the canonical contents and the files' texts."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from migrations_portal.plans.rules import DOCUMENTATION_ITEMS

CONTEXT_LINES = 3
SHORT = 80
"""Characters that two answers together may have to stand on one line."""


@dataclass(frozen=True)
class FieldChange:
    """An answer of the plan that is another one now."""

    title: str
    before: str
    after: str

    @property
    def sentence(self) -> str:
        """The change on one line; long answers are only named."""
        if len(self.before) + len(self.after) > SHORT or "\n" in self.before + self.after:
            return f"{self.title} is worded differently"
        return f"{self.title}: {self.before or 'nothing'}, now {self.after or 'nothing'}"


@dataclass(frozen=True)
class Line:
    """A line of a difference; `kind` is add, del, or empty for what stayed."""

    number: int | None
    kind: str
    text: str


@dataclass(frozen=True)
class FileChange:
    """A migration file that is new, gone, or another one now."""

    name: str
    word: str
    lines: tuple[Line, ...]


def field_changes(before: str, after: str, *, zone: tzinfo) -> list[FieldChange]:
    """Return the answers that differ between two canonical contents, in the order of the form."""
    old, new = (_answers(json.loads(each), zone=zone) for each in (before, after))
    titles = list(dict.fromkeys([*old, *new]))
    pairs = [(title, old.get(title, ""), new.get(title, "")) for title in titles]
    return [FieldChange(*pair) for pair in pairs if pair[1] != pair[2]]


def _answers(content: Mapping[str, Any], *, zone: tzinfo) -> dict[str, str]:
    documentation = content["documentation"]
    t0 = datetime.fromisoformat(content["scheduled_for"]).astimezone(zone)
    return {
        "Title": content["title"],
        "Target": content["target"],
        "Risk": content["level"].lower(),
        "Touches PHI": "yes" if content["phi"] else "no",
        "T-0": f"{t0:%a %d %b %Y, %H:%M %Z}",
        "Executor": content.get("executor", ""),
        "Commit": content.get("commit", {}).get("sha", ""),
        "Authors of the commit": ", ".join(content.get("commit", {}).get("authors", ())),
        "Emergency": content.get("emergency", {}).get("reason", ""),
        **{
            title: _said(documentation[name]) + (" s" if name == "expected_seconds" else "")
            for name, (title, _) in DOCUMENTATION_ITEMS.items()
        },
        "Backup": content["backup_policy"],
        **{
            f"Check “{each['name']}”": f"{each['sql']} must return {each['expected']}"
            for each in content["checks"]
        },
        **{
            f"Smoke check “{each['name']}”": f"GET {each['url']} answers {each['status']} within {each['seconds']} s"
            + (f" with “{each['text']}”" if each["text"] else "")
            for each in content.get("smoke", ())
        },
    }


def _said(value: object) -> str:
    return "" if value is None else str(value)


def file_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[FileChange]:
    """Return the files that differ between two sets of name → text, by name."""
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        word = "new" if old is None else "removed" if new is None else "changed"
        found.append(FileChange(name=name, word=word, lines=_lines(old or "", new or "")))
    return found


def _lines(before: str, after: str) -> tuple[Line, ...]:
    """Return the changed lines with some around them; a gap between two places is a line of dots."""
    old, new = before.splitlines(), after.splitlines()
    found: list[Line] = []
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES):
        if found:
            found.append(Line(None, "", "…"))
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                found += [Line(b1 + at + 1, "", text) for at, text in enumerate(new[b1:b2])]
                continue
            found += [Line(a1 + at + 1, "del", text) for at, text in enumerate(old[a1:a2])]
            found += [Line(b1 + at + 1, "add", text) for at, text in enumerate(new[b1:b2])]
    if not found and before != after:
        found.append(Line(None, "", "Only blanks or the end of the last line differ."))
    return tuple(found)
