"""What the vault itself says of a backup, asked after the upload and before each proof."""

from datetime import datetime
from typing import Any

from migrations_portal.backups.archives import Archive
from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import StoredObject, Vault
from migrations_portal.backups.rules import CLOCK_SLACK, BackupNotProven


def check_kept(backup: Backup, *, vault: Vault) -> None:
    """Ask the vault what it holds of every archive. Raises `BackupNotProven`, saying what is not as it must be."""
    for part in backup.parts or [_only_part(backup)]:
        facts = vault.describe(
            StoredObject(
                backup.bucket, part["key"], part["version_id"], part["size"], part["sha256"]
            )
        )
        where = f"s3://{backup.bucket}/{part['key']}"
        if facts.size != part["size"]:
            raise BackupNotProven(
                f"The vault holds {facts.size:,} bytes of {where}, not the {part['size']:,} that were sent. "
                "Nothing was changed; check the bucket and run again."
            )
        if not facts.encryption:
            raise BackupNotProven(
                f"{where} is not encrypted in the vault. Turn on encryption for the bucket."
            )
        if not facts.versioned:
            raise BackupNotProven(
                f"{where} has no version, so it could be overwritten. Turn on versioning for the bucket."
            )
        _check_lock(facts.lock_mode, facts.retain_until, wanted=backup.retain_until, where=where)
        backup.facts |= {
            "encryption": facts.encryption,
            "kms_key": facts.kms_key,
            "lock_mode": facts.lock_mode,
            "versioned": facts.versioned,
        }


def _check_lock(mode: str, until: datetime | None, *, wanted: datetime, where: str) -> None:
    if until is None:
        raise BackupNotProven(
            f"{where} is not locked against deletion. The bucket needs Object Lock."
        )
    if until < wanted - CLOCK_SLACK:
        raise BackupNotProven(
            f"{where} is locked until {until:%Y-%m-%d} only, and must be kept until {wanted:%Y-%m-%d}. "
            "Mend the retention of the bucket, and check the clocks of this machine and of the store."
        )
    if mode != "COMPLIANCE":
        raise BackupNotProven(
            f"{where} is locked in mode {mode or 'none'}, in which an administrator could delete it. Use compliance mode."
        )


def _only_part(backup: Backup) -> dict[str, Any]:
    return {
        "name": "full",
        "archive": str(Archive.FULL),
        "key": backup.key,
        "version_id": backup.version_id,
        "size": backup.size,
        "sha256": backup.sha256,
    }
