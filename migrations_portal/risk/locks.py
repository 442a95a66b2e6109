"""PostgreSQL's eight table-level lock modes, in order of strength, and what each of them keeps out.

Source: PostgreSQL manual, section 13.3.1 (conflicting lock modes); names are those of `pg_locks.mode`.
"""

from __future__ import annotations

import enum


class Lock(enum.IntEnum):
    """A table-level lock mode; a higher number is a stronger mode."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def mode(self) -> str:
        """The name as `pg_locks.mode` shows it."""
        return MODES[self]

    @property
    def blocks(self) -> str:
        """What users of the table have to wait for, in plain words; empty when only other changes wait."""
        return _BLOCKS[self]

    @property
    def blocks_writes(self) -> bool:
        """Whether INSERT, UPDATE and DELETE wait."""
        return self >= WRITES_WAIT


ACCESS_SHARE, ROW_EXCLUSIVE = Lock.ACCESS_SHARE, Lock.ROW_EXCLUSIVE
"""Plain names for the two that most statements take: the class looks its members up anew each time."""
WRITES_WAIT = Lock.SHARE
"""The weakest mode that keeps writers out."""
MODES: tuple[str, ...] = (
    "",
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
BY_MODE = {mode: Lock(number) for number, mode in enumerate(MODES) if mode}
_BLOCKS = (
    "",
    "",
    "",
    "",
    "",
    "writes",
    "writes",
    "writes and SELECT … FOR UPDATE",
    "reads and writes",
)
