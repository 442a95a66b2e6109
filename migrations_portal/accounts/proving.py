"""Asking again who somebody is before an act that weighs much (A5), the same words at every door."""

from dataclasses import dataclass
from datetime import datetime

from migrations_portal.accounts import services
from migrations_portal.accounts.models import SecondFactor
from migrations_portal.accounts.rules import FactorMissing, PasswordWrong
from migrations_portal.people.models import Person


@dataclass(frozen=True)
class Given:
    """What somebody gave to prove who they are, and by what they came in: "session", or "token"."""

    password: str
    code: str
    came_by: str = "session"


def prove(
    given: Given,
    *,
    person: Person,
    factor: SecondFactor | None,
    required: bool,
    key: str,
    now: datetime,
) -> str:
    """Return the factors that were shown, as the record names them. A code is used up by this.

    `factor`: the person's second factor; who has one is asked for its code. `required`: nobody passes without one.
    Raises `FactorMissing`, `PasswordWrong`, `CodeWrong`, `CodeLocked`.
    """
    if factor is None and required:
        raise FactorMissing
    if not person.check_password(given.password):
        raise PasswordWrong
    if factor is None:
        return f"{given.came_by} and password"
    used = services.prove(person=person, code=given.code, key=key, now=now, factor=factor)
    return f"{given.came_by}, password and {used}"
