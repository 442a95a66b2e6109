"""The tables of windows, freezes and calendar feeds."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Q

from migrations_portal.windows.recurrence import Recurrence
from migrations_portal.windows.rules import PeriodKind


class Period(models.Model):
    """A stretch of time, once or recurring, in which a target may (window) or may not (freeze) be changed.

    Ended, never deleted: the ledger and old plans speak of it.
    """

    target = models.ForeignKey(
        "migrations_portal.Target", on_delete=models.PROTECT, related_name="periods"
    )
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=120)
    first_day = models.DateField()
    first_time = models.TimeField()
    """Start of the first occurrence on the wall clock of `time_zone`."""
    minutes = models.PositiveIntegerField()
    rule = models.CharField(max_length=300, blank=True)
    """RFC 5545 RRULE; empty happens once."""
    without = models.JSONField(default=list, blank=True)
    """Wall-clock starts that are left out, as ISO 8601."""
    time_zone = models.CharField(max_length=60)
    uid = models.CharField(max_length=220, blank=True)
    """Of an imported event; empty for what was entered by hand."""
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    """Empty when it was laid out together with the target."""
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        db_table = "windows_period"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[str(each) for each in PeriodKind]),
                name="windows_period_kind_known",
            ),
            models.CheckConstraint(condition=Q(minutes__gt=0), name="windows_period_has_length"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="windows_period_ended_whole",
            ),
            models.UniqueConstraint(
                fields=["target", "uid"],
                condition=~Q(uid="") & Q(ended_at__isnull=True),
                name="windows_period_uid_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def starts(self) -> datetime:
        """The wall clock of the first start."""
        return datetime.combine(self.first_day, self.first_time)

    @property
    def recurrence(self) -> Recurrence:
        """The period as a value."""
        return Recurrence(
            starts=self.starts,
            minutes=self.minutes,
            zone=ZoneInfo(self.time_zone),
            rule=self.rule,
            without=tuple(datetime.fromisoformat(each) for each in self.without),
            late_end=self.kind == PeriodKind.FREEZE,
        )


class CalendarFeed(models.Model):
    """An address under which a calendar program fetches what a person may see. Only the token's hash is kept."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="feeds"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "windows_feed"
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(revoked_at__isnull=True),
                name="windows_feed_one_per_person",
            )
        ]

    def __str__(self) -> str:
        return f"feed {self.pk}"
