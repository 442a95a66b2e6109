"""NOON is the instant at which every story begins; a T-day is a real one."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 3, 17, 0, tzinfo=UTC)
DAY = timedelta(days=1)
