"""Asking again who somebody is before an act that weighs much (A5), the same words at every door."""

from dataclasses import dataclass
from datetime import datetime

from migrations_portal.accounts import passkeys, queries, services
from migrations_portal.accounts.passkeys import Answer
from migrations_portal.accounts.queries import Held
from migrations_portal.accounts.rules import FactorMissing, PasswordWrong, ProofMissing
from migrations_portal.people.models import Person


@dataclass(frozen=True)
class Given:
    """What somebody gave to prove who they are, and by what they came in: "session", or "token".

    `answer` is that of a passkey. It stands in for password and code: it is two factors by itself.
    """

    password: str
    code: str
    came_by: str = "session"
    answer: Answer | None = None


def prove(
    given: Given,
    *,
    person: Person,
    held: Held,
    required: bool,
    key: str,
    now: datetime,
) -> str:
    """Return the factors that were shown, as the record names them. A code, or a passkey's answer, is used up by this.

    `held`: the person's second factors; who has one is asked for it. `required`: nobody passes without one.
    Raises `FactorMissing`, `PasswordWrong`, `ProofMissing`, `CodeWrong`, `CodeLocked`, `PasskeyRefused`.
    """
    if not held and required:
        raise FactorMissing
    if given.answer is not None:
        passkeys.prove(person=person, answer=given.answer, now=now)
        return f"{given.came_by} and passkey"
    if held.passkeys and not given.password:
        raise ProofMissing
    if not person.check_password(given.password):
        raise PasswordWrong
    if not held:
        return f"{given.came_by} and password"
    used = services.prove(person=person, code=given.code, key=key, now=now, factor=held.app)
    return f"{given.came_by}, password and {used}"


def prove_second(
    *, person: Person, code: str, key: str, now: datetime, answer: Answer | None
) -> None:
    """Take a passkey's answer or a code of whoever has a second factor; ask nothing of anybody else."""
    held = queries.held(person=person)
    if held and answer is not None:
        passkeys.prove(person=person, answer=answer, now=now)
    elif held.passkeys and not code:
        raise ProofMissing("Use your passkey, or type a code in its place.")
    elif held:
        services.prove(person=person, code=code, key=key, now=now, factor=held.app)
