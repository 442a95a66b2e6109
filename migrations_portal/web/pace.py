"""How often a link may be opened and something may be asked for (A12); counted for all web processes by `accounts.pace`.

Opening a link writes nothing but this count (A1).
"""

from migrations_portal.accounts import pace
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
    if pace.count("opened", who=token, seconds=MINUTE) > OPENINGS_PER_MINUTE:
        raise OpenedTooOften


def check_asking(what: str, *, who: str) -> None:
    """Raise `AskedTooOften` when somebody (an IP address, a person) asks for the same thing more than ten times a minute."""
    if pace.count(f"asked-{what}", who=who, seconds=MINUTE) > ASKED_PER_MINUTE:
        raise AskedTooOften
