"""Reading the ledger."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from migrations_portal.audit import checks
from migrations_portal.audit.models import Entry, LedgerCheck
from migrations_portal.audit.rules import body_of


@dataclass(frozen=True)
class LedgerFilter:
    """What a reader asks for; an empty field asks for everything."""

    plan: int | None = None
    person: str = ""
    """A part of the e-mail address."""
    target: str = ""
    kind: str = ""
    phi: bool | None = None
    result: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    """Words of the sentence, the reason or the name, as in a web search: all of them, "a phrase", -without."""

    def told(self) -> dict[str, Any]:
        """Return what was asked for, in values that JSON knows; nothing for what was not."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
            if value not in {None, ""}
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "LedgerFilter":
        """Read what `told` wrote."""
        instants = {
            name: datetime.fromisoformat(told[name]) for name in ("since", "until") if name in told
        }
        return cls(**{**told, **instants})


def entries(*, targets: list[str], wanted: LedgerFilter) -> QuerySet[Entry]:
    """Return the matching entries on `targets` (and those that concern no target), newest first.

    Time rises with the number, so that a period becomes a range of numbers: the index that a filter uses stays the only one.
    """
    rows = Entry.objects.filter(target__in=[*targets, ""])
    exact = {
        "plan": wanted.plan,
        "kind": wanted.kind or None,
        "target": wanted.target or None,
        "phi": wanted.phi,
        "result": wanted.result or None,
        "seq__gte": first_since(wanted.since) if wanted.since else None,
        "seq__lt": first_since(wanted.until) if wanted.until else None,
        "actor__in": actors_like(wanted.person) if wanted.person else None,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    if wanted.text.strip():
        found = RawSQL(
            "search @@ websearch_to_tsquery('simple', %s)",
            [wanted.text],
            output_field=BooleanField(),
        )
        rows = rows.filter(found)
    return rows.order_by("-seq")


def first_since(at: datetime) -> int:
    """Return the number of the first entry at or after an instant, one more than the last when there is none."""
    found = Entry.objects.filter(at__gte=at).order_by("at").values_list("seq", flat=True).first()
    return found if found is not None else last_seq() + 1


DISTINCT = """
WITH RECURSIVE step AS (
  (SELECT {column} AS value FROM audit_entry ORDER BY {column} LIMIT 1)
  UNION ALL
  SELECT (SELECT {column} FROM audit_entry WHERE {column} > step.value ORDER BY {column} LIMIT 1)
  FROM step WHERE step.value IS NOT NULL
)
SELECT value FROM step WHERE value IS NOT NULL
"""
"""The distinct values of an indexed column, found by jumps in its index instead of reading every row."""


def distinct(column: Literal["actor", "kind", "target", "result"]) -> list[str]:
    """Return the values that stand in a column, in order."""
    with connection.cursor() as cursor:
        cursor.execute(DISTINCT.format(column=column))
        return [value for (value,) in cursor.fetchall()]


def actors_like(part: str) -> list[str]:
    """Return the addresses in the ledger that have this part, whatever its case."""
    return [each for each in distinct("actor") if part.lower() in each.lower()]


def of_plan(*, plan: int) -> QuerySet[Entry]:
    """Return what happened to one plan, newest first."""
    return Entry.objects.filter(plan=plan).order_by("-seq")


def body(entry: Entry) -> dict[str, Any]:
    """Return what the entry says, from its hashed bytes."""
    return body_of(entry.canonical)


def verify_chain() -> checks.Verdict:
    """Check every entry of the ledger against its hash, its predecessor and the signed checkpoints."""
    return checks.verify(store=None)


def last_check() -> LedgerCheck | None:
    """Return the last check that is done, None before the first."""
    return LedgerCheck.objects.filter(done_at__isnull=False).order_by("-done_at").first()


def last_seq() -> int:
    """Return the number of the newest entry, 0 for an empty ledger."""
    newest = Entry.objects.order_by("-seq").first()
    return newest.seq if newest else 0
