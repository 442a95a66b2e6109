"""What the calendar feed tells of a target. A plan is named by number and risk only: its title may say too much (A11)."""

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse

from migrations_portal.execution import bookings
from migrations_portal.targets.models import Target
from migrations_portal.windows import queries as windows
from migrations_portal.windows.ics import FeedEvent


def events(
    target: Target, *, since: datetime, until: datetime, public_url: str
) -> Iterator[FeedEvent]:
    """Yield windows, freezes and plans of the target between the two instants."""
    calendar = windows.calendar_of(target)
    for entry in calendar.entries:
        for span in entry.recurrence.spans(since=since, until=until):
            yield FeedEvent(
                uid=f"period-{entry.pk}-{span.starts:%Y%m%dT%H%M%S}@{target.pk}.wco",
                starts=span.starts,
                ends=span.ends,
                summary=f"{target.name}: {entry.kind.title} ({entry.name})",
            )
    for each in bookings.of_target(target, calendar=calendar, since=since, until=until):
        yield FeedEvent(
            uid=f"plan-{each.plan.pk}@{target.pk}.wco",
            starts=each.booking.starts,
            ends=each.booking.ends,
            summary=f"{target.name}: {each.plan.number}, {each.level.lower()} risk, {each.plan.status.lower()}",
            url=f"{public_url}{reverse('plan', args=[each.plan.pk])}",
        )
