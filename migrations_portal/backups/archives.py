"""How a backup is divided into archives that are dumped and restored at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

WORTH_DIVIDING = 256 * 1024**2
"""Bytes of tables from which on a backup is dumped in several archives at once. Below it the start of a second pg_dump
costs what it saves (docs/adr/0010-backups-in-archives.md has the measurement)."""
MOST_LANES = 4
"""Dumps at once; each holds 24 MiB of parts on their way, so four stay below 100 MiB."""


class Archive(StrEnum):
    """What one archive of a backup holds."""

    FULL = "FULL"
    SCHEMA = "SCHEMA"
    DATA = "DATA"


@dataclass(frozen=True)
class Member:
    """One archive to dump. `only`: just these tables' rows; `without`: everything's rows but theirs."""

    archive: Archive
    name: str
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    bytes: int = 0


FULL = Member(Archive.FULL, "full")


def key(*, folder: str, member: Member) -> str:
    """Return the object key of one archive; a backup of one archive is one object."""
    return f"{folder}.dump" if member.archive is Archive.FULL else f"{folder}/{member.name}.dump"


def divide(
    sizes: Mapping[str, int], *, lanes: int, worth: int = WORTH_DIVIDING
) -> tuple[Member, ...]:
    """Divide a backup into archives that are dumped (and restored) at once.

    1. Small, or a single lane: one full archive, the kind that everybody knows.
    2. Otherwise the schema alone, then data archives of about equal size: the largest table first, each to the archive
       that holds least. The first data archive takes everything that no other names (large objects, sequences, extensions).
    """
    total = sum(sizes.values())
    if total < worth or lanes < 2 or len(sizes) < 2:  # noqa: PLR2004  # two of something
        return (Member(Archive.FULL, "full", bytes=total),)
    loads: list[tuple[int, list[str]]] = [(0, []) for _ in range(min(lanes, len(sizes)))]
    for name in sorted(sizes, key=lambda each: (-sizes[each], each)):
        place = min(range(len(loads)), key=lambda at: loads[at][0])
        load, names = loads[place]
        loads[place] = (load + sizes[name], [*names, name])
    loads.sort(key=lambda each: -len(each[1]))
    rest = tuple(name for _, names in loads[1:] for name in names)
    return (
        Member(Archive.SCHEMA, "schema"),
        Member(Archive.DATA, "data-1", without=rest, bytes=loads[0][0]),
        *(
            Member(Archive.DATA, f"data-{number}", only=tuple(names), bytes=load)
            for number, (load, names) in enumerate(loads[1:], start=2)
            if names
        ),
    )


def whole_digest(parts: Sequence[Mapping[str, object]]) -> str:
    """Return what the SHA-256 of a divided backup is taken over: name, size and SHA-256 of each archive, a line each."""
    return "".join(f"{each['sha256']}  {each['size']}  {each['name']}\n" for each in parts)
