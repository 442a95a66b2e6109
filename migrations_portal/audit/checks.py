"""Checking the ledger where it lies: every entry, every link, every column, and the signed checkpoints in the store (L8)."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from migrations_portal.audit import checkpoints, verifier
from migrations_portal.audit.models import Checkpoint, Entry, LedgerCheck
from migrations_portal.audit.ports import CheckpointStore
from migrations_portal.audit.rules import body_of, instant

logger = logging.getLogger(__name__)

COLUMNS = ("seq", "at", "canonical", "prev_hash", "hash")
INDEXED = ("kind", "actor", "plan", "target", "phi", "result")
ROWS_A_TURN = 5_000
LEASE = timedelta(minutes=10)
"""A check whose worker died is taken up again after so long without progress."""


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    entries: int
    last: int
    head: str
    harm: str = ""
    """The kind of harm, empty when everything holds."""
    first_bad: int | None = None
    sentence: str = ""
    signed_to: int = 0
    """The last entry that a signed checkpoint covers."""

    @property
    def intact(self) -> bool:
        """Whether everything holds."""
        return not self.harm


Progress = Callable[[int], None]


def verify(
    *, store: CheckpointStore | None, after: int = 0, progress: Progress | None = None
) -> Verdict:
    """Check the entries after number `after` and the checkpoints that cover them; the first harm ends it.

    Without a store the checkpoints' copies in the database serve, which shows everything but a ledger made anew by somebody
    who also made those copies anew and holds the key.
    """
    counted = _Count(progress)
    differs = checkpoints.behind(store=store) if store else ""
    try:
        start = _start(after)
        points = _points(store if differs else None, after=after)
        count, _, last = verifier.check_rows(
            counted.over(_rows(after)), leaf_of=points.leaf_of, contiguous=True, after=start
        )
        points.drain()
        verifier.check_end(last.seq, covered_to=points.covered_to)
        _agree(differs)
    except verifier.Harm as harm:
        return Verdict(
            counted.rows, 0, "", harm=harm.kind, first_bad=harm.seq, sentence=harm.sentence
        )
    return Verdict(count, last.seq, last.hash, signed_to=points.covered_to)


def _agree(differs: str) -> None:
    if differs:
        raise verifier.Harm("checkpoint", differs)


class _Count:
    """Counts rows on their way, and tells how many there were every few thousand."""

    def __init__(self, progress: Progress | None) -> None:
        self.rows, self._progress = 0, progress

    def over(self, rows: Iterator[verifier.Row]) -> Iterator[verifier.Row]:
        """Yield the rows."""
        for row in rows:
            self.rows += 1
            if self._progress and self.rows % ROWS_A_TURN == 0:
                self._progress(self.rows)
            yield row


def _rows(after: int) -> Iterator[verifier.Row]:
    found = Entry.objects.filter(seq__gt=after).order_by("seq")
    for seq, at, canonical, prev, digest, *columns in found.values_list(
        *COLUMNS, *INDEXED
    ).iterator(chunk_size=ROWS_A_TURN):
        row = _row(seq, at, canonical, prev, digest)
        if row.hash == row.true_hash and row.seq == seq and not _agrees(row, canonical, columns):
            raise verifier.Harm(
                "edit",
                f"Entry {seq} was edited: its columns do not say what its text says.",
                seq=seq,
            )
        yield row


def _row(seq: int, at: datetime, canonical: str, prev: str, digest: str) -> verifier.Row:
    """Return the row as its text says it is, so that one that was moved is seen in its wrong place."""
    content = canonical.encode()
    tail = verifier.TAIL.search(content)
    said = int(tail[2]) if tail else seq
    return verifier.Row(said, instant(at).encode(), prev, digest, verifier.leaf(content))


def _agrees(row: verifier.Row, canonical: str, columns: list[Any]) -> bool:
    content = canonical.encode()
    head, tail = verifier.HEAD.search(content), verifier.TAIL.search(content)
    if head is None or tail is None:
        return False
    said = body_of(canonical)
    who, where = said["who"]["email"], said["where"]["target"]
    told = [said["kind"], who, said["plan"], where, said["phi"], said["result"]]
    return (head[1], tail[1].decode()) == (row.at, row.prev) and told == columns


def _start(after: int) -> verifier.Row:
    if not after:
        return verifier.START
    entry = Entry.objects.filter(seq=after).first()
    if entry is None:
        raise verifier.Harm("delete", f"Entry {after} is missing: it was deleted.", seq=after)
    digest = verifier.leaf(entry.canonical.encode())
    if digest != entry.hash:
        raise verifier.Harm("edit", f"Entry {after} was edited.", seq=after)
    return _row(entry.seq, entry.at, entry.canonical, entry.prev_hash, entry.hash)


def _points(store: CheckpointStore | None, *, after: int) -> verifier.Checkpoints:
    """Return the checkpoints from the one that covers the next entry on: the copies in the database, or with `store` its own.

    Nobody can change the first version of what lies in the store, so its first checkpoint says which key began.
    """
    if store is not None:
        numbers = range(1, store.newest() + 1)
        first = next(checkpoints.from_store(store=store, numbers=numbers[:1]), b"")
        lines = checkpoints.from_store(store=store, numbers=numbers)
        return verifier.Checkpoints(lines, verifier.keys_of(first), contiguous=True)
    rows = Checkpoint.objects.order_by("number")
    wanted = rows.filter(seq__gt=after) if after else rows
    copies = (each.content.encode() for each in wanted.iterator(chunk_size=100))
    return verifier.Checkpoints(copies, set(checkpoints.known_keys()), contiguous=not after)


# Checks that somebody asked for


def ask(*, by: str, whole: bool, now: datetime) -> LedgerCheck:
    """Put a check in line, or return the one that waits or is under way."""
    open_one = LedgerCheck.objects.filter(done_at__isnull=True, whole=whole).first()
    return open_one or LedgerCheck.objects.create(asked_by=by, asked_at=now, whole=whole)


def waiting(*, now: datetime) -> list[int]:
    """Return the checks that nobody works on."""
    free = Q(claimed_at__isnull=True) | Q(claimed_at__lt=now - LEASE)
    return list(
        LedgerCheck.objects.filter(free, done_at__isnull=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def claim(*, check_id: int, now: datetime) -> LedgerCheck | None:
    """Take a check by one conditional UPDATE; None when somebody else has it, or it is done."""
    free = Q(claimed_at__isnull=True) | Q(claimed_at__lt=now - LEASE)
    taken = LedgerCheck.objects.filter(free, pk=check_id, done_at__isnull=True).update(
        claimed_at=now, rows_done=0
    )
    return LedgerCheck.objects.get(pk=check_id) if taken == 1 else None


def carry_out(
    check: LedgerCheck, *, store: CheckpointStore | None, clock: Callable[[], datetime]
) -> Verdict:
    """Do a claimed check and write down what it found, with its progress while it goes."""
    after = 0 if check.whole else last_sound_seq()
    rows = LedgerCheck.objects.filter(pk=check.pk)
    rows.update(rows_total=max(0, checkpoints.last_seq() - after))

    def tell(count: int) -> None:
        rows.update(rows_done=count, claimed_at=clock())

    found = verify(store=store, after=after, progress=tell)
    rows.update(
        done_at=clock(),
        intact=found.intact,
        rows_done=found.entries,
        last_seq=found.last,
        first_bad=found.first_bad,
        harm=found.harm,
        sentence=found.sentence
        or f"{found.entries} entries hold; signed checkpoints reach entry {found.signed_to}.",
    )
    return found


def last_sound_seq() -> int:
    """Return the last entry that a check found sound, 0 before the first check."""
    sound = LedgerCheck.objects.filter(intact=True).order_by("-pk").first()
    return sound.last_seq if sound else 0
