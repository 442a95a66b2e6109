"""Choosing and changing one's password. Both end every other session and every API token of the person."""

from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from knox.models import AuthToken

from migrations_portal.accounts import links, proving
from migrations_portal.accounts.passkeys import Answer
from migrations_portal.accounts.rules import PasswordRefused, PasswordWrong
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.people.models import Person


def choose(
    *,
    uid: str,
    token: str,
    password: str,
    code: str,
    key: str,
    now: datetime,
    answer: Answer | None = None,
) -> Person:
    """Set the password of whoever the link belongs to, and spend the link.

    A second factor is asked for: the mailbox alone does not get past it (ASVS 6.4.3). `answer`: a passkey's, in place of a
    code. Raises `LinkNotGood`, `PasswordRefused`, `CodeWrong`, `CodeLocked`, `PasskeyRefused`.
    """
    person = links.person_of(uid=uid, token=token, now=now)
    _check(person, password=password, code=code, key=key, now=now, answer=answer)
    with transaction.atomic():
        person = links.person_of(uid=uid, token=token, now=now, lock=True)
        _set(person, password, said="chose a password by the link that was sent to them")
    return person


def change(
    *,
    person: Person,
    old: str,
    password: str,
    code: str,
    key: str,
    now: datetime,
    answer: Answer | None = None,
) -> Person:
    """Set one's own password anew. `answer`: a passkey's, in place of a code.

    Raises `PasswordWrong`, `PasswordRefused`, `CodeWrong`, `CodeLocked`, `PasskeyRefused`.
    """
    if not person.check_password(old):
        raise PasswordWrong
    if old == password:
        raise PasswordRefused("This is the password that you have. Choose another one.")
    _check(person, password=password, code=code, key=key, now=now, answer=answer)
    with transaction.atomic():
        _set(
            Person.objects.select_for_update().get(pk=person.pk),
            password,
            said="changed their password",
        )
    person.refresh_from_db()
    return person


def _check(
    person: Person, *, password: str, code: str, key: str, now: datetime, answer: Answer | None
) -> None:
    """Look at the new password first, so that a code is not used up for one that is refused."""
    try:
        validate_password(password, user=person)
    except ValidationError as error:
        raise PasswordRefused(" ".join(error.messages)) from None
    proving.prove_second(person=person, code=code, key=key, now=now, answer=answer)


def _set(person: Person, password: str, *, said: str) -> None:
    """Set it under the row's lock. Sessions carry a hash of the password, so all that were opened with the old one end."""
    person.set_password(password)
    person.save(update_fields=["password"])
    revoked = revoke_tokens(person)
    audit.append(
        Draft(
            kind=EntryKind.PASSWORD_CHANGED,
            actor=audit.actor(person),
            sentence=f"{person.full_name} {said}; their other sessions and {revoked} API tokens ended.",
            facts={"person": person.email, "tokens_revoked": revoked},
        )
    )


def revoke_tokens(person: Person) -> int:
    """Take back every API token of the person; return how many there were."""
    rows = AuthToken.objects.filter(user=person)
    count = rows.count()
    rows.delete()
    return int(count)
