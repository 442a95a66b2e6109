"""The windows and freezes of a target as plain values."""

from typing import Any

from django.urls import reverse

from migrations_portal.people.models import Person
from migrations_portal.targets.models import Target
from migrations_portal.web.presenters.calendar import MARKS
from migrations_portal.windows import queries, words
from migrations_portal.windows.models import Period
from migrations_portal.windows.rules import FITTING, PeriodKind

LEVELS_OF = {
    kind: [level.lower() for level, kinds in FITTING.items() if kind in kinds]
    for kind in PeriodKind
}


def periods(target: Target, *, person: Person) -> dict[str, Any]:
    """Return what the page of windows and freezes says."""
    rows = list(queries.periods(target))
    keeper = queries.keeps(person=person, target=target)
    return {
        "target": {
            "name": target.name,
            "zone": target.time_zone,
            "url": reverse("calendar", args=[target.pk]),
        },
        "keeper": keeper,
        "new_url": reverse("period-new", args=[target.pk]),
        "import_url": reverse("periods-import", args=[target.pk]),
        "feed": {
            "exists": queries.feed_of(person=person) is not None,
            "make_url": reverse("calendar-feed-make"),
            "revoke_url": reverse("calendar-feed-revoke"),
        },
        "kinds": [_kind(kind, rows, keeper=keeper) for kind in PeriodKind],
        "strict": target.is_production,
    }


def _kind(kind: PeriodKind, rows: list[Period], *, keeper: bool) -> dict[str, Any]:
    levels = LEVELS_OF[kind]
    return {
        "title": kind.title,
        "mark": MARKS[kind],
        "for": f"Plans of {' and '.join(levels)} risk may run in it."
        if levels
        else "Nothing runs while it lasts, whatever window is open.",
        "rows": [_row(row, keeper=keeper) for row in rows if row.kind == kind],
    }


def _row(row: Period, *, keeper: bool) -> dict[str, Any]:
    ends = f"{row.minutes // 60} h" if row.minutes % 60 == 0 else f"{row.minutes} min"
    return {
        "pk": row.pk,
        "name": row.name,
        "when": f"{row.starts:%a} {row.starts.day} {row.starts:%b %Y, %H:%M}, {ends}, {words.sentence(row.rule)}",
        "zone": row.time_zone,
        "imported": bool(row.uid),
        "by": row.created_by.full_name if row.created_by else "",
        "edit_url": reverse("period-edit", args=[row.pk]) if keeper else "",
        "end_url": reverse("period-end", args=[row.pk]) if keeper else "",
    }
