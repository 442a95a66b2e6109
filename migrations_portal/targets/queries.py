"""Reading targets: the one place where a person's view of them is narrowed."""

from django.db.models import QuerySet

from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import LEDGER_READERS, Role
from migrations_portal.targets.models import Stakeholder, Target, TargetGroup
from migrations_portal.targets.rules import PHI_ONLY_STAKEHOLDERS


def groups_of(*, person: Person, roles: frozenset[Role] | None = None) -> QuerySet[TargetGroup]:
    """Return the groups in which `person` holds one of `roles`, or any role."""
    narrowed: QuerySet[TargetGroup] = access.groups_of(
        person=person, groups=TargetGroup.objects.all(), roles=roles
    )
    return narrowed


def visible_targets(*, person: Person, roles: frozenset[Role] | None = None) -> QuerySet[Target]:
    """Return the targets that `person` may see (or, with `roles`, act on)."""
    return Target.objects.filter(group__in=groups_of(person=person, roles=roles)).order_by("name")


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


def role_titles(*, person: Person) -> str:
    """Return the titles of the roles that `person` holds anywhere, for the bar of every page."""
    roles = {
        role
        for group in groups_of(person=person)
        for role in access.roles_in(person=person, group=group)
    }
    return ", ".join(role.title for role in Role if role in roles)
