"""The four risk levels of the strategy, in order."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Level(enum.StrEnum):
    """How dangerous a change is; the level decides who signs and when the change may run."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    __hash__ = str.__hash__
    """The string's own: that of Enum is written in Python, and levels are compared for every statement."""

    @property
    def rank(self) -> int:
        """The place in the order: 0 for LOW to 3 for CRITICAL."""
        return _RANK[self]

    def at_least(self, other: Level) -> bool:
        """Say whether this level is the same as the other or above it."""
        return _RANK[self] >= _RANK[other]


_RANK = {Level.LOW: 0, Level.MEDIUM: 1, Level.HIGH: 2, Level.CRITICAL: 3}


LOW = Level.LOW
"""A plain name: the class looks its members up anew each time, and this one is asked for with every statement."""


def highest(levels: Iterable[Level]) -> Level:
    """Return the highest of these levels; LOW when there are none."""
    return max(levels, key=_RANK.__getitem__, default=LOW)
