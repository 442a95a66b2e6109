"""What an administrator does with people: invite, give and take roles, deactivate, reactivate; each act in the ledger.

An administrator acts within the groups whose administrator they are, and never on themselves: their own roles are another
administrator's business. So nobody gives themselves a role, and whoever gives roles holds no seat (`people.rules.clash`).
Whoever is concerned, and the other administrators of the group, get a mail of each change.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from migrations_portal.accounts import links, passwords, queries, services
from migrations_portal.accounts.links import Why
from migrations_portal.accounts.rules import (
    Active,
    AdministrationRefused,
    NotActive,
    RoleHeld,
    RoleNotHeld,
)
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.notifications import services as notifications
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import GIVEN_BY_ADMINISTRATORS, Role, clash
from migrations_portal.targets.models import TargetGroup

Power = tuple[TargetGroup, Role]


@transaction.atomic
def invite(
    *,
    email: str,
    full_name: str,
    powers: Sequence[Power],
    by: Person,
    reason: str,
    now: datetime,
    public_url: str,
) -> Person:
    """Give somebody an account and roles, and send them the link by which they choose a password.

    Raises `NotAllowed`; `AdministrationRefused` for no role, for an address that has an account, without a reason.
    """
    if not powers:
        raise AdministrationRefused(
            "Choose at least one role; without one there is nothing to see here."
        )
    for group, _ in powers:
        access.check_holds(person=by, role=Role.ADMINISTRATOR, group=group)
    if Person.objects.filter(email__iexact=email.strip()).exists():
        raise AdministrationRefused(
            "This address has an account already. Find it in the list, and give it the role there."
        )
    person = Person.objects.create_user(email.strip(), full_name.strip()[:120])
    _record(
        EntryKind.PERSON_INVITED,
        by=by,
        about=person,
        said=f"invited {person.full_name}",
        reason=reason,
    )
    for group, role in powers:
        give_role(
            person=person,
            role=role,
            group=group,
            by=by,
            reason=reason,
            now=now,
            public_url=public_url,
        )
    links.send(person=person, why=Why.INVITED, now=now, public_url=public_url, by=by.full_name)
    return person


@transaction.atomic
def send_link(*, person: Person, by: Person, now: datetime, public_url: str) -> None:
    """Send somebody who has no password yet the link again. Raises `NotAllowed`, `NotActive`, `AdministrationRefused`."""
    check_may_act(person=person, by=by)
    if not person.is_active:
        raise NotActive
    if person.has_usable_password():
        raise AdministrationRefused(
            f"{person.first_name} has a password. Who forgot it asks for a link on the sign-in page."
        )
    if not links.send(
        person=person, why=Why.INVITED, now=now, public_url=public_url, by=by.full_name
    ):
        raise AdministrationRefused("They got three links within the hour; the last one is good.")
    _record(
        EntryKind.PERSON_INVITED,
        by=by,
        about=person,
        said=f"sent {person.full_name} the invitation again",
        reason="The invitation was not used",
    )


@transaction.atomic
def give_role(
    *,
    person: Person,
    role: Role,
    group: TargetGroup,
    by: Person,
    reason: str,
    now: datetime,
    public_url: str,
) -> None:
    """Give a role for a group of targets. Raises `NotAllowed`, `RoleHeld`, `NotActive`, `AdministrationRefused`."""
    person = _locked(person, by=by, reason=reason)
    access.check_holds(person=by, role=Role.ADMINISTRATOR, group=group)
    if not person.is_active:
        raise NotActive
    if role not in GIVEN_BY_ADMINISTRATORS:
        raise AdministrationRefused(
            "An auditor is admitted on the page of auditors, with a day on which it ends."
        )
    held = access.roles_in(person=person, group=group)
    if role in held:
        raise RoleHeld(f"{person.full_name} is {role.noun} for {group} already.")
    if why := clash(held=held, new=role):
        raise AdministrationRefused(why)
    access.grant(person=person, role=role, group=group)
    said = f"made {person.full_name} {role.noun} for {group}"
    facts = {"group": group.name, "role": str(role)}
    _record(EntryKind.ROLE_GRANTED, by=by, about=person, said=said, reason=reason, facts=facts)
    _tell(person, by=by, group=group, said=said, reason=reason, now=now, public_url=public_url)


@transaction.atomic
def take_role(
    *,
    person: Person,
    role: Role,
    group: TargetGroup,
    by: Person,
    reason: str,
    now: datetime,
    public_url: str,
) -> None:
    """Take a role away; it is gone at the next request, and open seats go to who is left. Raises like `give_role`."""
    person = _locked(person, by=by, reason=reason)
    access.check_holds(person=by, role=Role.ADMINISTRATOR, group=group)
    if role not in queries.roles_kept(person=person, group=group):
        raise RoleNotHeld
    access.revoke(person=person, role=role, group=group)
    said = f"ended {person.full_name}'s role as {role.noun} for {group}"
    facts = {"group": group.name, "role": str(role)}
    _record(EntryKind.ROLE_REVOKED, by=by, about=person, said=said, reason=reason, facts=facts)
    _tell(person, by=by, group=group, said=said, reason=reason, now=now, public_url=public_url)


@transaction.atomic
def deactivate(*, person: Person, by: Person, reason: str, now: datetime, public_url: str) -> None:
    """Keep somebody out from the next request on. Their signatures stay; open seats go to who is left (`approvals` keeps them).

    Only who administers every group in which the person has a role may. Raises `NotAllowed`, `NotActive`, `AdministrationRefused`.
    """
    person = _locked(person, by=by, reason=reason)
    check_may_act(person=person, by=by)
    if not person.is_active:
        raise NotActive
    groups = queries.groups_kept(person=person)
    person.is_active = False
    person.save(update_fields=["is_active"])
    revoked = passwords.revoke_tokens(person)
    said = f"deactivated {person.full_name}"
    _record(
        EntryKind.PERSON_DEACTIVATED,
        by=by,
        about=person,
        said=f"{said}; {revoked} API tokens ended",
        reason=reason,
    )
    for group in groups:
        _tell(person, by=by, group=group, said=said, reason=reason, now=now, public_url=public_url)


@transaction.atomic
def reactivate(*, person: Person, by: Person, reason: str, now: datetime, public_url: str) -> None:
    """Let somebody in again, with the roles that they kept. Raises `NotAllowed`, `Active`, `AdministrationRefused`."""
    person = _locked(person, by=by, reason=reason)
    check_may_act(person=person, by=by)
    if person.is_active:
        raise Active
    person.is_active = True
    person.save(update_fields=["is_active"])
    said = f"let {person.full_name} in again"
    _record(EntryKind.PERSON_REACTIVATED, by=by, about=person, said=said, reason=reason)
    for group in queries.groups_kept(person=person):
        _tell(person, by=by, group=group, said=said, reason=reason, now=now, public_url=public_url)


@transaction.atomic
def reset_factor(
    *, person: Person, by: Person, reason: str, now: datetime, public_url: str
) -> None:
    """Take away a lost second factor, and tell the person. Raises `NotAllowed`, `FactorMissing`, `Refused`."""
    shared = [
        each
        for each in queries.groups_kept(person=person)
        if each in queries.administered(person=by)
    ]
    if not shared:
        raise access.NotAllowed("Only an administrator of their targets may do this.")
    services.reset(person=person, by=by, group=shared[0], reason=reason)
    said = f"reset the second factor of {person.full_name}"
    _tell(person, by=by, group=shared[0], said=said, reason=reason, now=now, public_url=public_url)


def check_may_act(*, person: Person, by: Person) -> None:
    """Raise `NotAllowed` unless `by` administers every group in which the person has a role, and is not the person."""
    _check_not_oneself(person, by=by)
    mine = queries.administered(person=by)
    if not mine:
        raise access.NotAllowed("Only an administrator may do this.")
    for group in queries.groups_kept(person=person):
        if group not in mine:
            raise access.NotAllowed(
                f"{person.full_name} has a role for {group} too, so an administrator of all their groups has to do this."
            )


def _check_not_oneself(person: Person, *, by: Person) -> None:
    if person.pk == by.pk:
        raise AdministrationRefused(
            "Nobody changes their own access; ask another administrator of these targets."
        )


def _locked(person: Person, *, by: Person, reason: str) -> Person:
    """Return the person's row under a lock; raise for oneself and without a reason."""
    _check_not_oneself(person, by=by)
    if not reason.strip():
        raise AdministrationRefused("Say why; the reason stands in the ledger.")
    return Person.objects.select_for_update().get(pk=person.pk)


def _tell(
    person: Person,
    *,
    by: Person,
    group: TargetGroup,
    said: str,
    reason: str,
    now: datetime,
    public_url: str,
) -> None:
    """Write to the person and to the other administrators of the group."""
    others = access.holders(role=Role.ADMINISTRATOR, group=group)
    told = {each.pk: each for each in (person, *others) if each.pk != by.pk}
    for each in told.values():
        notifications.queue_mail(
            template="access_changed",
            to=each.email,
            context={
                "person_name": each.first_name,
                "sentence": f"{by.full_name} {said}.",
                "reason": reason.strip(),
                "url": f"{public_url}/account/"
                if each.pk == person.pk
                else f"{public_url}/people/{person.pk}/",
                "own": each.pk == person.pk,
            },
            dedup_key=f"access-{person.pk}-{group.pk}-{said}-{now.timestamp():.6f}"[:150],
            now=now,
        )


def _record(
    kind: EntryKind,
    *,
    by: Person,
    about: Person,
    said: str,
    reason: str,
    facts: Mapping[str, str] | None = None,
) -> None:
    audit.append(
        Draft(
            kind=kind,
            actor=audit.actor(by),
            sentence=f"{by.full_name} {said}.",
            reason=reason.strip(),
            facts={"person": about.email, **(facts or {})},
        )
    )
