"""Whether two texts are one statement whatever values they carry: how SQL that was sent is held against SQL that was assessed.

Literals of data (`UPDATE … SET a = 'x'`) do not count, and neither do comments, blanks and how often the same is said: a loop
over rows is one statement. Literals of definitions (defaults, bounds, labels) do count. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import postgast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

VALUE = "'…'"
"""Stands where a literal was."""

LITERALS = frozenset({"SCONST", "FCONST", "ICONST", "BCONST", "XCONST", "USCONST"})
"""The scanner's names of literals."""

COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
"""The scanner's names of comments."""

CARRIES_DATA = frozenset(
    ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "COPY", "CALL", "DO", "EXECUTE", "EXPLAIN", "PREPARE",
     "DECLARE", "TABLE"]
)  # fmt: skip
"""Verbs whose literals are data of rows; the literals of all others are definitions (defaults, labels)."""

CUT_FROM = 16 * 1024
"""A text of so many characters may have been cut: only its beginning is compared."""

_ALSO_VALUES = frozenset({"PARAM", "TRUE_P", "FALSE_P", "NULL_P"})
_NO_VALUE_AFTER = frozenset({"IS", "NOT"})
_SIGN = re.compile(rf"(?<=[(,=<>] )[-+] (?={VALUE})")
_VALUES = re.compile(rf"{VALUE}(?: , {VALUE})+")
_GROUPS = re.compile(r"(\( (?:[^()]|\([^()]*\))* \))(?: , \1)+")
_OPEN_END = re.compile(r"(?: ,)? \([^()]*$")


@dataclass(frozen=True, slots=True)
class Shape:
    """A statement without its values."""

    text: str
    cut: bool = False

    def same(self, other: Shape) -> bool:
        """Whether both are the same statement, as far as both are known."""
        return (
            self.text == other.text
            or (self.cut and other.text.startswith(self.text))
            or (other.cut and self.text.startswith(other.text))
        )


@dataclass(frozen=True, slots=True)
class Otherwise:
    """How what a file sent differs from what was known of it, each statement once."""

    new: tuple[str, ...]
    """Sent, and not known before."""
    missing: tuple[str, ...]
    """Known, and not sent."""

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.new or self.missing)


def otherwise(
    sent: Iterable[str], *, known: Iterable[str], expected: Iterable[str] | None = None
) -> Otherwise:
    """Compare what was sent with all that is known; `expected` are those of the known that should come (all, when not given)."""
    came, allowed = _by_shape(sent), _by_shape(known)
    awaited = allowed if expected is None else _by_shape(expected)
    return Otherwise(new=tuple(_left(came, allowed)), missing=tuple(_left(awaited, came)))


def _left(ours: Mapping[Shape, str], others: Mapping[Shape, str]) -> Iterator[str]:
    for each, text in ours.items():
        if each not in others and not any(each.same(other) for other in others):
            yield text


def _by_shape(statements: Iterable[str]) -> dict[Shape, str]:
    """The first text of each shape, on one line."""
    found: dict[Shape, str] = {}
    for each in statements:
        found.setdefault(shape(each), " ".join(each.split()))
    return found


def shape(sql: str) -> Shape:
    """Return a statement without its values."""
    cut = len(sql) >= CUT_FROM
    words = _words(sql)
    if words is None and cut:
        words = _words(sql[: sql.rfind("'")])  # the literal that was cut in two
    if words is None:
        return Shape(" ".join(sql.split())[:200], cut=True)
    text = _SIGN.sub("", " ".join(words))
    text = _GROUPS.sub(r"\1", _VALUES.sub(VALUE, text))
    return Shape(_GROUPS.sub(r"\1", _OPEN_END.sub("", text)), cut=True) if cut else Shape(text)


@lru_cache(maxsize=1)
def token_names() -> dict[int, str]:
    """The scanner's names of tokens by number."""
    return {value.number: value.name for value in postgast.pg_query_pb2.Token.DESCRIPTOR.values}


def _words(sql: str) -> list[str] | None:
    """The tokens of a statement, values of data replaced; None for a text that PostgreSQL's scanner refuses."""
    try:
        tokens = postgast.scan(sql).tokens
    except postgast.PgQueryError:
        return None
    raw, names = sql.encode(), token_names()
    found: list[str] = []
    hide = False
    for token in tokens:
        name, text = names.get(token.token, ""), raw[token.start : token.end].decode()
        if name in COMMENTS or text == ";":
            continue
        word = text if name in LITERALS or text.startswith('"') else text.upper()
        hide = hide or (not found and word in CARRIES_DATA)
        if hide and _is_value(name, found):
            word = VALUE
        found.append(word)
    return found


def _is_value(name: str, before: list[str]) -> bool:
    if name in LITERALS:
        return True
    return name in _ALSO_VALUES and not (before and before[-1] in _NO_VALUE_AFTER)
