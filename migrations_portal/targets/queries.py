"""Reading targets: the one place where a person's view of them is narrowed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Case, Count, Max, Q, QuerySet, Value, When
from django.db.models.functions import Concat

from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import LEDGER_READERS, Role
from migrations_portal.targets.models import (
    MeasuredRate,
    PhiTag,
    Stakeholder,
    Target,
    TargetCatalogue,
    TargetGroup,
    TargetGroupRole,
)
from migrations_portal.targets.rules import (
    CATALOGUE_AGE,
    PHI_ONLY_STAKEHOLDERS,
    RATES_AGE,
    Tagged,
)


class TargetNotFound(Refused):
    """There is no such target, or you hold no role for it."""

    code = "target-not-found"


def groups_of(*, person: Person, roles: frozenset[Role] | None = None) -> QuerySet[TargetGroup]:
    """Return the groups in which `person` holds one of `roles`, or any role."""
    narrowed: QuerySet[TargetGroup] = access.groups_of(
        person=person, groups=TargetGroup.objects.all(), roles=roles
    )
    return narrowed


def ending_roles(
    *,
    person: Person,
    role: Role,
    looked_after_by: frozenset[Role],
    now: datetime,
    within: timedelta,
) -> QuerySet[TargetGroupRole]:
    """Return where `role` ends soon by itself: for `person`, or in a group in which they hold a role that looks after it."""
    mine = groups_of(person=person, roles=looked_after_by)
    rows = TargetGroupRole.objects.filter(
        permission__codename=role.permission,
        user__is_active=True,
        valid_until__gt=now,
        valid_until__lte=now + within,
    )
    return rows.filter(Q(user=person) | Q(content_object__in=mine))


def visible_targets(*, person: Person, roles: frozenset[Role] | None = None) -> QuerySet[Target]:
    """Return the targets that `person` may see (or, with `roles`, act on)."""
    return Target.objects.filter(group__in=groups_of(person=person, roles=roles)).order_by("name")


def get(*, target_id: int, person: Person) -> Target:
    """Return one target that `person` may see, or raise `TargetNotFound`."""
    found = visible_targets(person=person).select_related("group").filter(pk=target_id).first()
    if found is None:
        raise TargetNotFound
    return found


@dataclass(frozen=True)
class PhiCount:
    """A target, how many of its tables and columns are tagged, and when its catalogue was read."""

    target: Target
    tagged: int
    read_at: datetime | None


def with_phi_counts(*, person: Person) -> list[PhiCount]:
    """Return the targets that `person` may see with the number of tags, in one query."""
    rows = visible_targets(person=person).annotate(
        tagged_here=Count("phi_tags", filter=Q(phi_tags__phi=True)),
        last_read_at=Max("catalogue__read_at"),
    )
    return [PhiCount(row, row.tagged_here, row.last_read_at) for row in rows]


def phi_tags(*, target: Target) -> QuerySet[PhiTag]:
    """Return everything that was said about the target's tables and columns, by name."""
    rows: QuerySet[PhiTag] = PhiTag.objects.filter(target=target).select_related("by")
    return rows.order_by("relation", "column")


def tagged(*, target: Target) -> list[Tagged]:
    """Return what counts as PHI by itself, in order of names."""
    rows = PhiTag.objects.filter(target=target, phi=True).order_by("relation", "column")
    return [Tagged(relation, column) for relation, column in rows.values_list("relation", "column")]


def catalogue(*, target: Target) -> TargetCatalogue | None:
    """Return what the target's catalogue held when it was read last, None when it never was."""
    return TargetCatalogue.objects.filter(target=target).first()


def known_now(*, target: Target) -> tuple[TargetCatalogue, tuple[str, ...]] | None:
    """Return what is known of the target without its tables, and what counts as PHI by itself, in one query."""
    names = Case(
        When(target__phi_tags__column="", then="target__phi_tags__relation"),
        default=Concat("target__phi_tags__relation", Value("."), "target__phi_tags__column"),
    )
    tagged = ArrayAgg(names, filter=Q(target__phi_tags__phi=True), default=[])
    row = (
        TargetCatalogue.objects.filter(target=target).annotate(tagged=tagged).defer("items").first()
    )
    return None if row is None else (row, tuple(sorted(row.tagged)))


def newest_rates(*, target: Target) -> list[MeasuredRate]:
    """Return the rates of the newest calibration; none when there was none."""
    rows = MeasuredRate.objects.filter(target=target)
    newest = rows.aggregate(at=Max("measured_at"))["at"]
    return list(rows.filter(measured_at=newest).order_by("work")) if newest else []


def catalogues_due(*, now: datetime) -> list[int]:
    """Return the targets whose catalogue has not been read for a while."""
    fresh = TargetCatalogue.objects.filter(read_at__gt=now - CATALOGUE_AGE).values("target_id")
    return list(Target.objects.exclude(pk__in=fresh).order_by("pk").values_list("pk", flat=True))


def rates_due(*, now: datetime) -> list[int]:
    """Return the targets whose server was not measured for a while."""
    fresh = MeasuredRate.objects.filter(measured_at__gt=now - RATES_AGE).values("target_id")
    return list(Target.objects.exclude(pk__in=fresh).order_by("pk").values_list("pk", flat=True))


def ledger_targets(*, person: Person) -> list[str]:
    """Return the names of the targets whose ledger `person` may read and export; raise `NotAllowed` when there are none."""
    names = visible_targets(person=person, roles=LEDGER_READERS).values_list("name", flat=True)
    if not names:
        raise access.NotAllowed(
            "Only compliance, privacy and security officers and auditors read the ledger."
        )
    return list(names)


def stakeholders(*, target: Target, phi: bool) -> list[Stakeholder]:
    """Return whom to tell at T-3; the compliance officer hears of plans that touch PHI."""
    rows = Stakeholder.objects.filter(group=target.group).order_by("kind", "name")
    return [row for row in rows if phi or row.kind not in PHI_ONLY_STAKEHOLDERS]


def acts_anywhere(*, person: Person, roles: frozenset[Role]) -> bool:
    """Say whether `person` holds one of `roles` for any group of targets."""
    held = access.roles_everywhere(person=person, groups=TargetGroup).values()
    return any(each & roles for each in held)


def role_titles(*, person: Person) -> str:
    """Return the titles of the roles that `person` holds anywhere, for the bar of every page."""
    held = access.roles_everywhere(person=person, groups=TargetGroup).values()
    roles = frozenset[Role]().union(*held)
    return ", ".join(role.title for role in Role if role in roles)
