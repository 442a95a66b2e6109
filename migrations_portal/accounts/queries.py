"""Who has a second factor, and whom an administrator sees."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Q
from django.db.models.functions import JSONObject

from migrations_portal.accounts.models import SecondFactor
from migrations_portal.accounts.rules import PersonNotFound
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets import queries as target_queries
from migrations_portal.targets.models import TargetGroup


def pending(*, person: Person) -> SecondFactor | None:
    """Return the factor that the person began to set up and has not confirmed."""
    return SecondFactor.objects.filter(person=person, confirmed_at__isnull=True).first()


def factor(*, person: Person) -> SecondFactor | None:
    """Return the person's second factor, None without one."""
    return SecondFactor.objects.filter(person=person, confirmed_at__isnull=False).first()


def codes_left(*, factor: SecondFactor) -> int:
    """Return how many recovery codes are unused."""
    return factor.codes.filter(used_at__isnull=True).count()


def administered(*, person: Person) -> list[TargetGroup]:
    """Return the groups whose administrator the person is, by name; empty for everybody else."""
    groups = target_queries.groups_of(person=person, roles=frozenset({Role.ADMINISTRATOR}))
    return list(groups.order_by("name"))


def groups_kept(*, person: Person) -> list[TargetGroup]:
    """Return the groups in which the person was given a role that has not ended, also while they are deactivated."""
    ids = access.kept(groups=TargetGroup).get(person.pk, {})
    return list(TargetGroup.objects.filter(pk__in=ids).order_by("name"))


def roles_kept(*, person: Person, group: TargetGroup) -> frozenset[Role]:
    """Return the roles that the person was given in the group, also while they are deactivated."""
    return access.kept(groups=TargetGroup).get(person.pk, {}).get(group.pk, frozenset())


@dataclass(frozen=True)
class Known:
    """Somebody whom an administrator may see, and what they hold in the groups of that administrator."""

    person: Person
    has_factor: bool
    powers: list[tuple[TargetGroup, Role]]
    elsewhere: bool
    """Whether they have a role in a group of somebody else too."""


def known(*, by: Person, text: str = "") -> list[Known]:
    """Return the people of the groups that `by` administers, and those without any role, by name; nobody for others.

    `text` is a part of the name or the address.
    """
    return _known(Q(full_name__icontains=text) | Q(email__icontains=text) if text else Q(), by=by)


def known_person(*, by: Person, person_id: int) -> Known:
    """Return one of them; raise `PersonNotFound`."""
    for each in _known(Q(pk=person_id), by=by):
        return each
    raise PersonNotFound


def _known(wanted: Q, *, by: Person) -> list[Known]:
    mine = administered(person=by)
    if not mine:
        return []
    kept = access.kept(groups=TargetGroup)
    ours = {each.pk for each in mine}
    strangers = [pk for pk, groups in kept.items() if not ours & groups.keys()]
    rows = Person.objects.filter(wanted).exclude(pk__in=strangers).order_by("full_name", "pk")
    holding = set(
        SecondFactor.objects.filter(confirmed_at__isnull=False).values_list("person_id", flat=True)
    )
    return [
        Known(
            person=person,
            has_factor=person.pk in holding,
            powers=[
                (group, role)
                for group in mine
                for role in Role
                if role in kept.get(person.pk, {}).get(group.pk, frozenset())
            ],
            elsewhere=bool(kept.get(person.pk, {}).keys() - ours),
        )
        for person in rows
    ]


_READ = ("pk", "sealed_secret", "last_step", "locked_until")


def factor_beside(*, person: Person) -> ArraySubquery:
    """Return the person's second factor as an expression, so that another question can carry it."""
    rows = SecondFactor.objects.filter(person=person, confirmed_at__isnull=False)
    return ArraySubquery(rows.values(it=JSONObject(**{name: name for name in _READ})))


def factor_from(carried: list[dict[str, Any]], *, person: Person) -> SecondFactor | None:
    """Return what `factor_beside` read, None when there is no factor."""
    if not carried:
        return None
    told = dict(carried[0])
    locked = told.pop("locked_until")
    return SecondFactor(
        person=person, locked_until=datetime.fromisoformat(locked) if locked else None, **told
    )
