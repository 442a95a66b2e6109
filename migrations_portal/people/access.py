"""Who may: roles held for a group of targets. The only module that knows django-guardian.

Superusers pass nothing here: guardian's `has_perm` would wave them through, so the rows themselves are asked (S5).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Now
from guardian.shortcuts import assign_perm, remove_perm
from guardian.utils import get_user_obj_perms_model

from migrations_portal.kernel.errors import Refused
from migrations_portal.kernel.memory import known, remembered
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role

_ROLES = {role.permission: role for role in Role}


class NotAllowed(Refused):
    """Your roles do not include this."""

    code = "not-allowed"


def _rows(group: Model) -> QuerySet[Any]:
    return _live(group).filter(content_object=group)


def _live(group: Model) -> QuerySet[Any]:
    """Return the roles that have not ended by themselves, by the database's clock."""
    rows: QuerySet[Any] = get_user_obj_perms_model(group)._default_manager.all()
    return rows.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=Now()))


def grant(*, person: Person, role: Role, group: Model, until: datetime | None = None) -> None:
    """Give `person` the role for this group of targets, for good or until an instant."""
    assign_perm(role.permission, person, group)
    held = get_user_obj_perms_model(group)._default_manager.filter(
        content_object=group, user=person, permission__codename=role.permission
    )
    held.update(valid_until=until)


def ends(*, role: Role, group: Model) -> dict[int, datetime | None]:
    """Return when the role ends for each of its holders (by their number), None for those without an end."""
    rows = _rows(group).filter(permission__codename=role.permission)
    return dict(rows.values_list("user_id", "valid_until"))


def revoke(*, person: Person, role: Role, group: Model) -> None:
    """Take the role away; it is gone at the next request."""
    remove_perm(role.permission, person, group)


def holders(*, role: Role, group: Model) -> list[Person]:
    """Return the active people who hold `role` for `group` now, by name."""
    return remembered(("holders", group.pk), lambda: _holders_by_role(group)).get(role, [])


def _holders_by_role(group: Model) -> dict[Role, list[Person]]:
    """Everybody who holds a role for the group, in one query."""
    rows = _rows(group).filter(user__is_active=True).select_related("user", "permission")
    found: dict[Role, list[Person]] = {}
    for row in rows.order_by("user__full_name", "user_id"):
        if (role := _ROLES.get(row.permission.codename)) is not None:
            found.setdefault(role, []).append(row.user)
    return found


def roles_everywhere(*, person: Person, groups: type[Model]) -> dict[int, frozenset[Role]]:
    """Return the roles that `person` holds now, by the group's number; `groups` is the model of a group."""
    if not person.is_active:
        return {}
    return remembered(("roles", person.pk), lambda: _roles_by_group(person, groups))


def _roles_by_group(person: Person, groups: type[Model]) -> dict[int, frozenset[Role]]:
    rows = _live(groups()).filter(user_id=person.pk)
    found: dict[int, set[Role]] = {}
    for group_id, codename in rows.values_list("content_object_id", "permission__codename"):
        if (role := _ROLES.get(codename)) is not None:
            found.setdefault(group_id, set()).add(role)
    return {group_id: frozenset(roles) for group_id, roles in found.items()}


def members(*, group: Model) -> list[Person]:
    """Return the active people who hold any role for `group` now, by name."""
    held = remembered(("holders", group.pk), lambda: _holders_by_role(group))
    people = {person.pk: person for each in held.values() for person in each}
    return sorted(people.values(), key=lambda person: person.full_name)


def holders_by_role(groups: Sequence[Model]) -> dict[tuple[int, Role], list[Person]]:
    """Return (id of the group, role) → the active people who hold it now, by name: one query for any number of groups."""
    if not groups:
        return {}
    rows = (
        _live(groups[0])
        .filter(content_object__in=groups, user__is_active=True)
        .select_related("user", "permission")
        .order_by("user__full_name")
    )
    roles = {role.permission: role for role in Role}
    found: dict[tuple[int, Role], list[Person]] = {}
    for row in rows:
        role = roles.get(row.permission.codename)
        if role is not None:
            found.setdefault((row.content_object_id, role), []).append(row.user)
    return found


def kept(*, groups: type[Model]) -> dict[int, dict[int, frozenset[Role]]]:
    """Return person → group → roles that were given and have not ended, also of people who are deactivated: one query."""
    found: dict[int, dict[int, set[Role]]] = {}
    rows = _live(groups()).values_list("user_id", "content_object_id", "permission__codename")
    for person_id, group_id, codename in rows:
        if (role := _ROLES.get(codename)) is not None:
            found.setdefault(person_id, {}).setdefault(group_id, set()).add(role)
    return {
        person_id: {group_id: frozenset(roles) for group_id, roles in by_group.items()}
        for person_id, by_group in found.items()
    }


def roles_in(*, person: Person, group: Model) -> frozenset[Role]:
    """Return the roles that `person` holds for `group` now."""
    held: dict[Role, list[Person]] | None = known(("holders", group.pk))
    if held is not None:  # who holds which role was read already, for all questions of this act
        return frozenset(role for role, people in held.items() if person in people)
    mine = roles_everywhere(person=person, groups=type(group))
    return mine.get(group.pk, frozenset())


def holds(*, person: Person, role: Role, group: Model) -> bool:
    """Say whether `person` holds `role` for `group` now."""
    return role in roles_in(person=person, group=group)


def check_holds(*, person: Person, role: Role, group: Model) -> None:
    """Raise `NotAllowed`, naming the role, unless `person` holds it now."""
    if not holds(person=person, role=role, group=group):
        raise NotAllowed(
            f"Only a {role.noun} for {group} may do this; ask an administrator for the role."
        )


def check_holds_any(*, person: Person, roles: frozenset[Role], group: Model) -> None:
    """Raise `NotAllowed`, naming the roles, unless `person` holds one of them now."""
    if not roles_in(person=person, group=group) & roles:
        titles = " or a ".join(role.title.lower() for role in Role if role in roles)
        raise NotAllowed(
            f"Only a {titles} for {group} may do this; ask an administrator for the role."
        )


def check_member(*, person: Person, group: Model) -> None:
    """Raise `NotAllowed` unless `person` holds any role but auditor for `group` (an auditor reads and exports only)."""
    if not roles_in(person=person, group=group) - {Role.AUDITOR}:
        raise NotAllowed(f"You hold no role for {group} that may change anything.")


def groups_of(
    *, person: Person, groups: QuerySet[Any], roles: frozenset[Role] | None = None
) -> QuerySet[Any]:
    """Narrow `groups` (of targets) to those where `person` holds one of `roles` (any role when None). Default: none."""
    if not person.is_active:
        return groups.none()
    read: dict[int, frozenset[Role]] | None = known(("roles", person.pk))
    if read is not None:  # for this page or act, so the question need not look for them again
        wanted = roles if roles is not None else frozenset(Role)
        return groups.filter(pk__in=[group_id for group_id, held in read.items() if held & wanted])
    rows = _live(groups.model()).filter(user_id=person.pk)
    names = [role.permission for role in (roles if roles is not None else frozenset(Role))]
    return groups.filter(
        pk__in=rows.filter(permission__codename__in=names).values("content_object_id")
    )
