"""The rules of the risk assessment as pages. Everything comes from the table and the engine; nothing is written here."""

from typing import Any

from django.urls import reverse

from migrations_portal.approvals.policy import REVIEWERS, WINDOWS
from migrations_portal.people.rules import Role
from migrations_portal.risk import RULES, Level, Rule
from migrations_portal.risk.rule_examples import Effect, page
from migrations_portal.risk.words import why

LEVELS = {
    Level.LOW: "Index creation, adding nullable columns, new tables.",
    Level.MEDIUM: "Adding non-nullable columns, changing enums.",
    Level.HIGH: "Changing data, removing columns.",
    Level.CRITICAL: "Restructuring, foreign keys, whatever cannot be read or empties tables.",
}
"""The strategy's table of levels."""


def levels() -> list[dict[str, str]]:
    """Return what each level means, who reviews it and when it may run."""
    return [
        {
            "level": str(level),
            "description": said,
            "approvers": _listed([Role(role).title for role in REVIEWERS[str(level)]]),
            "window": WINDOWS[str(level)],
        }
        for level, said in LEVELS.items()
    ]


def _listed(titles: list[str]) -> str:
    return " and ".join(titles)


def groups(rules: list[Rule]) -> list[dict[str, Any]]:
    """Return the rules by area, in the order of the rule book."""
    return [
        {"title": area, "rules": [_line(rule) for rule in rules if rule.area == area]}
        for area in dict.fromkeys(rule.area for rule in rules)
    ]


def _line(rule: Rule) -> dict[str, str]:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": str(rule.level),
        "url": reverse("rule", args=[rule.id]),
    }


def detail(rule_id: str) -> dict[str, Any]:
    """Return one rule's page; raises `KeyError`."""
    shown = page(rule_id)
    rule, example = shown.rule, shown.example
    return {
        "rule": {
            "id": rule.id,
            "title": rule.title,
            "level": str(rule.level),
            "area": rule.area,
            "message": shown.message,
            "why": why(rule.id),
        },
        "unsafe": example.sql if example else "",
        "unsafe_down": example.down if example else "",
        "unsafe_note": _how_it_is_run(example.together) if example else "",
        "safe": shown.safe_sql,
        "safe_language": "js" if shown.safe_sql.startswith("await") else "sql",
        "safe_text": shown.advice,
        "effects": [_effect(each) for each in shown.effects],
        "near": [_line(other) for other in RULES.values() if other.area == rule.area and other != rule],
        "list_url": reverse("rules"),
    }  # fmt: skip


def _how_it_is_run(together: bool | None) -> str:  # noqa: FBT001 - it is a value, not a switch
    if together is None:
        return ""
    return "All of it in one transaction." if together else "Each statement commits by itself."


def _effect(effect: Effect) -> dict[str, Any]:
    said = list(effect.sentences) or ["Takes no lock that others notice"]
    return {"label": effect.label, "raised": effect.raised, "sentences": said}
