"""A stored assessment in sentences. Pages, API and mails all take their words from here, so that they cannot differ.

Takes the JSON shape (`Assessment.as_json` with what `predicted_json` adds), because that is what is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from migrations_portal.risk.locks import BY_MODE, Lock
from migrations_portal.risk.naming_words import between, counted_rows, listed, short, spoken
from migrations_portal.risk.prediction import LIMIT_SECONDS, Span
from migrations_portal.risk.reversibility import Reversibility, worst
from migrations_portal.risk.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


_GAP = re.compile(r"\{(\w+)\}")
_GENERIC = {
    "target": "the referenced table",
    "parent": "the parent",
    "problem": "the parser says why",
}


def why(rule: str) -> str:
    """Say why a rule is there, in general; empty for a rule that is no longer in the book."""
    found = RULES.get(rule)
    return "" if found is None else in_general(found.why)


def in_general(text: str) -> str:
    """Write a text of the rule book without a statement at hand: "deletes in the table"."""
    return _GAP.sub(lambda gap: _GENERIC.get(gap[1], f"the {gap[1].replace('_', ' ')}"), text)


def lock_sentences(locks: Mapping[str, str]) -> list[str]:
    """Say who waits, the worst first: "Blocks reads and writes of students", "Blocks writes to schools"."""
    by_lock: dict[Lock, list[str]] = {}
    for table, mode in locks.items():
        by_lock.setdefault(BY_MODE[mode], []).append(table)
    return [said for lock in sorted(by_lock, reverse=True) if (said := _waits(lock, by_lock[lock]))]


def _waits(lock: Lock, tables: list[str]) -> str:
    names = listed(tables)
    if lock is Lock.ACCESS_EXCLUSIVE:
        return f"Blocks reads and writes of {names}"
    if lock is Lock.EXCLUSIVE:
        return f"Blocks writes to {names}, and reads that lock rows"
    if lock.blocks_writes:
        return f"Blocks writes to {names}"
    if lock is Lock.SHARE_UPDATE_EXCLUSIVE:
        return f"Keeps other schema changes off {names}; reads and writes go on"
    if lock is Lock.ROW_EXCLUSIVE:
        return f"Locks the rows that it changes in {names}; everything else goes on"
    return ""


def work_sentences(said: Mapping[str, Any]) -> list[str]:
    """Say which tables are rewritten or read, with their rows: "Rewrites students: 4.2 million rows"."""
    rows = said.get("table_rows", {})
    rewritten = said.get("rewrites", [])
    read = [table for table in said.get("scans", []) if table not in rewritten]
    return [
        *(f"Rewrites {_with_rows(table, rows)}" for table in rewritten),
        *(f"Reads {_with_rows(table, rows)}" for table in read),
    ]


def _with_rows(table: str, rows: Mapping[str, int]) -> str:
    if table not in rows:
        return f"all of {short(table)} (its size is not known)"
    return f"{short(table)}: {counted_rows(rows[table])}"


def time_sentence(said: Mapping[str, Any]) -> str:
    """Say how long it works and how long others wait: "Takes about 12 s (4.1 to 36 s); writes to students wait for it"."""
    predicted = said.get("predicted")
    if not predicted:
        return ""
    if not predicted["known"]:
        return "How long it takes is not known: the size of a table is missing"
    work = Span(*predicted["seconds"])
    took = f"Takes about {spoken(work.usual)} ({between(work.shortest, work.longest)})"
    if work.usual < 0.1:  # noqa: PLR2004 - nobody sees it
        took = "Done at once"
    blocked = predicted["blocked_seconds"]
    if blocked is None:
        return took
    return f"{took}; {_blocked(Span(*blocked), work, predicted)}"


def _blocked(blocked: Span, work: Span, predicted: Mapping[str, Any]) -> str:
    who = f"{predicted['blocks']} {'of' if 'reads' in predicted['blocks'] else 'to'} {short(predicted['table'])}"
    if blocked.usual <= work.usual * 1.2 + 0.1:
        return f"{who} wait that long"
    return (
        f"{who} wait {spoken(blocked.usual)} ({between(blocked.shortest, blocked.longest)}), "
        "because the lock is held to the end of the transaction"
    )


def longest_wait(statements: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The longest that anybody has to wait for one lock, against the strategy's limit; None when nobody waits."""
    waits = [
        (Span(*predicted["blocked_seconds"]), predicted)
        for each in statements
        if (predicted := each.get("predicted")) and predicted["blocked_seconds"] is not None
    ]
    if not waits:
        return None
    span, predicted = max(waits, key=lambda wait: wait[0].usual)
    return {
        "seconds": span.as_json(),
        "limit_seconds": LIMIT_SECONDS,
        "verdict": _verdict(span),
        "sentence": _wait_sentence(span, predicted),
    }


def _verdict(span: Span) -> str:
    if span.usual > LIMIT_SECONDS:
        return "over"
    return "may exceed" if span.longest > LIMIT_SECONDS else "within"


def _wait_sentence(span: Span, predicted: Mapping[str, Any]) -> str:
    who = f"{predicted['blocks'].capitalize()} {'of' if 'reads' in predicted['blocks'] else 'to'} {short(predicted['table'])}"
    limit = {
        "over": f"more than the {LIMIT_SECONDS} s that the strategy allows",
        "may exceed": f"which may exceed the {LIMIT_SECONDS} s that the strategy allows",
        "within": f"within the {LIMIT_SECONDS} s that the strategy allows",
    }[_verdict(span)]
    if span.usual < 0.1:  # noqa: PLR2004 - nobody sees it
        return f"{who} wait for an instant at most, {limit}."
    return (
        f"{who} wait about {spoken(span.usual)} ({between(span.shortest, span.longest)}), {limit}."
    )


def compared(
    predicted: Mapping[str, Any], *, seconds: float, held: float | None = None
) -> dict[str, Any]:
    """Set what was predicted beside what happened: "predicted 2.1 s (0.7 to 6.3 s), took 1.9 s".

    `held`: how long its locks were held, and so how long others waited at most.
    """
    span = Span(*predicted["seconds"])
    known = predicted["known"]
    within = known and span.holds(seconds)
    told = [f"{_predicted(span) if known else 'not predicted'}, took {spoken(seconds)}"]
    if held is not None and known and predicted["blocked_seconds"] is not None:
        waiting = Span(*predicted["blocked_seconds"])
        within = within and waiting.holds(held)
        told.append(
            f"{predicted['blocks']} of {short(predicted['table'])} kept waiting: {_predicted(waiting)}, was {spoken(held)} at most"
        )
    return {"sentence": "; ".join(told), "within": within, "known": known}


def _predicted(span: Span) -> str:
    return f"predicted {spoken(span.usual)} ({between(span.shortest, span.longest)})"


def sentences(said: Mapping[str, Any], *, back: bool = False) -> dict[str, Any]:
    """Everything that is said of one statement, in words. `back`: it is one of the way back."""
    return {
        "locks": lock_sentences(said.get("locks", {})),
        "work": work_sentences(said),
        "time": time_sentence(said),
        "way_back": _undoing(said, back=back),
    }


def _undoing(said: Mapping[str, Any], *, back: bool) -> str:
    grade = reversibility_of(said)
    return (_UNDOING_BACK if back else _UNDOING).get(grade, "") if grade else ""


_UNDOING = {
    Reversibility.YELLOW: "The way back has to say what was there before",
    Reversibility.UNKNOWN: "What it does, and whether that can be undone, cannot be seen before it runs",
    Reversibility.RED: "Cannot be undone: the data comes only from the backup",
}
_UNDOING_BACK = {Reversibility.RED: "Takes data away: only a backup brings it back"}


def reversibility_of(said: Mapping[str, Any]) -> Reversibility | None:
    """Return how far a stored statement can be undone. What was stored before there were grades only knows the worst one."""
    if "reversibility" in said:
        return Reversibility(said["reversibility"])
    return Reversibility.RED if said.get("irreversible") else None


def reversibility(
    statements: Sequence[Mapping[str, Any]], *, where: Callable[[Mapping[str, Any]], str]
) -> dict[str, Any] | None:
    """Say how far the whole can be undone, and which statements decide it; None where that was not stored."""
    graded = [(each, own) for each in statements if (own := reversibility_of(each))]
    if not graded:
        return None
    grade = worst(own for _, own in graded)
    places = [where(each) for each, own in graded if own is grade]
    return {
        "grade": grade.value,
        "title": grade.title,
        "sentence": _WHOLE[grade].format(places="; ".join(dict.fromkeys(places))),
    }


_WHOLE = {
    Reversibility.GREEN: (
        "No value is destroyed, and the opposite of each statement undoes it. What is written to new tables and columns "
        "meanwhile goes with them."
    ),
    Reversibility.YELLOW: (
        "No value is destroyed, but undoing takes what was there before, and the way back has to say it: {places}."
    ),
    Reversibility.UNKNOWN: "What it does cannot be seen before it runs: {places}.",
    Reversibility.RED: (
        "Only the backup brings the data back: {places}. When a check fails after it, the run undoes nothing by itself: "
        "two people decide."
    ),
}
