"""Rules and PHI catalogues as plain values: what the pages show, for programs."""

from typing import Any

from django.conf import settings

from migrations_portal.risk import Rule
from migrations_portal.risk.rule_examples import page
from migrations_portal.risk.words import why
from migrations_portal.targets import queries
from migrations_portal.targets.models import Target


def rule_line(rule: Rule) -> dict[str, Any]:
    """Return one line of the list."""
    return {
        "id": rule.id,
        "area": rule.area,
        "level": str(rule.level),
        "title": rule.title,
        "page": f"{settings.PUBLIC_URL}/rules/{rule.id}/",
    }


def rule(rule_id: str) -> dict[str, Any]:
    """Return one rule; raises `KeyError`."""
    shown = page(rule_id)
    return {
        **rule_line(shown.rule),
        "message": shown.message,
        "why": why(rule_id),
        "advice": shown.advice,
        "example": shown.example.sql if shown.example else "",
        "safe_sql": shown.safe_sql,
        "effects": [
            {"versions": each.versions, "raised": each.raised, "sentences": each.sentences}
            for each in shown.effects
        ],
    }


def phi(target: Target) -> dict[str, Any]:
    """Return what was said about the tables and columns of a target."""
    read = queries.catalogue(target=target)
    return {
        "target": target.name,
        "catalogue_read_at": read.read_at if read else None,
        "tags": [
            {
                "table": row.relation,
                "column": row.column,
                "phi": row.phi,
                "told_by": row.source,
                "reason": row.reason,
                "by": row.by.full_name if row.by else "",
                "at": row.at,
            }
            for row in queries.phi_tags(target=target)
        ],
    }
