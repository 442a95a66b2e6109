"""How often a link may be opened (A12). Counted in the process's cache: opening a link writes nothing to the database (A1)."""

import hashlib

from django.core.cache import cache

from migrations_portal.approvals.policy import OPENINGS_PER_MINUTE
from migrations_portal.kernel.errors import Refused

MINUTE = 60


class OpenedTooOften(Refused):
    """This link was opened very often within a minute. Nothing is lost: wait a minute and open it again."""

    code = "opened-too-often"


def check_opening(token: str) -> None:
    """Raise `OpenedTooOften` when a link is opened more than 30 times a minute."""
    key = f"opened-{hashlib.sha256(token.encode()).hexdigest()}"
    cache.add(key, 0, MINUTE)
    try:
        count = cache.incr(key)
    except ValueError:  # it ran out between the two lines, so a new minute has begun
        return
    if count > OPENINGS_PER_MINUTE:
        raise OpenedTooOften
