"""What a run's page says while nothing is heard from the worker that holds the run: what it means, and who acts next."""

from datetime import datetime

from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import LEASE, TAKEOVER_AFTER, WORKING

SILENCE_SECONDS = 12
"""Two heartbeats missed: the page stops looking alive."""
OVERDUE_SECONDS = 90
"""Long past the takeover: a run that is silent for so long has no worker that could take it over."""
UNHEARD = "Your order is written down. The worker is silent, and obeys if it comes back."


def seconds(run: MigrationRun, *, now: datetime) -> float:
    """Return how long nothing was heard from the worker that holds the run; 0 while that is no reason to say so."""
    if run.status not in WORKING or not run.lease_until:
        return 0.0
    silent = (now - (run.lease_until - LEASE)).total_seconds()
    return silent if silent > SILENCE_SECONDS else 0.0


def sentences(run: MigrationRun, *, now: datetime) -> list[str]:
    """Say what a silent worker means, who acts next and when; empty while it is heard."""
    silent = seconds(run, now=now)
    if not silent:
        return []
    mend = "ask whoever runs the portal to start the workers and to run “manage.py doctor”."
    if not run.claimed_by:
        begins = "Two people have chosen, and no worker has begun. The first one that is there begins; if none does within a minute, "
        return [begins + mend]
    taken = (LEASE + TAKEOVER_AFTER).total_seconds()
    if silent > OVERDUE_SECONDS:
        overdue = f"Nobody has taken this run over, though that is due {taken:.0f} s after the last sign of its worker. No worker "
        return [
            f"{overdue}is there, or none reaches the portal's database: {mend}",
            "Until then nobody knows what the target holds. Nothing is run a second time, also afterwards.",
        ]
    either = f"Either it comes back and goes on, or another worker takes the run over from {taken:.0f} s after its last sign, "
    return [
        f"{either}reads from the target what is true, and says it here.",
        "Nothing is run a second time, and you need not do anything until then.",
    ]
