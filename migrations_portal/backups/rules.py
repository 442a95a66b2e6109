"""Where backups lie and how long they are kept."""

from datetime import datetime, timedelta

from migrations_portal.kernel.errors import TargetTrouble

RETENTION = timedelta(days=90)
"""Spec, "Backup Retention": pre-migration backups, 90 days minimum."""
PHI_RETENTION = timedelta(days=2_557)
"""Seven years, leap days included. Company policy; the law (45 CFR 164.316(b)(2)(i)) says six."""


class BackupNotProven(TargetTrouble):
    """The backup could not be proven, so nothing was changed."""

    code = "backup-not-proven"


def key(*, now: datetime, target: str, run: int, purpose: str = "pre-migration") -> str:
    """Return the object key in the spec's layout, `pre-migration/YYYY/MM/DD/…`."""
    return f"{purpose}/{now:%Y/%m/%d}/{target}-run-{run}-{now:%H%M%S}.dump"


def retain_until(*, now: datetime, phi: bool) -> datetime:
    """Return until when the vault must keep a backup taken now."""
    return now + (PHI_RETENTION if phi else RETENTION)
