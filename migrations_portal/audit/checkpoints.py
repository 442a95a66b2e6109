"""Checkpoints: how the ledger stood, signed by a key and kept in a store that its database cannot reach (L5, L6, X15)."""

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import rfc8785
from django.db import connection, transaction

from migrations_portal.audit import verifier
from migrations_portal.audit.models import Checkpoint, Entry
from migrations_portal.audit.ports import (
    CheckpointStore,
    CheckpointStoreUnavailable,
    Signer,
    SigningFailed,
)
from migrations_portal.audit.rules import (
    CHECKPOINT_EVERY,
    CHECKPOINT_ROWS,
    LEDGER_RETENTION,
    instant,
)

logger = logging.getLogger(__name__)

LOCK = 1465077760
"""Advisory lock: one checkpoint is made at a time. Not the chain's lock, so that nobody waits for a signature."""
ROTATION = "new key"
"""The reason of a checkpoint that introduces a key."""
FETCHED_AT_ONCE = 256


def is_due(*, now: datetime) -> bool:
    """Say whether five minutes have passed, or a thousand entries come, since the last checkpoint."""
    last = newest()
    if last is None or last.at <= now - CHECKPOINT_EVERY:
        return True
    return Entry.objects.filter(seq__gte=last.seq + CHECKPOINT_ROWS).exists()


def wanted(*, now: datetime) -> bool:
    """Say whether one made now would say more than the last: an entry came since, or it is due by the clock."""
    last = newest()
    return last is None or last.seq < last_seq() or is_due(now=now)


def newest() -> Checkpoint | None:
    """Return the last checkpoint, None before the first."""
    return Checkpoint.objects.order_by("-number").first()


def make(
    *, signer: Signer, reason: str, now: datetime, introduces: Sequence[str] = ()
) -> list[Checkpoint]:
    """Sign how the ledger stands now, a thousand entries at most a checkpoint, one at least; raise `SigningFailed`."""
    made: list[Checkpoint] = []
    upto = last_seq()
    while not made or made[-1].seq < upto:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            last = newest()
            check_key(signer.public_key(), last=last)
            ends = upto - (last.seq if last else 0) <= CHECKPOINT_ROWS
            keys = introduces if ends else ()
            made.append(_sign(last, signer=signer, reason=reason, now=now, introduces=keys))
    return made


def last_seq() -> int:
    """Return the number of the newest entry, 0 for an empty ledger."""
    return Entry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


def _sign(
    last: Checkpoint | None,
    *,
    signer: Signer,
    reason: str,
    now: datetime,
    introduces: Sequence[str],
) -> Checkpoint:
    before: dict[str, Any] = payload_of(last) if last else {"seq": 0, "head": verifier.GENESIS}
    first = before["seq"] + 1
    rows = Entry.objects.filter(seq__gte=first).order_by("seq").values_list("seq", "hash")
    covered = list(rows[:CHECKPOINT_ROWS])
    leaves = [digest for _, digest in covered]
    payload: dict[str, Any] = {
        "alg": "Ed25519",
        "at": instant(max(now, last.at + timedelta(microseconds=1)) if last else now),
        "first": first,
        "head": leaves[-1] if leaves else before["head"],
        "introduces": list(introduces),
        "key": signer.public_key(),
        "number": last.number + 1 if last else 1,
        "prev": last.hash if last else verifier.GENESIS,
        "reason": reason,
        "root": verifier.root(leaves),
        "seq": covered[-1][0] if covered else before["seq"],
        "v": 1,
    }
    text = rfc8785.dumps(payload).decode()
    signature = signer.sign(verifier.signed("checkpoint", text.encode()))
    content = rfc8785.dumps({"payload": text, "signature": signature, "leaves": leaves}).decode()
    return Checkpoint.objects.create(
        number=payload["number"],
        first=first,
        seq=payload["seq"],
        at=datetime.fromisoformat(str(payload["at"])),
        key=payload["key"],
        hash=verifier.checkpoint_hash(text, signature),
        reason=reason,
        content=content,
    )


def payload_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what was signed."""
    payload: dict[str, Any] = json.loads(json.loads(checkpoint.content)["payload"])
    return payload


def known_keys() -> list[str]:
    """Return the public keys that may have signed: the first one, and each that an earlier one introduced, oldest first."""
    first = Checkpoint.objects.order_by("number").first()
    if first is None:
        return []
    introduced = Checkpoint.objects.filter(reason=ROTATION).order_by("number")
    return [first.key, *(key for each in introduced for key in payload_of(each)["introduces"])]


def check_key(key: str, *, last: Checkpoint | None) -> None:
    """Raise `SigningFailed` when the key was neither the first nor introduced by the one before it (L12)."""
    known = known_keys()
    if last is not None and key != known[-1]:
        raise SigningFailed(
            f"The key {key[:16]}… is not the ledger's present key ({known[-1][:16]}…). Give the workers that one, or"
            " introduce the new one with `manage.py rotate_ledger_key` while the old one is still there."
        )


def store_waiting(*, store: CheckpointStore, now: datetime) -> int:
    """Keep what waits, the oldest first, and return how many were kept; stop and remember why when the store is away (L6)."""
    kept = 0
    for row in Checkpoint.objects.filter(stored_at__isnull=True).order_by("number").iterator():
        try:
            version = store.keep(
                row.number, row.content.encode(), retain_until=row.at + LEDGER_RETENTION
            )
        except CheckpointStoreUnavailable as away:
            logger.warning("checkpoint %s waits: %s", row.number, away.sentence)
            Checkpoint.objects.filter(pk=row.pk).update(problem=away.sentence[:300])
            break
        Checkpoint.objects.filter(pk=row.pk).update(stored_at=now, version_id=version, problem="")
        kept += 1
    return kept


def behind(*, store: CheckpointStore) -> str:
    """Return a sentence when the store knows of a ledger that is further than, or other than, this one (X15); else nothing.

    A database that was put back to an older copy, or made anew, is found so before the next run.
    """
    known = newest()
    number = known.number if known else 0
    ahead = store.newest(after=number)
    if ahead > number:
        return (
            f"The store holds checkpoint {ahead}, this database only {number}: it is an older copy."
        )
    stored = Checkpoint.objects.filter(stored_at__isnull=False).order_by("-number").first()
    if stored is None:
        return ""
    kept = store.read([stored.number])
    if not kept or kept[0].content != stored.content.encode():
        return f"Checkpoint {stored.number} in the store is not the one that this database has."
    payload = payload_of(stored)
    entry = Entry.objects.filter(seq=payload["seq"]).values_list("hash", flat=True).first()
    if payload["seq"] and entry != payload["head"]:
        return f"Entry {payload['seq']} is not the one that checkpoint {stored.number} covers."
    return ""


def from_store(*, store: CheckpointStore, numbers: Sequence[int]) -> Iterator[bytes]:
    """Yield the checkpoints as the store has them, as lines; raise `CheckpointStoreUnavailable`."""
    for at in range(0, len(numbers), FETCHED_AT_ONCE):
        for kept in store.read(numbers[at : at + FETCHED_AT_ONCE]):
            yield kept.content
