"""What every page gets, and the moments the samples speak of."""

from datetime import UTC, datetime, timedelta
from typing import Any

ZONE = "America/New_York"
T_ZERO = datetime(2025, 11, 4, 2, 0, tzinfo=UTC)
"""3 November 2025, 21:00 in New York."""


def days_before(days: float) -> datetime:
    """Return the instant that many days before T-0."""
    return T_ZERO - timedelta(days=days)


def everywhere(*, section: str = "Plans", demo: bool = False, waiting: int = 2) -> dict[str, Any]:
    """Return what the context processor gives to every page."""
    names = ("Plans", "Runs", "Incidents", "Calendar", "Audit", "Compliance", "PHI", "Rules")
    return {
        "nav": [{"label": each, "url": "#", "current": each == section} for each in names],
        "my_turn": {"count": waiting, "url": "#"},
        "me": {
            "name": "Dan Okafor",
            "role_title": "Database admin",
            "email": "dan@example.org",
            "url": "#",
        },
        "home_url": "/",
        "sign_out_url": "#",
        "demo": {"day_seconds": 20, "switch_url": "#"} if demo else None,
        "csrf_token": "sample",
    }
