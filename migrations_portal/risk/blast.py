"""The blast radius of a change: what else of the target's catalogue hangs on the tables that it touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrations_portal.risk.naming_words import listed, short

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from migrations_portal.risk.catalogue import Catalogue, Item


@dataclass(frozen=True, slots=True)
class Radius:
    """One touched table and what hangs on it, each thing as a short sentence part."""

    table: str
    sentences: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The shape of the API and of the stored assessment."""
        return {"table": self.table, "sentences": list(self.sentences)}


@dataclass(frozen=True, slots=True)
class _Hanging:
    """What hangs on one table, by name."""

    views: Collection[str]
    holders: Collection[str]
    children: Collection[str]
    asking: Collection[str]
    publications: Collection[str]


def radius(catalogue: Catalogue, *, touched: Collection[str]) -> tuple[Radius, ...]:
    """Look up each touched table that is there now; one on which nothing hangs is left out."""
    readers = _reversed({name: item.reads for name, item in catalogue.items.items()})
    pointing = _reversed({name: item.points_at for name, item in catalogue.items.items()})
    children = _reversed({name: item.parents for name, item in catalogue.items.items()})
    asking = _reversed({name: item.asks for name, item in catalogue.items.items()})
    found = []
    for name in sorted(touched):
        item = catalogue.items.get(name)
        if item is None:
            continue
        whole = [name, *_partitioned_above(catalogue, name)]
        views = sorted({view for each in whole for view in _reached(readers, each)})
        hanging = _Hanging(
            views=views,
            holders=sorted({holder for each in whole for holder in pointing.get(each, ())}),
            children=children.get(name, []),
            asking=sorted({other for each in whole for other in asking.get(each, ())}),
            publications=sorted({p for each in whole for p in catalogue.items[each].publications}),
        )
        said = tuple(_said(name, item, hanging))
        if said:
            found.append(Radius(name, said))
    return tuple(found)


def _reversed(ways: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    back: dict[str, list[str]] = {}
    for source, targets in sorted(ways.items()):
        for target in targets:
            back.setdefault(target, []).append(source)
    return back


def _reached(ways: Mapping[str, Collection[str]], start: str) -> set[str]:
    """Everything that can be reached, such as a view over a view."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in ways.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found - {start}


def _partitioned_above(catalogue: Catalogue, name: str) -> list[str]:
    """The partitioned tables that a table is a partition of: what hangs on them hangs on its rows too."""
    parents = [
        each
        for each in catalogue.items[name].parents
        if each in catalogue.items and catalogue.items[each].kind == "p"
    ]
    return [*parents, *(above for each in parents for above in _partitioned_above(catalogue, each))]


def _said(name: str, item: Item, hanging: _Hanging) -> Iterator[str]:
    if hanging.views:
        yield f"read by {_counted(hanging.views, 'view', 'views')}"
    if hanging.children:
        what = ("partition", "partitions") if item.kind == "p" else ("child", "children")
        yield f"{_counted(hanging.children, *what)} below it"
    if item.parents:
        yield f"part of {listed(item.parents)}"
    yield from _partners(name, item, hanging.holders)
    yield from _watchers(item, hanging)


def _partners(name: str, item: Item, holders: Collection[str]) -> Iterator[str]:
    others = [each for each in holders if each != name]
    if others:
        yield f"foreign keys from {listed(others)} point at it"
    targets = [each for each in item.points_at if each != name]
    if targets:
        yield f"its foreign keys point at {listed(targets)}"


def _watchers(item: Item, hanging: _Hanging) -> Iterator[str]:
    if hanging.publications:
        yield f"published to replicas by {listed(hanging.publications)}"
    if item.row_security or item.policies:
        state = "on" if item.row_security else "defined but off"
        yield f"row security is {state} ({_counted(item.policies, 'policy', 'policies')})"
    if hanging.asking:
        yield f"row security or rules of {listed(hanging.asking)} use it"
    if item.triggers:
        yield f"{_counted(item.triggers, 'trigger', 'triggers')} on it"


def _counted(names: Collection[str], one: str, many: str) -> str:
    if not names:
        return f"no {one}"
    return f"{len(names)} {one if len(names) == 1 else many} ({', '.join(map(short, names))})"
