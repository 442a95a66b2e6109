"""Bundles: entries with their signed checkpoints, a manifest of hashes and the verifier, in one zip that needs nothing of ours."""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import rfc8785

from migrations_portal.audit import checkpoints, export, verifier
from migrations_portal.audit.models import Checkpoint, Entry
from migrations_portal.audit.ports import CheckpointStore, Signer

VERIFY = "verify.py"
HOW = "VERIFY.txt"


@dataclass(frozen=True)
class Scope:
    """Which entries a bundle holds."""

    whole: bool
    """Every entry from the first to `last`; else those that a filter chose."""
    last: int
    query: Mapping[str, Any] = field(default_factory=dict)
    """What was asked for, in words that JSON knows."""


def write(
    out: BinaryIO,
    *,
    entries: Iterable[bytes],
    points: Iterable[bytes],
    extra: Mapping[str, bytes],
    scope: Scope,
    signer: Signer,
) -> dict[str, Any]:
    """Write a bundle and return its manifest. `entries` and `points` are lines, read once, never all held in memory."""
    small = {
        verifier.KEYS: rfc8785.dumps(checkpoints.known_keys()),
        VERIFY: source(),
        HOW: how_to(signer.public_key()),
        **extra,
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in small.items()}
    streams = {verifier.CHECKPOINTS: points, verifier.ENTRIES: entries}
    last_files = {verifier.MANIFEST, verifier.SIGNATURE}
    count, manifest, content = 0, dict[str, Any](), b""
    with zipfile.ZipFile(verifier.WriteOnly(out), "w", zipfile.ZIP_STORED) as archive:
        for name in sorted({*small, *streams, *last_files}):
            if name in streams:
                lines, hashes[name] = _stream(archive, name, streams[name])
                count = lines if name == verifier.ENTRIES else count
            elif name == verifier.MANIFEST:
                manifest = _manifest(hashes, scope=scope, count=count, signer=signer)
                content = rfc8785.dumps(manifest)
                _put(archive, name, content)
            elif name == verifier.SIGNATURE:
                signature = signer.sign(verifier.signed("manifest", content))
                _put(archive, name, signature.encode())
            else:
                _put(archive, name, small[name])
    return manifest


def _manifest(
    hashes: Mapping[str, str], *, scope: Scope, count: int, signer: Signer
) -> dict[str, Any]:
    said = {"whole": scope.whole, "last": scope.last, "count": count, "query": dict(scope.query)}
    return {"v": 1, "key": signer.public_key(), "scope": said, "files": dict(hashes)}


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_info(name), content)


def _stream(archive: zipfile.ZipFile, name: str, lines: Iterable[bytes]) -> tuple[int, str]:
    count, digest = 0, hashlib.sha256()
    with archive.open(_info(name), "w") as file:
        for line in lines:
            whole = line + b"\n"
            file.write(whole)
            digest.update(whole)
            count += 1
    return count, digest.hexdigest()


def source() -> bytes:
    """Return the verifier's own text, as it goes into every bundle and to /verifier/."""
    return Path(verifier.__file__).read_bytes()


def source_sha256() -> str:
    """Return the SHA-256 of the verifier's text, to compare with."""
    return hashlib.sha256(source()).hexdigest()


def how_to(key: str) -> bytes:
    """Return the text that tells an auditor what to do."""
    return (
        "How to check this bundle, without us and without a network\n\n"
        "1. Python 3.11 or newer, with the package cryptography (pip install cryptography).\n"
        "2. python3 verify.py THIS.zip --trust KEY\n"
        "   KEY is the ledger's public key (64 hex digits) that White Cross gave you on another way.\n"
        f"   This bundle says it is signed by {key}.\n"
        "3. HOLDS and exit code 0: every file, entry, link and signature holds. HARM: it says which entry, and how.\n\n"
        "verify.py is short and made to be read; its first lines tell the recipe, so that you can write your own.\n"
    ).encode()


def whole_ledger(*, last: int) -> Iterator[bytes]:
    """Yield the lines of all entries up to `last`, read as the table has them."""
    return export.lines(Entry.objects.filter(seq__lte=last))


def points_upto(number: int, *, store: CheckpointStore) -> Iterator[bytes]:
    """Yield the checkpoints up to a number, as the store has them."""
    return checkpoints.from_store(store=store, numbers=range(1, number + 1))


def points_for(seqs: Iterable[int], *, store: CheckpointStore) -> Iterator[bytes]:
    """Yield, from the store, the checkpoints that cover these entries (ascending), and those that introduced keys."""
    rows = Checkpoint.objects.order_by("number")
    wanted = set(rows.filter(reason=checkpoints.ROTATION).values_list("number", flat=True))
    covered = 0
    for seq in seqs:
        if seq > covered:
            row = rows.filter(seq__gte=seq).values_list("number", "seq").first()
            if row is not None:
                wanted.add(row[0])
                covered = row[1]
    return checkpoints.from_store(store=store, numbers=sorted(wanted))
