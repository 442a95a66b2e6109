#!/usr/bin/env python3
"""Checks a bundle of the White Cross Ops ledger, offline: this one file, Python 3.11 and the package `cryptography`.

    python3 verify.py BUNDLE.zip --trust KEY      (KEY: the 64 hex digits of the public key, as you got them from us before)

1. The bundle: no file is missing, added or changed, and the manifest is signed by a key that is trusted.
2. The checkpoints: signatures, numbers, links, times, and the Merkle root over the hashes that each of them covers.
3. The entries: the hash of each, the link to the one before it, its time, and its place in a signed checkpoint.

It names the first entry that does not hold and the kind of harm, and ends with 0 (holds), 1 (harm) or 2 (cannot be read).
The recipe: an entry's hash is SHA-256 of 0x00 and its canonical bytes; a node of the Merkle tree is SHA-256 of 0x01 and its two
children (RFC 9162); what is signed (Ed25519) is "wco-checkpoint-v1" or "wco-manifest-v1", a zero byte, and the bytes.
"""

import argparse
import hashlib
import io
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64
ENTRIES, CHECKPOINTS, KEYS = "entries.jsonl", "checkpoints.jsonl", "keys.json"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
UNREADABLE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, NotImplementedError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What damaged files do to Python's own readers."""
SEAL = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')
TAIL = re.compile(rb',"prev":"([0-9a-f]{64})","seq":([1-9][0-9]*),"v":1\}\Z')
HEAD = re.compile(rb'\A\{"alg":"SHA-256","at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","body":\{')


class Harm(Exception):
    """Something does not hold. `seq` is the first bad entry, None where it is not about one entry."""

    def __init__(self, kind: str, sentence: str, *, seq: int | None = None) -> None:
        """Take the kind (edit, delete, insert, reorder, truncate, fork, rewrite, time, re-sign, checkpoint, bundle)."""
        super().__init__(sentence)
        self.kind, self.sentence, self.seq = kind, sentence, seq


@dataclass(frozen=True)
class Row:
    """What the check needs of an entry."""

    seq: int
    at: bytes
    prev: str
    hash: str
    true_hash: str


START = Row(0, b"", "", GENESIS, GENESIS)


@dataclass(frozen=True)
class Report:
    """A bundle that holds."""

    entries: int
    first: int
    last: int
    head: str
    checkpoints: int
    covered_to: int
    """The last entry that a signed checkpoint covers; entries after it are linked, not signed."""
    keys: tuple[str, ...]


def leaf(canonical: bytes) -> str:
    """Return the hash of an entry."""
    return hashlib.sha256(b"\x00" + canonical).hexdigest()


def root(leaves: list[str]) -> str:
    """Return the Merkle tree hash of RFC 9162 over entry hashes."""
    if not leaves:
        return hashlib.sha256(b"").hexdigest()
    level = [bytes.fromhex(each) for each in leaves]
    while len(level) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + level[at] + level[at + 1]).digest()
            for at in range(0, len(level) - 1, 2)
        ]
        level = pairs + level[len(level) - len(level) % 2 :]
    return level[0].hex()


def signed(purpose: str, content: bytes) -> bytes:
    """Return the bytes that a signature is over."""
    return f"wco-{purpose}-v1".encode() + b"\x00" + content


def is_signed(purpose: str, content: bytes, *, signature: str, key: str) -> bool:
    """Say whether `signature` (hex) over the content is by the public key (hex)."""
    if not re.fullmatch(r"[0-9a-f]{128}", signature) or not re.fullmatch(r"[0-9a-f]{64}", key):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(signature), signed(purpose, content)
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def read_row(line: bytes) -> Row:
    """Return one line of entries.jsonl: the canonical bytes with `hash` added as their last key."""
    seal = SEAL.search(line)
    canonical = line[: seal.start()] + b"}" if seal else b""
    head, tail = HEAD.search(canonical), TAIL.search(canonical)
    if seal is None or head is None or tail is None:
        raise Harm("edit", f"This line is not an entry: {line[:80]!r}.")
    return Row(int(tail[2]), head[1], tail[1].decode(), seal[1].decode(), leaf(canonical))


@dataclass
class Checkpoints:
    """The signed checkpoints, read as far as they are needed. `trusted` grows by keys that a trusted key introduced."""

    lines: Iterator[bytes]
    trusted: set[str]
    contiguous: bool
    signers: set[str] = field(default_factory=set)
    count: int = 0
    covered_to: int = 0
    _leaves: list[str] = field(default_factory=list)
    _last: dict[str, Any] = field(default_factory=dict)
    _last_hash: str = GENESIS

    def leaf_of(self, seq: int) -> str | None:
        """Return the hash that a checkpoint says entry `seq` has, None when none covers it; raise `Harm`."""
        while self.covered_to < seq and (line := next(self.lines, None)) is not None:
            self._read(line)
        place = seq - self._last.get("first", 1)
        return self._leaves[place] if 0 <= place < len(self._leaves) else None

    def drain(self) -> None:
        """Check those that no entry has asked for; raise `Harm`."""
        for line in self.lines:
            self._read(line)

    def _read(self, line: bytes) -> None:
        try:
            self._check(json.loads(line))
        except (ValueError, LookupError, TypeError, AttributeError):
            after = self._last.get("number", 0)
            raise Harm("checkpoint", f"What follows checkpoint {after} is not one.") from None

    def _check(self, said: dict[str, Any]) -> None:
        text, leaves = said["payload"].encode(), said["leaves"]
        payload = json.loads(text)
        number = payload["number"]
        if payload["key"] not in self.trusted or not is_signed(
            "checkpoint", text, signature=said["signature"], key=payload["key"]
        ):
            raise Harm("re-sign", f"Checkpoint {number} is not signed by a key that is trusted.")
        self._check_place(payload)
        size = payload["seq"] - payload["first"] + 1
        if (
            size != len(leaves)
            or root(leaves) != payload["root"]
            or (leaves and leaves[-1] != payload["head"])
        ):
            raise Harm(
                "checkpoint", f"Checkpoint {number}: its hashes do not give its Merkle root."
            )
        self._leaves, self._last, self.covered_to = leaves, payload, payload["seq"]
        self._last_hash, self.count = (
            checkpoint_hash(said["payload"], said["signature"]),
            self.count + 1,
        )
        self.trusted.update(payload["introduces"])
        self.signers.add(payload["key"])

    def _check_place(self, payload: dict[str, Any]) -> None:
        number, last = payload["number"], self._last
        after = last.get("number", 0)
        if (
            number <= after
            or (self.contiguous and number != after + 1)
            or payload["seq"] < self.covered_to
        ):
            raise Harm("checkpoint", f"Checkpoint {after + 1} is missing or out of place.")
        if number != after + 1:
            return
        if payload["prev"] != self._last_hash or payload["first"] != last.get("seq", 0) + 1:
            raise Harm("checkpoint", f"Checkpoint {number} does not follow from the one before it.")
        if payload["at"] <= last.get("at", ""):
            raise Harm("checkpoint", f"Checkpoint {number} is not later than the one before it.")


def keys_of(line: bytes) -> set[str]:
    """Return the key that a checkpoint says signed it; none for what is no checkpoint."""
    try:
        return {json.loads(json.loads(line)["payload"])["key"]}
    except (ValueError, LookupError, TypeError):
        return set()


def checkpoint_hash(payload: str, signature: str) -> str:
    """Return what the next checkpoint names as its predecessor."""
    return hashlib.sha256(f"{payload}\n{signature}".encode()).hexdigest()


LeafOf = Callable[[int], str | None]


def check_rows(
    rows: Iterable[Row], *, leaf_of: LeafOf, contiguous: bool, after: Row = START
) -> tuple[int, int, Row]:
    """Walk entries in order and return (count, first number, last entry); raise `Harm` at the first that does not hold."""
    walk = iter(rows)
    count, first, last = 0, 0, after
    for row in walk:
        _check_row(row, last=last, walk=walk, leaf_of=leaf_of, contiguous=contiguous)
        count, first, last = count + 1, first or row.seq, row
    return count, first, last


def _check_row(
    row: Row, *, last: Row, walk: Iterator[Row], leaf_of: LeafOf, contiguous: bool
) -> None:
    seq = row.seq
    if row.hash != row.true_hash:
        raise Harm("edit", f"Entry {seq} was edited: its text does not match its hash.", seq=seq)
    _check_order(row, last=last, walk=walk, contiguous=contiguous)
    covered = leaf_of(seq)
    if covered is None and not contiguous:
        raise Harm("insert", f"Entry {seq} is in no signed checkpoint.", seq=seq)
    if covered is not None and covered != row.hash:
        _altered(row, walk)
    if seq == last.seq + 1 and row.prev != last.hash:
        raise Harm(
            "fork",
            f"Entry {seq} does not follow from entry {last.seq}: the chain was forked.",
            seq=seq,
        )
    if row.at <= last.at:
        raise Harm("time", f"Entry {seq} is not later than the entry before it.", seq=seq)


def _check_order(row: Row, *, last: Row, walk: Iterator[Row], contiguous: bool) -> None:
    seq = row.seq
    if seq == last.seq:
        raise Harm("insert", f"There are two entries {seq}: one was inserted.", seq=seq)
    if seq < last.seq:
        raise Harm(
            "reorder", f"Entry {seq} stands after entry {last.seq}: they were moved.", seq=seq
        )
    if contiguous and seq != last.seq + 1:
        _missing(last.seq + 1, walk)


def _missing(seq: int, walk: Iterator[Row]) -> None:
    if any(later.seq == seq for later in walk):
        raise Harm(
            "reorder", f"Entry {seq} stands in the wrong place: entries were moved.", seq=seq
        )
    raise Harm("delete", f"Entry {seq} is missing: it was deleted.", seq=seq)


def _altered(row: Row, walk: Iterator[Row]) -> None:
    after = next(walk, None)
    if after is not None and after.seq == row.seq:
        raise Harm("insert", f"There are two entries {row.seq}: one was inserted.", seq=row.seq)
    if after is None or after.prev == row.hash:
        whole = (
            "The ledger was made anew"
            if row.seq == 1
            else f"From entry {row.seq} on the ledger was rewritten"
        )
        raise Harm("rewrite", f"{whole}: it is not what the signed checkpoint covers.", seq=row.seq)
    raise Harm(
        "edit",
        f"Entry {row.seq} was edited and hashed anew: it is not what the signed checkpoint covers.",
        seq=row.seq,
    )


def check_end(last: int, *, covered_to: int, upto: int | None = None) -> None:
    """Raise `Harm` when entries at the end are gone that a checkpoint covers, or that the manifest promises."""
    promised = max(covered_to, upto or 0)
    if last < promised:
        raise Harm(
            "truncate",
            f"Entries {last + 1} to {promised} are gone: the end was cut off.",
            seq=last + 1,
        )


# The bundle


class WriteOnly:
    """Passes bytes on. It cannot be sought in, so that a zip has the same bytes wherever it is written."""

    def __init__(self, out: Any) -> None:
        self._out = out

    def write(self, chunk: Any, /) -> int:
        self._out.write(chunk)
        return len(chunk)

    def flush(self) -> None:
        """Pass it on."""
        self._out.flush()

    def close(self) -> None:
        """Leave the file open: it belongs to the caller."""


class _Compare:
    """A file that is only written to, and remembers whether it got the same bytes as another."""

    def __init__(self, original: io.BufferedIOBase) -> None:
        self._original, self.same = original, True

    def write(self, chunk: bytes) -> int:
        self.same = self.same and self._original.read(len(chunk)) == chunk
        return len(chunk)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


def open_bundle(path: Path) -> dict[str, bytes]:
    """Return the files of a bundle, a zip or the folder it was unpacked into; raise `Harm` for a zip that is not ours."""
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file())
        return {each.relative_to(path).as_posix(): each.read_bytes() for each in found}
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with path.open("rb") as original:
        compared = _Compare(original)
        pack(files, compared)
        if not compared.same or original.read(1):
            raise Harm("bundle", "The zip is not as it was made: its own directory was changed.")
    return files


def pack(files: dict[str, bytes], sink: Any) -> None:
    """Write the files as a zip whose every byte follows from them: sorted, stored, without dates."""
    with zipfile.ZipFile(WriteOnly(sink), "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])


def check_files(files: dict[str, bytes], manifest: dict[str, Any], *, trusted: set[str]) -> None:
    """Raise `Harm` unless the manifest is signed and names exactly these files with their hashes."""
    if manifest["key"] not in trusted or not is_signed(
        "manifest", files[MANIFEST], signature=files[SIGNATURE].decode(), key=manifest["key"]
    ):
        raise Harm("re-sign", "The manifest is not signed by a key that is trusted.")
    named = manifest["files"]
    for name in sorted({*named, *files} - {MANIFEST, SIGNATURE}):
        if name not in named or name not in files:
            raise Harm("bundle", f"The file {name} was {'removed' if name in named else 'added'}.")
        if hashlib.sha256(files[name]).hexdigest() != named[name]:
            raise Harm("bundle", f"The file {name} was changed.")


def lines(content: bytes) -> Iterator[bytes]:
    """Yield the lines of a file, each of which ends with a line feed."""
    if content and not content.endswith(b"\n"):
        raise Harm("bundle", "A file of lines does not end with a line feed: it was cut off.")
    return (line.rstrip(b"\n") for line in io.BytesIO(content))


def verify(path: Path, *, trust: Iterable[str] = ()) -> Report:
    """Check a whole bundle; raise `Harm` for the first thing that does not hold. Without `trust` its own keys are believed.

    What is wrong with an entry is told before what is wrong with the file that holds it.
    """
    files = open_bundle(path)
    if {ENTRIES, CHECKPOINTS, KEYS, MANIFEST, SIGNATURE} - files.keys():
        raise Harm("bundle", "Files are missing that every bundle has.")
    manifest = json.loads(files[MANIFEST])
    whole = manifest["scope"]["whole"]
    points = Checkpoints(
        lines(files[CHECKPOINTS]), set(trust) or set(json.loads(files[KEYS])), whole
    )
    rows = map(read_row, lines(files[ENTRIES]))
    count, first, last = check_rows(rows, leaf_of=points.leaf_of, contiguous=whole)
    points.drain()
    if whole:
        check_end(last.seq, covered_to=points.covered_to, upto=manifest["scope"]["last"])
    check_files(files, manifest, trusted=points.trusted)
    if manifest["scope"]["count"] != count:
        raise Harm(
            "bundle",
            f"The manifest promises {manifest['scope']['count']} entries; there are {count}.",
        )
    return Report(
        count,
        first,
        last.seq,
        last.hash,
        points.count,
        points.covered_to,
        tuple(sorted(points.signers)),
    )


def _sentence(report: Report, *, trusted: bool) -> str:
    signed_by = ", ".join(report.keys) or "nobody"
    text = (
        f"HOLDS: {report.entries} entries ({report.first} to {report.last}), {report.checkpoints} checkpoints.\n"
        f"Head {report.head}; signed checkpoints reach entry {report.covered_to}.\nSigned by {signed_by}.\n"
    )
    return (
        text
        if trusted
        else text + "Compare this key with the one you know, or name it with --trust.\n"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description="Check a bundle of the White Cross Ops ledger.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--trust", action="append", default=[], metavar="KEY")
    options = parser.parse_args(arguments)
    try:
        report = verify(options.bundle, trust=options.trust)
    except Harm as harm:
        where = f" first bad entry: {harm.seq};" if harm.seq else ""
        sys.stdout.write(f"HARM{where} kind: {harm.kind}. {harm.sentence}\n")
        return 1
    except UNREADABLE as error:
        sys.stdout.write(f"This is not a bundle that can be read: {error!r}\n")
        return 2
    sys.stdout.write(_sentence(report, trusted=bool(options.trust)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
