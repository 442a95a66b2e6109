"""Checking the chain: recomputes every hash from the stored bytes. Knows nothing of the database."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

GENESIS = "0" * 64
"""What the first entry names as its predecessor."""


@dataclass(frozen=True)
class Link:
    """The columns of an entry that the check needs."""

    seq: int
    at: datetime
    canonical: str
    prev_hash: str
    hash: str
    columns: tuple[object, ...] = ()
    """kind, actor, plan, target, phi, result as the table has them; empty when only the text is there (an export)."""


@dataclass(frozen=True)
class Verdict:
    """What the check found. `first_bad` is the number of the first entry that does not hold."""

    entries: int
    head: str
    first_bad: int | None = None
    problem: str = ""

    @property
    def intact(self) -> bool:
        """Whether every entry holds."""
        return self.first_bad is None


def digest(canonical: str) -> str:
    """Return SHA-256 over 0x00 and the canonical bytes, as lower-case hex (L3: 0x00 marks a leaf)."""
    return hashlib.sha256(b"\x00" + canonical.encode("utf-8")).hexdigest()


def verify(links: Iterable[Link]) -> Verdict:
    """Walk the links in order and stop at the first that was edited, dropped, inserted or moved."""
    count, head, last_at = 0, GENESIS, None
    for link in links:
        problem = _problem(link, expected_seq=count + 1, head=head, last_at=last_at)
        if problem:
            return Verdict(entries=count, head=head, first_bad=link.seq, problem=problem)
        count, head, last_at = count + 1, link.hash, link.at
    return Verdict(entries=count, head=head)


def _problem(link: Link, *, expected_seq: int, head: str, last_at: datetime | None) -> str:
    if link.seq != expected_seq:
        return f"entry {expected_seq} is missing or out of place"
    if digest(link.canonical) != link.hash:
        return "its text does not match its hash: it was edited"
    said = json.loads(link.canonical)
    if said["seq"] != link.seq or said["prev"] != link.prev_hash or link.prev_hash != head:
        return "it does not follow from the entry before it"
    if link.columns and link.columns != _columns(said["body"]):
        return "its columns do not say what its text says: it was edited"
    if last_at is not None and link.at <= last_at:
        return "its time is not after the entry before it"
    return ""


def _columns(body: dict[str, Any]) -> tuple[object, ...]:
    where, who = body["where"], body["who"]
    return (body["kind"], who["email"], body["plan"], where["target"], body["phi"], body["result"])
