"""What the pages read at their edge: the time now, how long a T-day is, and where people reach the portal."""

from datetime import datetime, timedelta

from django.conf import settings

from migrations_portal import wiring
from migrations_portal.kernel.days import WHOLE_DAY
from migrations_portal.plans.models import MigrationPlan


def now() -> datetime:
    """Return the time now, in UTC, by the database's clock (A8)."""
    return wiring.clock()


def day() -> timedelta:
    """Return how long a T-day lasts: 24 hours, shorter only in the demo."""
    return timedelta(seconds=settings.DEMO_DAY_SECONDS or 86_400)


def moment(plan: MigrationPlan, at: datetime) -> str:
    """Return an instant in the target's time zone; with seconds where a T-day is shorter than a day."""
    seconds = ":%S" if day() < WHOLE_DAY else ""
    return f"{at.astimezone(plan.target.zone):%a %d %b %Y, %H:%M{seconds} %Z}"


def public_url() -> str:
    """Return where links in mails begin."""
    return str(settings.PUBLIC_URL)
