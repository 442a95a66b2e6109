"""Keeping what was measured."""

from datetime import datetime

from migrations_portal.monitoring import probes
from migrations_portal.monitoring.models import RunSample
from migrations_portal.targets.ports import TargetSession


def record_sample(
    *, run_id: int, session: TargetSession, our_prefix: str, now: datetime
) -> RunSample:
    """Measure the target once and store it. Raises `QueryFailed`."""
    seen = probes.take_sample(session, our_application_prefix=our_prefix)
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
