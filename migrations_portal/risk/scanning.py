"""Looking at SQL as text, before (and where) the parser cannot: blanks and comments, cuts between statements, depth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 2_000
"""Levels of nesting that the C code surely survives; its 8 MB stack overflowed between 10,000 and 30,000."""

_SPACE = re.compile(rb"(?:\s+|--[^\n]*)*")
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_TOKEN = re.compile(
    rb"'(?:[^'\\]|''|\\.)*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)"
    rb"|\$((?:[A-Za-z_]\w*)?)\$.*?(?:\$\1\$|\Z)"
    rb"|[(),;\[\]]|[A-Za-z_][\w$]*|[-+*/<>=~!@#%^&|`?:.]+",
    re.DOTALL,
)
# What never ends goes to the end of the text, so that no second look begins inside it: the cost stays linear.
_FLAT = frozenset({b",", b"and", b"or", b"when", b"then", b"else", b"set", b"values"})


def blank_end(raw: bytes, begin: int, end: int) -> int:
    """Where the white space and the comments (nested ones too) that begin here end."""
    while True:
        if (space := _SPACE.match(raw, begin, end)) is not None:
            begin = space.end()
        if not raw.startswith(b"/*", begin, end):
            return begin
        begin = _comment_end(raw, begin, end)


def _comment_end(raw: bytes, begin: int, end: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(raw, begin, end):
        depth += 1 if edge.group() == b"/*" else -1
        if depth == 0:
            return edge.end()
    return end


def with_gaps(raw: bytes, cuts: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Give the cuts of PostgreSQL's scanner, and the text between them: it passes over what has no keyword in it."""
    last = 0
    for begin, end in [*cuts, (len(raw), len(raw))]:
        for piece in (*_pieces(raw, last, begin), (begin, end)):
            if not _is_blank(raw, *piece):
                yield piece
        last = end


def _pieces(raw: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut at the semicolons that stand in no string or comment."""
    start = position = begin
    while position < end:
        position = blank_end(raw, position, end)
        token = _TOKEN.search(raw, position, end)
        if token is None:
            break
        if token.group() == b";":
            yield start, token.start()
            start = token.end()
        position = token.end()
    yield start, end


def _is_blank(raw: bytes, begin: int, end: int) -> bool:
    return not raw[blank_end(raw, begin, end) : end].strip(b"; \t\r\n\f")


_ATOMIC = re.compile(rb"\bBEGIN\s+ATOMIC\b", re.IGNORECASE)
_LONGEST_BODY = 500
"""Statements in a function's body that are joined again."""


def whole_bodies(raw: bytes, cuts: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join the pieces of a body between BEGIN ATOMIC and END, which the scanner cuts at its semicolons."""
    for begin, end in cuts:
        joined = end
        if _ATOMIC.search(raw, begin, end) is not None:
            for _ in range(_LONGEST_BODY):
                following = next(cuts, None)
                if following is None:
                    break
                joined = following[1]
                if raw[following[0] : joined].strip().upper() == b"END":
                    break
        yield begin, joined


_SIGNS = re.compile(rb"[~!@#^&|`?+\-*/%<>=]{1000,}")
_MOST_OPENINGS = 500


def opens_comments_without_end(raw: bytes) -> bool:
    """Whether one run of operator signs opens hundreds of comments in comments.

    PostgreSQL's scanner reads such a run again from each opening on: 50 KB of it take seconds, 10 MB never end.
    """
    if raw.count(b"/*") <= _MOST_OPENINGS:
        return False
    return any(run.group().count(b"/*") > _MOST_OPENINGS for run in _SIGNS.finditer(raw))


def too_deep(raw: bytes) -> bool:
    """Bound the depth of the tree from the tokens: brackets nest, and chains of operators lean to the left."""
    runs = [0]
    total = 0
    for match in _TOKEN.finditer(raw):
        token = match.group()
        if token in (b"(", b"["):
            runs.append(1)
            total += 1
        elif token in (b")", b"]"):
            total -= runs.pop() if len(runs) > 1 else 0
        elif token == b";":
            runs, total = [0], 0
        elif token.lower() in _FLAT:
            total -= runs[-1]
            runs[-1] = 0
        elif token[:1] not in b"'\"$" and token[:2] not in (b"--", b"/*"):
            runs[-1] += 1
            total += 1
        if total > DEEPEST:
            return True
    return False
