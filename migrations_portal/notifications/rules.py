"""Channels, and how often a delivery is tried."""

from datetime import timedelta
from enum import StrEnum


class Channel(StrEnum):
    MAIL = "MAIL"
    CHAT = "CHAT"


LEASE = timedelta(seconds=60)
"""A claimed notice whose deliverer died is taken again after this long."""

MAX_ATTEMPTS = 8
"""With doubling pauses from 5 s, a relay may be away for about 20 minutes."""


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after the given number of failed attempts."""
    return timedelta(seconds=5 * 2 ** min(attempts, 8))
