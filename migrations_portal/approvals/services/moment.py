"""What a verb gets from its door, handed on as one value."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Moment:
    """The time now, how long a T-day is, and where links in mails begin."""

    now: datetime
    day: timedelta
    public_url: str
