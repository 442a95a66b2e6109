"""Reading the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from migrations_portal.audit import checks
from migrations_portal.audit.models import Entry, LedgerCheck
from migrations_portal.audit.rules import body_of


@dataclass(frozen=True)
class LedgerFilter:
    """What a reader asks for; an empty field asks for everything."""

    plan: int | None = None
    person: str = ""
    target: str = ""
    kind: str = ""
    phi: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(*, targets: list[str], wanted: LedgerFilter) -> QuerySet[Entry]:
    """Return the matching entries on `targets` (and those that concern no target), newest first."""
    rows = Entry.objects.filter(Q(target__in=targets) | Q(target=""))
    exact = {
        "plan": wanted.plan,
        "kind": wanted.kind or None,
        "target": wanted.target or None,
        "phi": wanted.phi,
        "at__gte": wanted.since,
        "at__lt": wanted.until,
        "actor__icontains": wanted.person or None,
    }
    return rows.filter(
        **{name: value for name, value in exact.items() if value is not None}
    ).order_by("-seq")


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


def streamed(rows: QuerySet[Entry]) -> Iterator[Entry]:
    """Yield the rows oldest first, without loading them all."""
    return rows.order_by("seq").iterator(chunk_size=2_000)
