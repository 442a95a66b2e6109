"""Auditors: they read and export, nothing else, and only until a day."""

from datetime import datetime

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.compliance.rules import AUDITOR_AT_MOST, AuditorRefused
from migrations_portal.compliance.services import check_officer
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import TargetGroup

ADMITTERS = frozenset({Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR})


@transaction.atomic
def admit(
    *, group: TargetGroup, email: str, name: str, until: datetime, by: Person, now: datetime
) -> Person:
    """Give somebody the auditor's role until an instant, with an account when they have none.

    Raises `NotAllowed`; `AuditorRefused` for more than a year, for the past, and for people who have another role here.
    """
    check_officer(person=by, group=group, roles=ADMITTERS)
    if not now < until <= now + AUDITOR_AT_MOST:
        raise AuditorRefused("Choose a day within the next twelve months.")
    if "@" not in email:
        raise AuditorRefused("Give the auditor's e-mail address.")
    person = Person.objects.filter(email__iexact=email.strip()).first()
    if person is None:
        if not name.strip():
            raise AuditorRefused(
                "Give the auditor's name: there is no account for this address yet."
            )
        person = Person.objects.create_user(email.strip(), name.strip()[:120])
    if access.roles_in(person=person, group=group) - {Role.AUDITOR}:
        raise AuditorRefused(
            f"{person.full_name} has a part in {group} and cannot audit it as well."
        )
    access.grant(person=person, role=Role.AUDITOR, group=group, until=until)
    audit.append(
        Draft(
            kind=EntryKind.AUDITOR_ADMITTED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} admitted {person.full_name} as auditor of {group} until {until:%Y-%m-%d %H:%M} UTC.",
            facts={"auditor": person.email, "group": group.name, "until": until.isoformat()},
        )
    )
    return person


@transaction.atomic
def dismiss(*, group: TargetGroup, person: Person, by: Person) -> None:
    """Take the auditor's role away now; raise `NotAllowed`."""
    check_officer(person=by, group=group, roles=ADMITTERS)
    access.revoke(person=person, role=Role.AUDITOR, group=group)
    audit.append(
        Draft(
            kind=EntryKind.ROLE_REVOKED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} ended {person.full_name}'s time as auditor of {group}.",
            facts={"auditor": person.email, "group": group.name},
        )
    )
