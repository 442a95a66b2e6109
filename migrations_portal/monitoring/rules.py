"""What is measured, and the spec's "Immediate Rollback Decision Criteria" on it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

LONG_QUERY = timedelta(minutes=5)
"""Spec, "Real-time Monitoring": a query that runs longer is shown."""
MAX_ERROR_RATE = 0.05
"""Spec: roll back when application errors exceed 5 % …"""
ERROR_WINDOW = timedelta(minutes=5)
"""… within 5 minutes."""
MAX_DEGRADATION = 0.5
"""Spec: roll back when performance degrades by more than 50 %."""


LEAST_TRANSACTIONS = 100
"""Fewer say nothing about a share of errors. Our figure."""
LEAST_PER_SECOND = 10.0
"""A quieter target (we ourselves make about three transactions a second) has no throughput to compare. Our figure."""
LEAST_SECONDS = 5.0
"""A throughput over a shorter time is noise. Our figure."""


@dataclass(frozen=True)
class Counters:
    """The server's transaction counters at one instant, in seconds since 1970."""

    at: float
    transactions: int
    rollbacks: int


@dataclass(frozen=True)
class Sample:
    """A target at one instant. `at` is the database's clock, in seconds since 1970."""

    at: float
    connections: int
    long_queries: int
    ungranted_locks: int
    blocked_sessions: int
    longest_blocked_ms: int
    blocked_by_us: int
    """Sessions of others that wait for one of ours."""
    transactions: int
    """Committed and rolled back, since the server's statistics were reset."""
    rollbacks: int
    replication_lag_ms: int | None
    """Of the slowest standby; None without a standby."""

    def as_json(self) -> dict[str, Any]:
        """Return the sample as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """One criterion: whether it demands a rollback, None when there is no data (then a person decides)."""

    key: str
    demands_rollback: bool | None
    sentence: str


def transactions_per_second(*, earlier: Sample, later: Sample) -> float | None:
    """Return the throughput between two samples; None when no time passed or the counters were reset."""
    seconds, done = later.at - earlier.at, later.transactions - earlier.transactions
    return done / seconds if seconds > 0 and done >= 0 else None


def judge_target(*, before: Sequence[Counters], after: Sequence[Counters]) -> tuple[Verdict, ...]:
    """Judge the target itself after a migration against the time before it, by the transactions that it counts.

    Rolled-back transactions stand for errors, committed ones for throughput. Too little traffic is said, never called fine.
    """
    done, failed = _difference(after)
    enough = done >= LEAST_TRANSACTIONS
    errors = judge_error_rate(requests=done if enough else None, errors=failed)
    then, now = _per_second(before), _per_second(after)
    busy = then is not None and then >= LEAST_PER_SECOND
    return errors, judge_throughput(before=then if busy else None, now=now)


def _difference(samples: Sequence[Counters]) -> tuple[int, int]:
    if not samples:
        return 0, 0
    first, last = samples[0], samples[-1]
    done, failed = last.transactions - first.transactions, last.rollbacks - first.rollbacks
    return (done, failed) if done >= 0 and failed >= 0 else (0, 0)


def _per_second(samples: Sequence[Counters]) -> float | None:
    if not samples or (seconds := samples[-1].at - samples[0].at) < LEAST_SECONDS:
        return None
    done, failed = _difference(samples)
    return (done - failed) / seconds


def judge_error_rate(*, requests: int | None, errors: int | None) -> Verdict:
    """Judge the application's errors within `ERROR_WINDOW`."""
    if not requests or errors is None:
        return Verdict(
            "error-rate", None, "There is no data on application errors, so a person decides."
        )
    rate = errors / requests
    return Verdict(
        "error-rate",
        rate > MAX_ERROR_RATE,
        f"{rate:.1%} of requests failed within {ERROR_WINDOW.seconds // 60} min; the limit is {MAX_ERROR_RATE:.0%}.",
    )


def judge_latency(*, before: float | None, now: float | None) -> Verdict:
    """Judge a latency (any unit) against the one before the run; more is worse."""
    if not before or now is None:
        return Verdict("latency", None, "There is no latency to compare with, so a person decides.")
    return _degraded("latency", "Latency", worse=now / before - 1)


def judge_throughput(*, before: float | None, now: float | None) -> Verdict:
    """Judge a throughput against the one before the run; less is worse."""
    if not before or now is None:
        return Verdict(
            "throughput", None, "There is no throughput to compare with, so a person decides."
        )
    return _degraded("throughput", "Throughput", worse=1 - now / before)


def _degraded(key: str, noun: str, *, worse: float) -> Verdict:
    return Verdict(
        key,
        worse > MAX_DEGRADATION,
        f"{noun} is {max(worse, 0):.0%} worse than before; the limit is {MAX_DEGRADATION:.0%}.",
    )
