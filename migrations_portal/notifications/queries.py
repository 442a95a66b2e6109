"""Questions about the outbox."""

from dataclasses import dataclass
from datetime import datetime

from migrations_portal.notifications.models import Notice


@dataclass(frozen=True)
class InTrouble:
    """What the outbox could not hand over."""

    retried: int
    """Notices whose next attempt is still to come."""
    given_up: int
    problem: str
    """The last problem of one of them."""


def in_trouble(*, since: datetime) -> InTrouble:
    """Return what has failed at least once and has not arrived; what was given up before `since` is left out."""
    failed = Notice.objects.filter(delivered_at__isnull=True).exclude(problem="")
    retried = failed.filter(given_up_at__isnull=True)
    given_up = failed.filter(given_up_at__gte=since)
    last = (retried | given_up).order_by("-due_at").first()
    return InTrouble(retried.count(), given_up.count(), last.problem if last else "")
