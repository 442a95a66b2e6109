"""Reading windows, freezes and feeds."""

import hashlib

from django.db.models import QuerySet

from migrations_portal.people.models import Person
from migrations_portal.targets import queries as target_queries
from migrations_portal.targets.models import Target
from migrations_portal.windows.calendar import Entry, TargetCalendar
from migrations_portal.windows.models import CalendarFeed, Period
from migrations_portal.windows.rules import KEEPERS, PeriodKind, PeriodNotFound


def periods(target: Target) -> QuerySet[Period]:
    """Return the windows and freezes that hold, by kind and start."""
    return (
        Period.objects.filter(target=target, ended_at__isnull=True)
        .select_related("created_by")
        .order_by("kind", "first_day", "first_time", "pk")
    )


def calendar_of(target: Target) -> TargetCalendar:
    """Return the target's calendar as a value: one query."""
    return TargetCalendar(
        target=target.name,
        zone=target.zone,
        strict=target.is_production,
        entries=tuple(
            Entry(kind=PeriodKind(row.kind), name=row.name, recurrence=row.recurrence, pk=row.pk)
            for row in Period.objects.filter(target=target, ended_at__isnull=True)
        ),
    )


def get(*, period_id: int, person: Person) -> Period:
    """Return a period on a target whose calendar `person` keeps, or raise `PeriodNotFound`."""
    row = (
        Period.objects.filter(
            pk=period_id,
            ended_at__isnull=True,
            target__in=target_queries.visible_targets(person=person, roles=KEEPERS),
        )
        .select_related("target__group")
        .first()
    )
    if row is None:
        raise PeriodNotFound
    return row


def keeps(*, person: Person, target: Target) -> bool:
    """Say whether `person` may change the target's windows and freezes."""
    return (
        target_queries.visible_targets(person=person, roles=KEEPERS).filter(pk=target.pk).exists()
    )


def feed_of(*, person: Person) -> CalendarFeed | None:
    """Return the person's feed, None when there is none."""
    return CalendarFeed.objects.filter(person=person, revoked_at__isnull=True).first()


def feed_by(*, token: str) -> CalendarFeed | None:
    """Return the feed that a token opens, None when it is unknown, revoked or its owner is no longer active."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    return (
        CalendarFeed.objects.filter(
            token_hash=digest, revoked_at__isnull=True, person__is_active=True
        )
        .select_related("person")
        .first()
    )
