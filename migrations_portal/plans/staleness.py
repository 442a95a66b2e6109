"""Whether an assessment still speaks of the target as it is: pure, from the basis that is stored with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrations_portal.risk.naming_words import counted_rows, listed, short

GROWN = 1.5
"""A table that has grown by half since makes predictions of time stale; below 10,000 rows nobody would notice."""
FEW_ROWS = 10_000
NAMED = 5


@dataclass(frozen=True)
class Basis:
    """What an assessment rests on beside the files."""

    schema_digest: str
    server_version: int
    tagged: tuple[str, ...]
    """What counted as PHI by itself, as `schema.table` or `schema.table.column`, in order."""
    rows: Mapping[str, int]
    """Rows of the tables that the plan touches, and no others."""

    def as_json(self) -> dict[str, Any]:
        """The shape that is stored."""
        return {
            "schema_digest": self.schema_digest,
            "server_version": self.server_version,
            "tagged": list(self.tagged),
            "rows": dict(self.rows),
        }


def from_json(said: Mapping[str, Any]) -> Basis:
    """Read back what `Basis.as_json` wrote."""
    return Basis(said["schema_digest"], said["server_version"], tuple(said["tagged"]), said["rows"])


def changes(then: Basis, now: Basis) -> list[str]:
    """Say in sentences what has changed since; nothing when the assessment still holds."""
    return [*_of_schema(then, now), *_of_phi(then.tagged, now.tagged), *_of_sizes(then, now)]


def _of_schema(then: Basis, now: Basis) -> list[str]:
    said = []
    if then.server_version != now.server_version:
        said.append(
            f"The server is PostgreSQL {now.server_version} now; it was {then.server_version}."
        )
    if then.schema_digest != now.schema_digest:
        said.append("The schema of the target has changed.")
    return said


def _of_phi(then: Sequence[str], now: Sequence[str]) -> list[str]:
    said = []
    if added := sorted(set(now) - set(then)):
        said.append(f"{_named(added)} {_is(added)} tagged as PHI now.")
    if removed := sorted(set(then) - set(now)):
        said.append(f"{_named(removed)} {_is(removed)} no longer tagged as PHI.")
    return said


def _named(names: Sequence[str]) -> str:
    if len(names) > NAMED:
        return f"{', '.join(map(short, names[:NAMED]))} and {len(names) - NAMED} more"
    return listed(names)


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _of_sizes(then: Basis, now: Basis) -> list[str]:
    return [
        f"{short(name)} has grown from {counted_rows(before)} to {counted_rows(now.rows[name])}."
        for name, before in sorted(then.rows.items())
        if now.rows.get(name, 0) > max(before * GROWN, FEW_ROWS)
    ]
