"""Handing one's own role to somebody qualified, for a time. Both names stand in every record."""

from datetime import datetime

from django.db import transaction

from migrations_portal.approvals.models import Delegation
from migrations_portal.approvals.policy import DEPUTIES
from migrations_portal.approvals.rules import DelegationRefused, check_delegation, check_reason
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.notifications import services as notifications
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import SIGNING_ROLES, Role
from migrations_portal.targets.models import TargetGroup


@transaction.atomic
def delegate(
    *,
    group: TargetGroup,
    role: Role,
    by: Person,
    to: Person,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    now: datetime,
    public_url: str,
) -> Delegation:
    """Let `to` sign where `by` holds the role. Raises `NotAllowed`, `DelegationRefused`, `ReasonMissing`.

    Only a role held oneself is handed on: what one got as a deputy is not passed on.
    """
    given = check_reason(reason)
    access.check_holds(person=by, role=role, group=group)
    check_delegation(starts_at=starts_at, ends_at=ends_at, now=now)
    _check_deputy(group=group, role=role, by=by, to=to, starts_at=starts_at, ends_at=ends_at)
    row = Delegation.objects.create(
        group=group,
        role=str(role),
        giver=by,
        deputy=to,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=given[:300],
        made_at=now,
    )
    sentence = f"{to.full_name} may sign as {role.noun} for {by.full_name}, for {group.name}."
    _record(row, kind=EntryKind.DELEGATION_GIVEN, by=by, sentence=sentence, reason=given)
    notifications.queue_mail(
        template="delegation_given",
        to=to.email,
        context={
            "person_name": to.first_name,
            "giver_name": by.full_name,
            "role_title": role.noun,
            "group": group.name,
            "from_time": f"{starts_at:%a %d %b %Y, %H:%M} UTC",
            "to_time": f"{ends_at:%a %d %b %Y, %H:%M} UTC",
            "url": f"{public_url}/delegations/",
        },
        dedup_key=f"delegation-{row.pk}",
        now=now,
    )
    return row


def _check_deputy(
    *,
    group: TargetGroup,
    role: Role,
    by: Person,
    to: Person,
    starts_at: datetime,
    ends_at: datetime,
) -> None:
    if to.pk == by.pk:
        raise DelegationRefused("Choose somebody else than yourself.")
    held = access.roles_in(person=to, group=group) & SIGNING_ROLES
    if role not in SIGNING_ROLES or not held & DEPUTIES:
        raise DelegationRefused(
            f"{to.full_name} holds no signing role for {group.name}, so they cannot stand in. Choose somebody who does."
        )
    if role in held:
        raise DelegationRefused(f"{to.full_name} is a {role.noun} already.")
    taken = Delegation.objects.filter(
        group=group,
        role=str(role),
        giver=by,
        ended_at__isnull=True,
        starts_at__lt=ends_at,
        ends_at__gt=starts_at,
    ).select_related("deputy")
    if other := taken.first():
        raise DelegationRefused(
            f"{other.deputy.full_name} stands in for you in that time already. End that first."
        )


@transaction.atomic
def end_delegation(*, delegation_id: int, by: Person, now: datetime) -> Delegation:
    """Take a role back before its time. Raises `DelegationRefused`."""
    row = (
        Delegation.objects.select_for_update(of=("self",))
        .select_related("giver", "deputy", "group")
        .filter(pk=delegation_id)
        .first()
    )
    if row is None or row.giver_id != by.pk:
        raise DelegationRefused("Only the person who handed the role on can take it back.")
    if row.ended_at is not None or row.ends_at <= now:
        raise DelegationRefused("It has ended already.")
    row.ended_at = now
    row.save(update_fields=["ended_at"])
    role = Role(row.role)
    sentence = f"{by.full_name} took back from {row.deputy.full_name} to sign as {role.noun} for {row.group.name}."
    _record(row, kind=EntryKind.DELEGATION_ENDED, by=by, sentence=sentence, reason="")
    return row


def _record(row: Delegation, *, kind: EntryKind, by: Person, sentence: str, reason: str) -> None:
    audit.append(
        Draft(
            kind=kind,
            actor=audit.actor(by),
            sentence=sentence,
            reason=reason,
            facts={
                "group": row.group.name,
                "role": row.role,
                "giver": row.giver.email,
                "deputy": row.deputy.email,
                "from": row.starts_at.isoformat(),
                "to": row.ends_at.isoformat(),
            },
        )
    )
