"""The proof of one entry: the way from its hash up to the Merkle root that a checkpoint signed."""

import hashlib
import json
from dataclasses import dataclass

from migrations_portal.audit.models import Checkpoint, Entry


@dataclass(frozen=True)
class Proof:
    """An entry's place under a signed root. `path` goes up: "left" and "right" say on which side the other hash stands."""

    checkpoint: int
    first: int
    last: int
    root: str
    key: str
    signature: str
    stored: bool
    path: tuple[tuple[str, str], ...]


def of_entry(entry: Entry) -> Proof | None:
    """Return the proof of an entry, None while no checkpoint covers it (five minutes at most)."""
    row = Checkpoint.objects.filter(seq__gte=entry.seq).order_by("number").first()
    if row is None:
        return None
    said = json.loads(row.content)
    payload = json.loads(said["payload"])
    return Proof(
        checkpoint=row.number,
        first=row.first,
        last=row.seq,
        root=payload["root"],
        key=row.key,
        signature=said["signature"],
        stored=row.stored_at is not None,
        path=tuple(path(said["leaves"], at=entry.seq - row.first)),
    )


def path(leaves: list[str], *, at: int) -> list[tuple[str, str]]:
    """Return the hashes to put left or right of the entry's, one a level (RFC 9162, inclusion proof)."""
    found: list[tuple[str, str]] = []
    level = [bytes.fromhex(each) for each in leaves]
    while len(level) > 1:
        beside = at ^ 1
        if beside < len(level):
            found.append(("left" if beside < at else "right", level[beside].hex()))
        level = [
            hashlib.sha256(b"\x01" + level[n] + level[n + 1]).digest()
            if n + 1 < len(level)
            else level[n]
            for n in range(0, len(level), 2)
        ]
        at //= 2
    return found


def climb(leaf: str, steps: list[tuple[str, str]]) -> str:
    """Return the root that follows from an entry's hash and its path."""
    here = bytes.fromhex(leaf)
    for side, other in steps:
        beside = bytes.fromhex(other)
        pair = beside + here if side == "left" else here + beside
        here = hashlib.sha256(b"\x01" + pair).digest()
    return here.hex()
