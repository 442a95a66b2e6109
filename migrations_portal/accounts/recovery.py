"""Recovery codes: ten of them, each good once, for whoever has an app or a passkey and cannot reach it."""

from datetime import datetime

from migrations_portal.accounts import queries
from migrations_portal.accounts.models import RecoveryCode
from migrations_portal.accounts.rules import hash_of, new_recovery_codes
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.people.models import Person


def renew(*, person: Person) -> list[str]:
    """Give the person ten new codes in place of all old ones, and return them; only their hashes are kept."""
    forget(person=person)
    codes = new_recovery_codes()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(person=person, code_hash=hash_of(each)) for each in codes
    )
    return codes


def use(*, person: Person, code: str, now: datetime) -> bool:
    """Use a code up and record it; False when it is none of theirs, or was used."""
    rows = person.recovery_codes.filter(code_hash=hash_of(code), used_at__isnull=True)
    if rows.update(used_at=now) != 1:
        return False
    left = queries.codes_left(person=person)
    audit.append(
        Draft(
            kind=EntryKind.FACTOR_RECOVERY_USED,
            actor=audit.actor(person),
            sentence=f"{person.full_name} used a recovery code; {left} are left.",
            facts={"person": person.email},
        )
    )
    return True


def forget(*, person: Person) -> None:
    """Throw the person's codes away."""
    RecoveryCode.objects.filter(person=person).delete()
