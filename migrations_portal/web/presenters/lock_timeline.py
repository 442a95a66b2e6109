"""The locks of a rehearsal as a picture: bars on one time axis, drawn on the server."""

from collections.abc import Mapping, Sequence
from typing import Any

from migrations_portal.rehearsals.observed import BLOCKS, LOCK_NAMES

WIDTH = 1000.0
"""Of the timeline's own coordinates."""
THINNEST = 4.0
"""A lock that was held for a moment must be seen too."""
KINDS = {"reads and writes": "bad", "writes": "warn", "": "info"}
TICKS = 4


def timeline(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the first way up as bars on one time axis: the statements, then each table with the locks held on it."""
    own = [each for each in result["statements"] if each["phase"] == "up"]
    if not own:
        return None
    locks = result["locks"]
    end = max([each["start"] + each["seconds"] for each in own] + [each["end"] for each in locks])
    end = max(end, 0.001)
    rows = [_table_row(name, locks, end=end) for name in _by_blocking(locks)]
    return {
        "statements": [
            _bar(
                each["start"],
                each["start"] + each["seconds"],
                end=end,
                kind="odd" if at % 2 else "even",
            )
            for at, each in enumerate(own)
        ],
        "rows": rows,
        "ticks": [_seconds(end * at / TICKS) for at in range(TICKS + 1)],
        "sentence": _sentence(rows, end=end),
    }


def _by_blocking(locks: Sequence[Mapping[str, Any]]) -> list[str]:
    worst: dict[str, tuple[int, float]] = {}
    order = list(BLOCKS)
    for lock in locks:
        rank = (order.index(lock["mode"]), lock["start"] - lock["end"])
        worst[lock["table"]] = min(worst.get(lock["table"], rank), rank)
    return sorted(worst, key=lambda name: worst[name])


def _table_row(name: str, locks: Sequence[Mapping[str, Any]], *, end: float) -> dict[str, Any]:
    order = list(BLOCKS)
    own = sorted(
        (each for each in locks if each["table"] == name),
        key=lambda each: -order.index(each["mode"]),
    )
    top = own[-1]
    held = sum(each["end"] - each["start"] for each in own if each["mode"] == top["mode"])
    blocks = f"blocks {top['blocks']}" if top["blocks"] else "lets reads and writes through"
    return {
        "label": name,
        "detail": f"{LOCK_NAMES.get(top['mode'], top['mode'])} for {_seconds(held)}, {blocks}",
        "tone": KINDS[top["blocks"]],
        "bars": [
            _bar(each["start"], each["end"], end=end, kind=KINDS[each["blocks"]]) for each in own
        ],
    }


def _bar(start: float, stop: float, *, end: float, kind: str) -> dict[str, Any]:
    width = max(THINNEST, (stop - start) / end * WIDTH)
    x = min(max(0.0, start / end * WIDTH), WIDTH - width)
    return {"x": f"{x:.1f}", "width": f"{min(width, WIDTH):.1f}", "kind": kind}


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _sentence(rows: Sequence[Mapping[str, Any]], *, end: float) -> str:
    if not rows:
        return f"The way up took {_seconds(end)}; no lock was held long enough to be seen (5 ms)."
    said = "; ".join(f"{row['label']}: {row['detail']}" for row in rows[:6])
    return f"The way up took {_seconds(end)}. {said}."
