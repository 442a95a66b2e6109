"""Changing what is known of a target: its PHI catalogue, its tables, how fast its server is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Actor, Draft, EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import MeasuredRate, PhiTag, Target, TargetCatalogue
from migrations_portal.targets.rules import (
    PHI_CLEARERS,
    PHI_TAGGERS,
    Tagged,
    TagSource,
    parsed_list,
    qualified,
)


class NothingToTag(Refused):
    """The list names nothing. Write one table or column a line."""

    code = "nothing-to-tag"


class TaggedAlready(Refused):
    """It is tagged as PHI already."""

    code = "tagged-already"


class NotTagged(Refused):
    """It is not tagged as PHI, so there is nothing to clear. Load the page again."""

    code = "not-tagged"


class ReasonMissing(Refused):
    """Say why; the reason stands in the ledger."""

    code = "reason-missing"


@dataclass(frozen=True)
class CatalogueRead:
    """What one look into a target's catalogue found."""

    server_version: int
    schema_digest: str
    items: Mapping[str, Any]
    rows: Mapping[str, int]
    looks_like_phi: Sequence[tuple[str, str]]
    """(table, column) by name; an empty column means the whole table."""


@dataclass(frozen=True)
class Measured:
    """One measured rate, as `MeasuredRate` keeps it."""

    work: str
    usual: float
    slow: float
    fast: float
    samples: Sequence[float]


@transaction.atomic
def note_catalogue(*, target: Target, found: CatalogueRead, now: datetime) -> None:
    """Keep what the target's catalogue holds, and tag what looks like PHI and nobody has judged yet."""
    TargetCatalogue.objects.update_or_create(
        target=target,
        defaults={
            "read_at": now,
            "server_version": found.server_version,
            "schema_digest": found.schema_digest,
            "items": dict(found.items),
            "rows": dict(found.rows),
        },
    )
    _seed(target, found=found, now=now)


def _seed(target: Target, *, found: CatalogueRead, now: datetime) -> None:
    known = frozenset(found.items)
    judged = set(PhiTag.objects.filter(target=target).values_list("relation", "column"))
    wanted = {(qualified(name, known=known), ""): TagSource.LIST for name in target.phi_tables}
    for relation, column in found.looks_like_phi:
        if (relation, "") not in wanted:
            wanted.setdefault((relation, column), TagSource.NAME)
    new = {key: source for key, source in wanted.items() if not _judged(key, judged)}
    if not new:
        return
    PhiTag.objects.bulk_create(
        [
            PhiTag(target=target, relation=relation, column=column, phi=True, source=str(source), at=now)
            for (relation, column), source in sorted(new.items())
        ],
        ignore_conflicts=True,  # two workers may read the same catalogue at once
    )  # fmt: skip
    names = [str(Tagged(*key)) for key in sorted(new)]
    audit.append(
        _entry(
            target,
            kind=EntryKind.PHI_TAGGED,
            actor=PORTAL,
            sentence=f"{len(names)} tables and columns of {target.name} were tagged as PHI: "
            "by the list that it started with, or by their names.",
            facts={"tagged": names},
        )
    )


def _judged(key: tuple[str, str], judged: set[tuple[str, str]]) -> bool:
    """Whether it has a tag already, also under its bare name."""
    relation, column = key
    return key in judged or (relation.partition(".")[2], column) in judged


def _entry(
    target: Target,
    *,
    kind: EntryKind,
    actor: Actor,
    sentence: str,
    reason: str = "",
    facts: Mapping[str, Any],
) -> Draft:
    return Draft(
        kind=kind,
        actor=actor,
        sentence=sentence,
        target=target.name,
        environment=target.environment.lower(),
        phi=True,
        reason=reason,
        facts=facts,
    )


def check_may_tag(*, person: Person, target: Target) -> None:
    """Raise `NotAllowed` unless the person may say that something holds PHI."""
    _check(person, target, PHI_TAGGERS, "say what holds PHI")


def check_may_clear(*, person: Person, target: Target) -> None:
    """Raise `NotAllowed` unless the person may say that something holds no PHI."""
    _check(person, target, PHI_CLEARERS, "say that something holds no PHI")


def _check(person: Person, target: Target, roles: frozenset[Role], what: str) -> None:
    if not access.roles_in(person=person, group=target.group) & roles:
        titles = ", ".join(sorted(role.title.lower() for role in roles))
        raise access.NotAllowed(f"Only these may {what}: {titles}. Ask one of them.")


def _locked(target_id: int) -> Target:
    return Target.objects.select_for_update(of=("self",)).select_related("group").get(pk=target_id)


def _known(target: Target) -> frozenset[str]:
    row = TargetCatalogue.objects.filter(target=target).only("items").first()
    return frozenset(row.items) if row else frozenset()


@transaction.atomic
def tag(*, target_id: int, text: str, by: Person, reason: str, now: datetime) -> list[Tagged]:
    """Tag the tables and columns of a list as PHI; return what is new.

    Raises `NotAName` with the line, `NothingToTag`, `TaggedAlready` when nothing of it is new, `ReasonMissing`.
    """
    target = _locked(target_id)
    check_may_tag(person=by, target=target)
    if not reason.strip():
        raise ReasonMissing
    wanted = list(dict.fromkeys(parsed_list(text, known=_known(target))))
    if not wanted:
        raise NothingToTag
    tagged = {(row.relation, row.column) for row in PhiTag.objects.filter(target=target, phi=True)}
    new = [each for each in wanted if (each.relation, each.column) not in tagged]
    if not new:
        raise TaggedAlready
    for each in new:
        _judge(target, each, phi=True, by=by, reason=reason, now=now)
    names = [str(each) for each in new]
    audit.append(
        _entry(
            target,
            kind=EntryKind.PHI_TAGGED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} tagged {_listed(names)} of {target.name} as PHI.",
            reason=reason.strip(),
            facts={"tagged": names},
        )
    )
    return new


@transaction.atomic
def clear(*, target_id: int, what: Tagged, by: Person, reason: str, now: datetime) -> None:
    """Say that a tagged table or column holds no PHI. Raises `NotTagged`, `ReasonMissing`."""
    target = _locked(target_id)
    check_may_clear(person=by, target=target)
    if not reason.strip():
        raise ReasonMissing
    if not PhiTag.objects.filter(
        target=target, relation=what.relation, column=what.column, phi=True
    ).exists():
        raise NotTagged
    _judge(target, what, phi=False, by=by, reason=reason, now=now)
    audit.append(
        _entry(
            target,
            kind=EntryKind.PHI_CLEARED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} said that {what} of {target.name} holds no PHI.",
            reason=reason.strip(),
            facts={"cleared": [str(what)]},
        )
    )


def _judge(
    target: Target, what: Tagged, *, phi: bool, by: Person, reason: str, now: datetime
) -> None:
    PhiTag.objects.update_or_create(
        target=target,
        relation=what.relation,
        column=what.column,
        defaults={
            "phi": phi,
            "source": str(TagSource.PERSON),
            "by": by,
            "reason": reason.strip()[:300],
            "at": now,
        },
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"  # noqa: PLR2004 - enough for a sentence


def note_rates(
    *,
    target: Target,
    rates: Sequence[Measured],
    measured_on: str,
    server_version: int,
    now: datetime,
) -> None:
    """Keep what a calibration measured; earlier measurements stay."""
    MeasuredRate.objects.bulk_create(
        MeasuredRate(
            target=target,
            work=each.work,
            usual=each.usual,
            slow=each.slow,
            fast=each.fast,
            samples=list(each.samples),
            measured_on=measured_on,
            server_version=server_version,
            measured_at=now,
        )
        for each in rates
    )
