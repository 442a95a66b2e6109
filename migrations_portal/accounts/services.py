"""Setting up, using and taking away an authenticator app, and resetting all of a person's factors; each act in the ledger (A5)."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from migrations_portal.accounts import pace, queries, recovery
from migrations_portal.accounts.models import Passkey, SecondFactor
from migrations_portal.accounts.rules import (
    LOCKED_FOR,
    MOST_WRONG,
    CodeLocked,
    CodeWrong,
    FactorMissing,
    FactorPresent,
    matching_step,
    new_secret,
    plain,
)
from migrations_portal.accounts.sealing import seal, unseal
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import TargetGroup


@transaction.atomic
def begin(*, person: Person, key: str, now: datetime) -> SecondFactor:
    """Make a secret for the person to put into their app; it counts once `confirm` took a code.

    Raises `FactorPresent`, `FactorKeyMissing`.
    """
    Person.objects.select_for_update().get(pk=person.pk)
    if queries.factor(person=person):
        raise FactorPresent
    made, _ = SecondFactor.objects.update_or_create(
        person=person,
        defaults={
            "sealed_secret": seal(new_secret(), key=key),
            "created_at": now,
            "last_step": 0,
            "wrong_codes": 0,
            "locked_until": None,
        },
    )
    return made


def secret_to_show(*, factor: SecondFactor, key: str) -> str:
    """Return the secret of a factor that is not confirmed yet; a confirmed one never shows it again."""
    if factor.confirmed_at:
        raise FactorPresent
    return unseal(factor.sealed_secret, key=key)


def confirm(*, person: Person, code: str, key: str, now: datetime) -> list[str]:
    """Take the first code, and return the ten recovery codes, which are shown this once.

    Raises `FactorMissing`, `CodeWrong`, `CodeLocked`.
    """
    refusal, codes = _confirmed(person=person, code=plain(code), key=key, now=now)
    if refusal:
        raise refusal
    return codes


@transaction.atomic
def _confirmed(
    *, person: Person, code: str, key: str, now: datetime
) -> tuple[Refused | None, list[str]]:
    row = SecondFactor.objects.select_for_update().filter(person=person).first()
    if row is None:
        return FactorMissing("Begin to set up a second factor first."), []
    if row.confirmed_at:
        return FactorPresent(), []
    refusal, _ = _checked(row, code=code, key=key, now=now)
    if refusal:
        return refusal, []
    SecondFactor.objects.filter(pk=row.pk).update(confirmed_at=now)
    _record(EntryKind.FACTOR_ENROLLED, by=person, said="set up a second factor")
    return None, recovery.renew(person=person)


def prove(
    *, person: Person, code: str, key: str, now: datetime, factor: SecondFactor | None = None
) -> str:
    """Use up a code of the app, or a recovery code; return which of the two it was, in the ledger's words.

    Raises `FactorMissing`, `CodeWrong`, `CodeLocked`. A wrong code counts even when the caller's act is refused,
    so this must not be called inside a transaction that the refusal would undo. `factor`: the row, when it was read already.
    """
    if factor is not None and _used_up(factor, code=plain(code), key=key, now=now):
        return "code"
    refusal, said = _proved(person=person, code=plain(code), key=key, now=now)
    if refusal:
        raise refusal
    return said


def _used_up(row: SecondFactor, *, code: str, key: str, now: datetime) -> bool:
    """Claim the step of a right code by counting, so that it opens once; what does not fit is looked at under the lock."""
    if row.locked_until and now < row.locked_until:
        return False
    secret = unseal(row.sealed_secret, key=key)
    step = matching_step(secret=secret, code=code, now=now, after=row.last_step)
    if step is None:
        return False
    free = Q(locked_until__isnull=True) | Q(locked_until__lte=now)
    rows = SecondFactor.objects.filter(
        free, pk=row.pk, sealed_secret=row.sealed_secret, last_step__lt=step
    ).exclude(confirmed_at__isnull=True)
    return rows.update(last_step=step, wrong_codes=0, locked_until=None) == 1


@transaction.atomic(durable=True)
def _proved(*, person: Person, code: str, key: str, now: datetime) -> tuple[Refused | None, str]:
    rows = SecondFactor.objects.select_for_update()
    row = rows.filter(person=person, confirmed_at__isnull=False).first()
    if row is not None:
        return _checked(row, code=code, key=key, now=now)
    if Passkey.objects.filter(person=person).exists():
        return _checked_without_app(person, code=code, now=now)
    return FactorMissing(), ""


def _checked(
    row: SecondFactor, *, code: str, key: str, now: datetime
) -> tuple[Refused | None, str]:
    """Check a code under the row's lock, and write down what came of it."""
    if row.locked_until and now < row.locked_until:
        until = f"{row.locked_until:%H:%M:%S}"
        return CodeLocked(
            f"Too many wrong codes. Try again after {until} UTC; nothing was done."
        ), ""
    step = matching_step(
        secret=unseal(row.sealed_secret, key=key), code=code, now=now, after=row.last_step
    )
    rows = SecondFactor.objects.filter(pk=row.pk)
    if step is not None:
        rows.update(last_step=step, wrong_codes=0, locked_until=None)
        return None, "code"
    if recovery.use(person=row.person, code=code, now=now):
        rows.update(wrong_codes=0, locked_until=None)
        return None, "recovery code"
    return _wrong(row, now=now), ""


def _wrong(row: SecondFactor, *, now: datetime) -> Refused:
    wrong = row.wrong_codes + 1
    rows = SecondFactor.objects.filter(pk=row.pk)
    if wrong < MOST_WRONG:
        rows.update(wrong_codes=wrong)
        return CodeWrong()
    rows.update(wrong_codes=0, locked_until=now + LOCKED_FOR)
    return _locked(row.person)


def _checked_without_app(person: Person, *, code: str, now: datetime) -> tuple[Refused | None, str]:
    """Check a code of somebody who has passkeys only: it can be a recovery code. Wrong ones are counted as those of an app are."""
    tries = pace.count("recovery", who=str(person.pk), seconds=int(LOCKED_FOR.total_seconds()))
    if tries > MOST_WRONG:
        return CodeLocked(), ""
    if recovery.use(person=person, code=code, now=now):
        pace.forget("recovery", who=str(person.pk))
        return None, "recovery code"
    return (_locked(person) if tries == MOST_WRONG else CodeWrong()), ""


def _locked(person: Person) -> Refused:
    _record(
        EntryKind.FACTOR_LOCKED,
        by=person,
        said=f"gave {MOST_WRONG} wrong codes; none is taken for {LOCKED_FOR.seconds // 60} minutes",
        result="refused",
    )
    return CodeLocked(
        f"{MOST_WRONG} wrong codes. Wait {LOCKED_FOR.seconds // 60} minutes, then try again; nothing was done."
    )


@transaction.atomic
def remove(*, person: Person) -> None:
    """Take away one's own app; the door has had the person prove who they are. Raises `FactorMissing`."""
    if not SecondFactor.objects.filter(person=person).delete()[0]:
        raise FactorMissing
    if not queries.held(person=person):
        recovery.forget(person=person)
    _record(EntryKind.FACTOR_REMOVED, by=person, said="removed the second factor")


@transaction.atomic
def reset(*, person: Person, by: Person, group: TargetGroup, reason: str) -> None:
    """Take away somebody's app, passkeys and recovery codes, as an administrator of a group in which they have a role.

    Raises `NotAllowed`; `Refused` for oneself, without a reason, and where there is nothing to reset.
    """
    access.check_holds(person=by, role=Role.ADMINISTRATOR, group=group)
    if by.pk == person.pk:
        raise Refused("Nobody resets their own second factor; ask another administrator.")
    if not access.roles_in(person=person, group=group):
        raise Refused(
            f"{person.full_name} has no role for {group}, so their factor is not yours to reset."
        )
    if not reason.strip():
        raise Refused("Say why the second factor is reset; the reason stands in the ledger.")
    gone = SecondFactor.objects.filter(person=person).delete()[0]
    gone += Passkey.objects.filter(person=person).delete()[0]
    if not gone:
        raise FactorMissing(f"{person.full_name} has no second factor.")
    recovery.forget(person=person)
    _record(
        EntryKind.FACTOR_RESET,
        by=by,
        said=f"reset the second factor of {person.full_name}",
        reason=reason.strip(),
        about=person,
    )


def _record(
    kind: EntryKind,
    *,
    by: Person,
    said: str,
    reason: str = "",
    result: str = "success",
    about: Person | None = None,
) -> None:
    audit.append(
        Draft(
            kind=kind,
            actor=audit.actor(by),
            sentence=f"{by.full_name} {said}.",
            reason=reason,
            result=result,
            facts={"person": (about or by).email},
        )
    )
