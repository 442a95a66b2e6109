"""T-days: whole days as a target's people count them, so that 09:00 stays 09:00 when the clocks change."""

from datetime import UTC, datetime, timedelta, tzinfo

WHOLE_DAY = timedelta(days=1)


def days_from(instant: datetime, *, days: int, zone: tzinfo, day: timedelta) -> datetime:
    """Return the instant `days` T-days later (negative: earlier), in UTC.

    A whole day keeps the local time of `zone`. A local time that the change to summer time skips is read by the offset
    that held before it (02:30 becomes 03:30); one that comes twice in autumn is the first of the two.
    `day` is 24 h; only the demo makes it shorter, and then it is a plain span.
    """
    if days == 0 or day != WHOLE_DAY:
        return (instant + days * day).astimezone(UTC)
    local = instant.astimezone(zone).replace(tzinfo=None, fold=0)
    return (local + days * day).replace(tzinfo=zone).astimezone(UTC)
