"""Taking backups, proving them, restoring them into copies. Nothing is left on a disk in plain text."""

from migrations_portal.backups.services.copies import held, sweep_copies
from migrations_portal.backups.services.counting import exact_counts
from migrations_portal.backups.services.proving import Proof, check_counts, prove
from migrations_portal.backups.services.restoring import HashingReader, restore_into, stored
from migrations_portal.backups.services.taking import BackupTools, spaced, sweep_unfinished, take

__all__ = [
    "BackupTools",
    "HashingReader",
    "Proof",
    "check_counts",
    "exact_counts",
    "held",
    "prove",
    "restore_into",
    "spaced",
    "stored",
    "sweep_copies",
    "sweep_unfinished",
    "take",
]
