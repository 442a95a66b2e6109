"""Reading backups."""

from datetime import datetime

from django.db.models import QuerySet

from migrations_portal.backups.models import Backup
from migrations_portal.backups.rules import BackupNotFound
from migrations_portal.people.models import Person
from migrations_portal.targets import queries as target_queries
from migrations_portal.targets.models import Target


def visible(*, person: Person) -> QuerySet[Backup]:
    """Return the backups of the targets that `person` may see, newest first."""
    targets = target_queries.visible_targets(person=person).order_by().values("pk")
    return (
        Backup.objects.filter(target__in=targets)
        .select_related("target__drill_target", "run__plan")
        .order_by("-pk")
    )


def get(*, backup_id: int, person: Person) -> Backup:
    """Return one backup that `person` may see, or raise `BackupNotFound`."""
    backup = visible(person=person).filter(pk=backup_id).first()
    if backup is None:
        raise BackupNotFound
    return backup


def newest_proven(target: Target, *, since: datetime | None = None) -> Backup | None:
    """Return the newest backup of a target that was read back and restored, not taken before `since`."""
    rows = Backup.objects.filter(
        target=target, read_back_at__isnull=False, restored_at__isnull=False, provider="dump"
    )
    if since is not None:
        rows = rows.filter(taken_at__gte=since)
    return rows.order_by("-taken_at", "-pk").first()
