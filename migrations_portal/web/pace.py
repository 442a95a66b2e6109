"""How often a link may be opened (A12). Counted in the process's cache: opening a link writes nothing to the database (A1)."""

import hashlib

from django.core.cache import cache

from migrations_portal.approvals.policy import OPENINGS_PER_MINUTE
from migrations_portal.kernel.errors import Refused

MINUTE = 60
ASKED_PER_MINUTE = 10
"""Tries of a password, or links that are asked for, from one address or by one person. Chosen by us."""


class OpenedTooOften(Refused):
    """This link was opened very often within a minute. Nothing is lost: wait a minute and open it again."""

    code = "opened-too-often"


class AskedTooOften(OpenedTooOften):
    """This was tried very often within a minute. Wait a minute, then try again."""

    code = "asked-too-often"


def check_opening(token: str) -> None:
    """Raise `OpenedTooOften` when a link is opened more than 30 times a minute."""
    if _count("opened", token) > OPENINGS_PER_MINUTE:
        raise OpenedTooOften


def check_asking(what: str, *, who: str) -> None:
    """Raise `AskedTooOften` when somebody (an IP address, a person) asks for the same thing more than ten times a minute."""
    if _count(f"asked-{what}", who) > ASKED_PER_MINUTE:
        raise AskedTooOften


def _count(what: str, who: str) -> int:
    """Count one more within this minute, and return how often it was."""
    key = f"{what}-{hashlib.sha256(who.encode()).hexdigest()}"
    cache.add(key, 0, MINUTE)
    try:
        return int(cache.incr(key))
    except ValueError:  # it ran out between the two lines, so a new minute has begun
        return 1
