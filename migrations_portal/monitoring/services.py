"""Keeping what was measured."""

from datetime import datetime

from migrations_portal.monitoring.models import RunSample
from migrations_portal.monitoring.rules import Sample


def record_sample(seen: Sample, *, run_id: int, now: datetime) -> RunSample:
    """Store what was measured at the moment `now`."""
    return RunSample.objects.create(
        run_id=run_id,
        at=now,
        connections=seen.connections,
        long_queries=seen.long_queries,
        ungranted_locks=seen.ungranted_locks,
        blocked_sessions=seen.blocked_sessions,
        longest_blocked_ms=seen.longest_blocked_ms,
        blocked_by_us=seen.blocked_by_us,
        transactions=seen.transactions,
        rollbacks=seen.rollbacks,
    )
