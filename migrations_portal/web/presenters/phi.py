"""A target's catalogue as a page: what counts as PHI and why, what follows from it, and how fast the server is."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.risk import catalogue as risk_catalogue
from migrations_portal.risk.naming_words import counted_rows, short, sized
from migrations_portal.risk.phi_reasons import reasons
from migrations_portal.risk.prediction import Work
from migrations_portal.targets import queries
from migrations_portal.targets.models import MeasuredRate, PhiTag, Target
from migrations_portal.targets.rules import PHI_CLEARERS, PHI_TAGGERS, TagSource

WORK_WORDS = {
    Work.REWRITE: "Writing a table again, with its indexes",
    Work.SCAN: "Reading a table to check its rows",
    Work.INDEX: "Building an index",
    Work.FOREIGN_KEY: "Checking a foreign key",
    Work.CHANGE: "Changing rows",
}


def page(target: Target, *, person: Person) -> dict[str, Any]:
    """Return everything on the page."""
    read = queries.catalogue(target=target)
    known = risk_catalogue.from_json(read.items if read else {})
    rows = list(queries.phi_tags(target=target))
    tagged = [row for row in rows if row.phi]
    roles = access.roles_in(person=person, group=target.group)
    may_clear = bool(roles & PHI_CLEARERS)
    return {
        "target": {"name": target.name, "zone": target.time_zone, "database": target.database},
        "read_at": read.read_at if read else None,
        "server_version": read.server_version if read else None,
        "tables": [_table(name, own, known, may_clear=may_clear) for name, own in _by_table(tagged)],
        "follows": list(_follows(tagged, known).values()),
        "free": _free(tagged, known),
        "cleared": [_tag(row, may_clear=False) for row in rows if not row.phi],
        "tag_url": reverse("phi-tag", args=[target.pk]) if roles & PHI_TAGGERS else "",
        "clear_url": reverse("phi-clear", args=[target.pk]),
        "read_url": reverse("phi-read", args=[target.pk]),
        "taggers": _titles(PHI_TAGGERS),
        "clearers": _titles(PHI_CLEARERS),
        "rates": [_rate(row) for row in queries.newest_rates(target=target)],
        "list_url": reverse("phi-targets"),
    }  # fmt: skip


def _titles(roles: frozenset[Any]) -> str:
    return ", ".join(sorted(role.title.lower() for role in roles))


def _by_table(tagged: Sequence[PhiTag]) -> list[tuple[str, list[PhiTag]]]:
    found: dict[str, list[PhiTag]] = {}
    for row in tagged:
        found.setdefault(row.relation, []).append(row)
    return sorted(found.items())


def _table(
    name: str, own: Sequence[PhiTag], known: risk_catalogue.Catalogue, *, may_clear: bool
) -> dict[str, Any]:
    item = known.items.get(name)
    return {
        "name": short(name),
        "there": item is not None,
        "size": f"{counted_rows(item.size.rows)}, {sized(item.size.bytes)}" if item else "",
        "tags": [_tag(row, may_clear=may_clear) for row in own],
    }


def _tag(row: PhiTag, *, may_clear: bool) -> dict[str, Any]:
    source = TagSource(row.source)
    return {
        "relation": row.relation,
        "column": row.column,
        "what": f"column {row.column}" if row.column else "the whole table",
        "name": f"{short(row.relation)}.{row.column}" if row.column else short(row.relation),
        "why": row.reason or source.sentence,
        "by": row.by.full_name if row.by else "",
        "at": row.at,
        "may_clear": may_clear,
    }


def _columns(tagged: Sequence[PhiTag]) -> dict[str, list[str]]:
    return {
        relation: [row.column for row in own if row.column]
        if all(row.column for row in own)
        else []
        for relation, own in _by_table(tagged)
    }


def _follows(tagged: Sequence[PhiTag], known: risk_catalogue.Catalogue) -> dict[str, str]:
    """What counts as PHI because of the tagged ones, with why."""
    own = _columns(tagged)
    bare = {name.partition(".")[2] or name for name in own if "." not in name}
    others = [
        name
        for name in known.items
        if name not in own and name.partition(".")[2] not in bare
    ]  # fmt: skip
    return reasons(known, tagged=own, names=others)


def _free(tagged: Sequence[PhiTag], known: risk_catalogue.Catalogue) -> list[str]:
    """Tables that do not count as PHI at all."""
    counted = {row.relation for row in tagged} | set(_follows(tagged, known))
    return [
        short(name)
        for name, item in sorted(known.items.items())
        if item.holds_rows and name not in counted and name.partition(".")[2] not in counted
    ]


def _rate(row: MeasuredRate) -> dict[str, Any]:
    work = Work(row.work)
    words = (
        [f"{value:,.0f} rows/s" for value in (row.usual, row.slow, row.fast)]
        if work.in_rows
        else [f"{sized(round(value))}/s" for value in (row.usual, row.slow, row.fast)]
    )
    return {
        "work": WORK_WORDS[work],
        "usual": words[0],
        "interval": f"{words[1]} to {words[2]}",
        "measured_on": row.measured_on,
        "server_version": row.server_version,
        "at": row.measured_at,
    }


def line(target: Target, *, tagged: int, read_at: Any) -> dict[str, Any]:
    """Return one target of the list."""
    return {
        "name": target.name,
        "environment": target.environment.lower(),
        "url": reverse("phi", args=[target.pk]),
        "tagged": tagged,
        "read_at": read_at,
        "zone": target.time_zone,
    }
