"""Asking again who somebody is, before an act that weighs much (A5): the password, and a code of the second factor."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from migrations_portal.accounts import proving, queries
from migrations_portal.accounts.models import SecondFactor
from migrations_portal.people.models import Person
from migrations_portal.web import clock


def has_factor(person: Person) -> bool:
    """Say whether the person has a second factor."""
    return queries.factor(person=person) is not None


def must_set_up(person: Person) -> bool:
    """Say whether this installation asks for a second factor that the person does not have yet."""
    return bool(settings.REQUIRE_SECOND_FACTOR) and not has_factor(person)


def asks(person: Person) -> bool:
    """Say whether `prove_if_asked` wants a password and a code of this person."""
    return has_factor(person) or must_set_up(person)


def prove(*, person: Person, password: str, code: str, factor: SecondFactor | None) -> str:
    """Return the factors that were shown, as the record names them. `factor`: the person's second factor, None without one.

    Raises `FactorMissing`, `PasswordWrong`, `CodeWrong`, `CodeLocked`. A code is used up by this.
    """
    return proving.prove(
        proving.Given(password=password, code=code),
        person=person,
        factor=factor,
        required=settings.REQUIRE_SECOND_FACTOR,
        key=settings.FACTOR_KEY,
        now=clock.now(),
    )


def prove_if_asked(*, person: Person, posted: Mapping[str, Any]) -> str:
    """Return the factors of an act that asks again only those who have a second factor, or must have one; see `prove`."""
    factor = queries.factor(person=person)
    if factor is None and not settings.REQUIRE_SECOND_FACTOR:
        return "session"
    return prove(
        factor=factor,
        person=person,
        password=str(posted.get("password", "")),
        code=str(posted.get("code", "")),
    )
