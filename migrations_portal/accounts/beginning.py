"""The first administrator of a group of targets, made on the server: nobody in the portal could give that role."""

from datetime import datetime

from django.db import transaction

from migrations_portal.accounts import links
from migrations_portal.accounts.links import Why
from migrations_portal.accounts.rules import AdministrationRefused
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role, clash
from migrations_portal.targets.models import TargetGroup


@transaction.atomic
def first_administrator(
    *, email: str, full_name: str, group_name: str, now: datetime, public_url: str
) -> Person:
    """Give somebody the administrator's role for a group that has none, with group and account when they are new.

    Who has no password gets the link to choose one. Raises `AdministrationRefused` where somebody administers the group already.
    """
    group, _ = TargetGroup.objects.get_or_create(name=group_name.strip())
    TargetGroup.objects.select_for_update().get(pk=group.pk)
    if holder := next(iter(access.holders(role=Role.ADMINISTRATOR, group=group)), None):
        raise AdministrationRefused(
            f"{holder.full_name} administers {group} already; ask them to give the role, on the page People."
        )
    person = Person.objects.filter(email__iexact=email.strip()).first()
    if person is None:
        person = Person.objects.create_user(email.strip(), full_name.strip()[:120])
    if why := clash(held=access.roles_in(person=person, group=group), new=Role.ADMINISTRATOR):
        raise AdministrationRefused(why)
    access.grant(person=person, role=Role.ADMINISTRATOR, group=group)
    audit.append(
        Draft(
            kind=EntryKind.ROLE_GRANTED,
            actor=PORTAL,
            sentence=f"{person.full_name} was made the first administrator of {group}, on the server.",
            facts={
                "person": person.email,
                "group": group.name,
                "role": str(Role.ADMINISTRATOR),
            },
        )
    )
    if not person.has_usable_password():
        links.send(
            person=person, why=Why.INVITED, now=now, public_url=public_url, by="Your operator"
        )
    return person
