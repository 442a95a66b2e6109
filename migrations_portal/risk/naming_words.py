"""How names, row counts and sizes are written in sentences; pages, API and mails use the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

SHOWN = 6
"""Names that are listed before the rest is only counted."""
_STEPS = ((1_000_000_000, "billion"), (1_000_000, "million"))
_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))
_ROUND = 10


def short(name: str) -> str:
    """Leave the schema `public` out of a name."""
    return name.removeprefix("public.")


def listed(names: Collection[str]) -> str:
    """Write names as a list: "students, visits and 4 more"."""
    shown = [short(name) for name in sorted(names)]
    if len(shown) > SHOWN + 1:
        return f"{', '.join(shown[:SHOWN])} and {len(shown) - SHOWN} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def counted_rows(rows: int) -> str:
    """Write a number of rows as people say it: "no rows", "1 row", "12,400 rows", "4.2 million rows"."""
    for step, word in _STEPS:
        if rows >= step:
            return f"{rows / step:.1f} {word} rows"
    if rows == 1:
        return "1 row"
    return f"{rows:,} rows" if rows else "no rows"


def sized(amount: int) -> str:
    """Write a number of bytes: "1.9 GB", "12 MB" (decimal units)."""
    for step, unit in _UNITS:
        if amount >= step:
            value = amount / step
            return f"{value:.1f} {unit}" if value < _ROUND else f"{value:.0f} {unit}"
    return f"{amount} bytes"


def spoken(seconds: float) -> str:
    """Write a duration: "under 0.1 s", "0.8 s", "38 s", "12 min", "3.5 h"."""
    if seconds < 0.1:  # noqa: PLR2004 - nobody sees it
        return "under 0.1 s"
    if seconds < _ROUND:
        return f"{seconds:.1f} s"
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds:.0f} s"
    if seconds < 7200:  # noqa: PLR2004 - two hours
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def between(shortest: float, longest: float) -> str:
    """Write an interval: "1.1 to 9.6 s", "12 s to 3 min"."""
    low, high = spoken(shortest), spoken(longest)
    if low == high:
        return low
    if low.startswith("under"):
        return f"up to {high}"
    unit = low.rpartition(" ")[2]
    return f"{low.removesuffix(f' {unit}')} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"  # fmt: skip
