"""Reading the ledger."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from migrations_portal.audit import chain
from migrations_portal.audit.models import Entry


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
    said: dict[str, Any] = json.loads(entry.canonical)["body"]
    return said


def verify_chain() -> chain.Verdict:
    """Check every entry of the ledger against its hash and its predecessor."""
    names = (
        "seq",
        "at",
        "canonical",
        "prev_hash",
        "hash",
        "kind",
        "actor",
        "plan",
        "target",
        "phi",
        "result",
    )
    rows = Entry.objects.order_by("seq").values_list(*names)
    return chain.verify(
        chain.Link(seq, at, canonical, prev_hash, digest, tuple(columns))
        for seq, at, canonical, prev_hash, digest, *columns in rows.iterator(chunk_size=5_000)
    )


def last_seq() -> int:
    """Return the number of the newest entry, 0 for an empty ledger."""
    newest = Entry.objects.order_by("-seq").first()
    return newest.seq if newest else 0


def streamed(rows: QuerySet[Entry]) -> Iterator[Entry]:
    """Yield the rows oldest first, without loading them all."""
    return rows.order_by("seq").iterator(chunk_size=2_000)
