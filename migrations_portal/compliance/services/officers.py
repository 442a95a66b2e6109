"""Who keeps the records of compliance, and how their acts get into the ledger."""

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.compliance.rules import (
    OFFICERS,
)
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import TargetGroup


def check_officer(*, person: Person, group: TargetGroup, roles: frozenset[Role] = OFFICERS) -> None:
    """Raise `NotAllowed` unless `person` holds one of these roles for the group now."""
    if not access.roles_in(person=person, group=group) & roles:
        names = ", ".join(sorted(role.title.lower() for role in roles))
        raise access.NotAllowed(f"For {group} only these may do this: {names}.")


def record(
    kind: EntryKind, by: Person, sentence: str, *, group: TargetGroup, reason: str = ""
) -> None:
    audit.append(
        Draft(
            kind=kind,
            actor=audit.actor(by),
            sentence=sentence,
            reason=reason,
            facts={"group": group.name},
        )
    )
