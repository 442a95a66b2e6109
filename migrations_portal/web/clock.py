"""What the doors read from the settings: how long a T-day is, and where people reach the portal."""

from datetime import timedelta

from django.conf import settings


def day() -> timedelta:
    """Return how long a T-day lasts: 24 hours, shorter only in the demo."""
    return timedelta(seconds=settings.DEMO_DAY_SECONDS or 86_400)


def public_url() -> str:
    """Return where links in mails begin."""
    return str(settings.PUBLIC_URL)
