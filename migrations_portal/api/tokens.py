"""Tokens for programs: made and taken back by their person, stored as a hash, each act in the ledger."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from knox.models import AuthToken

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person

MOST_TOKENS = 20
"""Tokens of one person that are good at the same time."""
LONGEST_DAYS = 90
USUAL_DAYS = 30
ID_LENGTH = 16


class TokenNotFound(Refused):
    """You have no token with this id."""

    code = "token-not-found"


class TooManyTokens(Refused):
    """You have as many tokens as one person may have. Revoke one that is no longer used."""

    code = "too-many-tokens"


@dataclass(frozen=True)
class Token:
    """What its person may know of it. `id` is the start of the hash, so it says nothing about the token."""

    id: str
    created_at: datetime
    expires_at: datetime | None
    token: str = ""
    """The token itself; there only in the answer that makes it."""


def _good(*, by: Person, now: datetime) -> Any:
    return AuthToken.objects.filter(user=by, expiry__gt=now)


def _told(row: Any, token: str = "") -> Token:
    return Token(
        id=row.digest[:ID_LENGTH], created_at=row.created, expires_at=row.expiry, token=token
    )


def of(*, person: Person, now: datetime) -> list[Token]:
    """Return the tokens of `person` that are good now, the newest first."""
    return [_told(row) for row in _good(by=person, now=now).order_by("-created")]


@transaction.atomic
def issue(*, by: Person, days: int, now: datetime) -> Token:
    """Make a token for `by` that is good for some days. Raises `TooManyTokens`."""
    Person.objects.select_for_update().get(pk=by.pk)
    if _good(by=by, now=now).count() >= MOST_TOKENS:
        raise TooManyTokens
    row, text = AuthToken.objects.create(user=by, expiry=timedelta(days=days))
    made = _told(row, text)
    audit.append(
        Draft(
            kind=EntryKind.TOKEN_ISSUED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} made the API token {made.id}, good until {row.expiry:%d %b %Y, %H:%M} UTC.",
            facts={"token": made.id, "expires_at": row.expiry.isoformat()},
        )
    )
    return made


@transaction.atomic
def revoke(*, by: Person, token_id: str) -> None:
    """Take one token of `by` back; it is refused from the next request on. Raises `TokenNotFound`."""
    rows = AuthToken.objects.filter(user=by, digest__startswith=token_id)
    if len(token_id) != ID_LENGTH or not rows.delete()[0]:
        raise TokenNotFound
    audit.append(
        Draft(
            kind=EntryKind.TOKEN_REVOKED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} revoked the API token {token_id}.",
            facts={"token": token_id},
        )
    )
