"""Which partition of a hash-partitioned table takes a key: PostgreSQL's own hash, for the types that keys usually have.

Source: `hash_bytes_extended`, `hash_bytes_uint32_extended` in hashfn.c (Bob Jenkins' lookup3), `hashint8extended` in hashfunc.c
and `compute_partition_hash_value` in partbounds.c; held against servers 13 to 18 by the oracle.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from migrations_portal.risk.objects import Bound

_SEED = 0x7A5B22367996DCFD
"""HASH_PARTITION_SEED of PostgreSQL."""
_START = 0x9E3779B9 + 3923095
_COMBINE = 0x49A0F4DD15E5A8E3
_32, _64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_MIX = (4, 6, 8, 16, 19, 4)
_FINAL = (14, 11, 25, 16, 4, 14, 24)
_BLOCK = 12
_TAIL_SHIFT = 8
"""The lowest byte of the third word is kept for the length."""

_State: TypeAlias = tuple[int, int, int]


def takes(bound: Bound, keys: Sequence[tuple[str, str]]) -> bool | None:
    """Whether a partition takes the key, given as (type, literal) pairs; None for a type whose hash is not known here."""
    total = hash_of(keys) if bound.modulus else None
    return None if total is None else total % bound.modulus == bound.remainder


def hash_of(keys: Sequence[tuple[str, str]]) -> int | None:
    """The hash of a whole key."""
    total = 0
    for name, literal in keys:
        value = _hashed(name, literal)
        if value is None:
            return None
        total ^= (value + _COMBINE + (total << 54) + (total >> 7)) & _64
        total &= _64
    return total


def _hashed(name: str, literal: str) -> int | None:
    if literal == "NULL":
        return 0
    hasher = _HASHERS.get(name)
    try:
        return None if hasher is None else hasher(literal)
    except ValueError:
        return None


def _integer(literal: str) -> int:
    return _hash_word(int(literal) & _32)


def _bigint(literal: str) -> int:
    number = int(literal)
    low, high = number & _32, (number >> 32) & _32
    return _hash_word(low ^ (high if number >= 0 else ~high & _32))


_HASHERS: dict[str, Callable[[str], int]] = {
    "int2": _integer,
    "int4": _integer,
    "int8": _bigint,
    "text": lambda literal: _hash_bytes(literal.encode()),
    "varchar": lambda literal: _hash_bytes(literal.encode()),
    "uuid": lambda literal: _hash_bytes(uuid.UUID(literal).bytes),
}


def _turned(word: int, by: int) -> int:
    return ((word << by) | (word >> (32 - by))) & _32


def _mixed(state: _State) -> _State:
    a, b, c = state
    for by in _MIX:
        a = ((a - c) & _32) ^ _turned(c, by)
        c = (c + b) & _32
        a, b, c = b, c, a
    return a, b, c


def _finished(state: _State) -> int:
    a, b, c = state
    for by in _FINAL:
        c = ((c ^ b) - _turned(b, by)) & _32
        a, b, c = b, c, a
    # Seven steps in a cycle of three: the words stand one place further, what was b is now called a.
    return (a << 32) | b


def _seeded(length: int) -> _State:
    word = (_START + length) & _32
    return _mixed(((word + (_SEED >> 32)) & _32, (word + (_SEED & _32)) & _32, word))


def _hash_word(word: int) -> int:
    a, b, c = _seeded(4)
    return _finished(((a + word) & _32, b, c))


def _hash_bytes(raw: bytes) -> int:
    a, b, c = _seeded(len(raw))
    while len(raw) >= _BLOCK:
        a = (a + int.from_bytes(raw[0:4], "little")) & _32
        b = (b + int.from_bytes(raw[4:8], "little")) & _32
        c = (c + int.from_bytes(raw[8:12], "little")) & _32
        a, b, c = _mixed((a, b, c))
        raw = raw[_BLOCK:]
    a = (a + int.from_bytes(raw[0:4], "little")) & _32
    b = (b + int.from_bytes(raw[4:8], "little")) & _32
    c = (c + (int.from_bytes(raw[8:12], "little") << _TAIL_SHIFT)) & _32
    return _finished((a, b, c))
