"""What was installed ahead for a migration tool, as one hash: the packages that ran in the assessment are those of the run (S7)."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def digest(folder: Path) -> str:
    """Return the SHA-256, as hex, over the path and content of every file below `folder`, and over where links point.

    Times, owners and compiled Python (which holds times) do not count, so that two workers that installed from one lock file
    agree. Raises `OSError`.
    """
    whole = hashlib.sha256()
    for path in _entries(folder):
        name = os.fsencode(path.relative_to(folder))
        for part in (name, *_said(path)):
            whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()


def _said(path: Path) -> tuple[bytes, bytes]:
    if path.is_symlink():
        return b"link", os.fsencode(path.readlink())
    return b"file", hashlib.sha256(path.read_bytes()).digest()


def _entries(folder: Path) -> Iterator[Path]:
    """Yield every file and link in one order everywhere."""
    for entry in sorted(os.scandir(folder), key=lambda each: os.fsencode(each.name)):
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                yield from _entries(Path(entry.path))
        else:
            yield Path(entry.path)
