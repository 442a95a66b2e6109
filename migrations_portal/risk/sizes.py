"""How large a relation is, as the target's catalogue says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RelationSize:
    """Rows (an estimate) and bytes on disk, indexes included."""

    rows: int
    bytes: int
