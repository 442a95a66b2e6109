"""Measures a target through a session of ours. Counts only: query texts may carry PHI."""

from importlib import resources

from migrations_portal.monitoring.rules import LONG_QUERY, Sample
from migrations_portal.targets.ports import TargetSession


def take_sample(session: TargetSession, *, our_application_prefix: str) -> Sample:
    """Return the target at this instant. Raises `QueryFailed`, `TargetUnreachable`."""
    seconds, prefix = LONG_QUERY.total_seconds(), our_application_prefix
    activity = session.rows(_query("activity"), [seconds, prefix, prefix])[0]
    counters = session.rows(_query("counters"))[0]
    return Sample(
        at=float(counters["at"]),
        connections=int(activity["connections"]),
        long_queries=int(activity["long_queries"]),
        ungranted_locks=int(activity["ungranted_locks"]),
        blocked_sessions=int(activity["blocked_sessions"]),
        longest_blocked_ms=max(0, int(activity["longest_blocked_ms"])),
        blocked_by_us=int(activity["blocked_by_us"]),
        transactions=int(counters["transactions"]),
        rollbacks=int(counters["rollbacks"]),
        replication_lag_ms=counters["replication_lag_ms"],
    )


def _query(name: str) -> str:
    return (resources.files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
