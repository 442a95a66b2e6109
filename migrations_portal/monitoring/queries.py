"""Reading what was measured."""

from datetime import datetime

from migrations_portal.monitoring.models import RunSample
from migrations_portal.monitoring.rules import Counters


def samples(
    *, run_id: int, since: datetime | None = None, until: datetime | None = None
) -> tuple[Counters, ...]:
    """Return the counters of a run's samples within a time, oldest first."""
    rows = RunSample.objects.filter(run_id=run_id, transactions__isnull=False)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lte=until)
    return tuple(
        Counters(
            at=row.at.timestamp(), transactions=row.transactions or 0, rollbacks=row.rollbacks or 0
        )
        for row in rows.order_by("at", "pk")
    )
