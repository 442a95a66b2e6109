"""Who has a second factor, and whom an administrator sees."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, Q
from django.db.models.functions import JSONObject

from migrations_portal.accounts.models import Passkey, SecondFactor
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


def codes_left(*, person: Person) -> int:
    """Return how many recovery codes are unused."""
    return person.recovery_codes.filter(used_at__isnull=True).count()


@dataclass(frozen=True)
class Held:
    """What somebody has beside the password. True when it is anything."""

    app: SecondFactor | None = None
    passkeys: bool = False

    def __bool__(self) -> bool:
        """Whether there is a second factor."""
        return self.app is not None or self.passkeys


def held(*, person: Person) -> Held:
    """Return the person's second factors, asked for at once."""
    rows = Person.objects.filter(pk=person.pk).annotate(held_carried=held_beside(person=person))
    return held_from(rows.values_list("held_carried", flat=True).get(), person=person)


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
    apps = SecondFactor.objects.filter(confirmed_at__isnull=False).values_list("person_id")
    holding = {pk for (pk,) in apps.union(Passkey.objects.values_list("person_id"))}
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


def held_beside(*, person: Person) -> JSONObject:
    """Return what the person holds as an expression, so that another question can carry it."""
    apps = SecondFactor.objects.filter(person=person, confirmed_at__isnull=False)
    return JSONObject(
        apps=ArraySubquery(apps.values(it=JSONObject(**{name: name for name in _READ}))),
        passkeys=Exists(Passkey.objects.filter(person=person)),
    )


def held_from(carried: dict[str, Any], *, person: Person) -> Held:
    """Return what `held_beside` read."""
    app = None
    for each in carried["apps"] or ():
        locked = each["locked_until"]
        until = datetime.fromisoformat(locked) if locked else None
        app = SecondFactor(**(each | {"person": person, "locked_until": until}))
    return Held(app=app, passkeys=carried["passkeys"])
