"""The explorer's page: the newest entries that fit, at any depth of a large ledger.

PostgreSQL can read the ledger by number and leave out what does not fit, or find what fits by an index and sort it. Either
takes seconds at five million entries for some question: rare words, or a kind that never happened on a target. So a page is
put together from parts that are each short whatever is asked; `make bench BENCH=ledger` measures them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet

from migrations_portal.audit import queries
from migrations_portal.audit.models import Entry
from migrations_portal.audit.queries import LedgerFilter

FIRST_STRETCH, LONGEST_STRETCH = 5_000, 1_280_000
"""Entries. Words are looked for in the newest 5,000 first, then in stretches four times as long each."""
MOST_SORTS, MOST_READ = 2_000, 300
"""So many sorts are looked at, and so many are read side by side; with more of them, what fits is not rare."""
MOST_PEOPLE = 20


class Sort(NamedTuple):
    """What entries have in common that a filter asks for by value. A ledger has few sorts; each is a run of an index, in order."""

    target: str
    kind: str
    result: str
    phi: bool


# No text of a user's: the two forms differ in a constant.
_SORTS = """
WITH RECURSIVE step AS (
  (SELECT target, kind, result, phi FROM audit_entry WHERE {actor} ORDER BY target, kind, result, phi LIMIT 1)
  UNION ALL
  SELECT further.* FROM step, LATERAL (
    SELECT target, kind, result, phi FROM audit_entry e
     WHERE {actor} AND (e.target, e.kind, e.result, e.phi) > (step.target, step.kind, step.result, step.phi)
     ORDER BY target, kind, result, phi LIMIT 1) further
)
SELECT * FROM step LIMIT %(most)s
"""
_NEWEST = """
SELECT found.seq
  FROM unnest(%(targets)s::text[], %(kinds)s::text[], %(results)s::text[], %(phis)s::boolean[]) AS s(target, kind, result, phi),
       LATERAL (SELECT e.seq FROM audit_entry e
                 WHERE {actor} AND e.target = s.target AND e.kind = s.kind AND e.result = s.result AND e.phi = s.phi
                   AND e.seq >= %(since)s AND e.seq < %(before)s
                 ORDER BY e.seq DESC LIMIT %(count)s) found
 ORDER BY 1 DESC LIMIT %(count)s
"""
_ACTOR = {False: "true", True: "actor = %(actor)s"}


def newest(
    *,
    targets: list[str],
    wanted: LedgerFilter,
    before: int | None,
    count: int,
    first_stretch: int = FIRST_STRETCH,
) -> list[Entry]:
    """Return the `count` newest matching entries with numbers under `before`, newest first."""
    upto = before if before is not None else queries.last_seq() + 1
    rows = queries.entries(targets=targets, wanted=wanted)
    if wanted.plan is not None:  # a plan has few entries
        return list(rows.filter(seq__lt=upto)[:count])
    actors = queries.actors_like(wanted.person) if wanted.person else [""]
    sorts = {actor: _fitting(targets, wanted, actor=actor) for actor in actors[:MOST_PEOPLE]}
    if not any(sorts.values()):
        return []
    if wanted.text.strip():
        seqs = _in_stretches(rows, upto=upto, count=count, length=first_stretch)
    elif len(actors) > MOST_PEOPLE or sum(map(len, sorts.values())) > MOST_READ:
        return list(rows.filter(seq__lt=upto)[:count])
    else:
        first = queries.first_since(wanted.since) if wanted.since else 1
        last = min(upto, queries.first_since(wanted.until)) if wanted.until else upto
        found = [
            _of_sorts(each, actor=actor, since=first, before=last, count=count)
            for actor, each in sorts.items()
            if each
        ]
        seqs = sorted((seq for each in found for seq in each), reverse=True)
    return list(Entry.objects.filter(seq__in=seqs[:count]).order_by("-seq"))


def _fitting(targets: list[str], wanted: LedgerFilter, *, actor: str) -> list[Sort]:
    """Return the sorts that stand in the ledger (of one person, where named) and fit what is asked for by value."""
    with connection.cursor() as cursor:
        statement = _SORTS.format(actor=_ACTOR[bool(actor)])
        cursor.execute(statement, {"actor": actor, "most": MOST_SORTS})
        there = [Sort(*row) for row in cursor.fetchall()]
    seen = {*targets, ""} if not wanted.target else {wanted.target} & {*targets, ""}
    return [
        each
        for each in there
        if each.target in seen
        and wanted.kind in {"", each.kind}
        and wanted.result in {"", each.result}
        and wanted.phi in {None, each.phi}
    ]


def _of_sorts(
    sorts: Sequence[Sort], *, actor: str, since: int, before: int, count: int
) -> list[int]:
    names = ("targets", "kinds", "results", "phis")
    columns: dict[str, list[str | bool]] = {
        name: list(values) for name, values in zip(names, zip(*sorts, strict=True), strict=True)
    }
    limits: dict[str, Any] = {"actor": actor, "since": since, "before": before, "count": count}
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST.format(actor=_ACTOR[bool(actor)]), {**columns, **limits})
        return [seq for (seq,) in cursor.fetchall()]


def _in_stretches(rows: QuerySet[Entry], *, upto: int, count: int, length: int) -> list[int]:
    """Return the newest matches of words: frequent ones are found in the first stretch, rare ones by their index."""
    found: list[int] = []
    while upto > 1 and len(found) < count:
        stretch = rows.filter(seq__gte=upto - length, seq__lt=upto).order_by()
        found += sorted(stretch.values_list("seq", flat=True), reverse=True)
        upto, length = upto - length, min(4 * length, LONGEST_STRETCH)
    return found
