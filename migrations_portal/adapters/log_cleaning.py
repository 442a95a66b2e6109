"""Output of a program that we do not trust, made fit to be shown: lines, no control codes, no row values, a limit.

Nothing here understands what the program says (S10, S12).
"""

import codecs
import re
from collections import deque
from collections.abc import Callable

LONGEST_LINE = 4_000
"""Characters of one line; the rest of it is dropped."""
HEAD_CHARACTERS = 768 * 1024
"""How much of the beginning is kept and told as it comes."""
TAIL_CHARACTERS = 256 * 1024
"""How much of the end is kept when there was more than the head."""

REMOVED = "[removed]"

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating system commands: titles, links
    r"|\x1b[PX^_].*?(?:\x1b\\|$)"  # device control and other strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, cursor
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_DETAIL = re.compile(r"\b((?:ERROR )?DETAIL|CONTEXT|WHERE|PARAMETERS?):\s.*", re.IGNORECASE)
_PROPERTY = re.compile(r"^(\s*)(detail|where|sql|query|parameters|bind|values?|internalQuery): .*")
_FAILING_ROW = re.compile(r"Failing row contains .*")
_KEY = re.compile(r"Key \(([^)]*)\)=\(.*?\)(?=[ .,;]|$)")


def clean(line: str) -> str:
    """Return one line without escape sequences, control characters and PostgreSQL's row values."""
    text = _CONTROLS.sub("", _ESCAPES.sub("", line)).expandtabs(4)
    text = _DETAIL.sub(rf"\1: {REMOVED}", text)
    text = _PROPERTY.sub(rf"\1\2: {REMOVED}", text)
    text = _FAILING_ROW.sub(f"Failing row contains ({REMOVED})", text)
    text = _KEY.sub(rf"Key (\1)=({REMOVED})", text)
    return text[:LONGEST_LINE].rstrip()


class OutputLog:
    """Takes bytes as they come and tells clean lines; keeps the head and the tail, counts what lies between."""

    def __init__(
        self, *, on_line: Callable[[str], None], hide: Callable[[str], str] = lambda line: line
    ) -> None:
        """Take who is told of each line, and a last filter over it."""
        self._on_line = on_line
        self._hide = hide
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._partial = ""
        self._head: list[str] = []
        self._head_size = 0
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._left_out = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        text = self._partial + self._decode(data)
        *lines, rest = re.split(r"\r\n|\n|\r(?!$)", text)
        for line in lines:
            self._add(line)
        # A line without an end must not grow for ever; its surplus is dropped.
        self._partial = rest[: 2 * LONGEST_LINE]

    def close(self) -> str:
        """Take the end of the stream, tell what was held back, and return the whole of what is kept."""
        last = self._partial + self._decode(b"", True)  # noqa: FBT003 (final)
        if last:
            self._add(last)
        if self._left_out:
            note = f"[{self._left_out:,} characters of output left out here]"
            self._tail.appendleft(note)
        for line in self._tail:
            self._on_line(line)
        return "\n".join([*self._head, *self._tail])

    def _add(self, line: str) -> None:
        text = self._hide(clean(line))
        size = len(text) + 1
        if self._head_size + size <= HEAD_CHARACTERS and not self._tail:
            self._head.append(text)
            self._head_size += size
            self._on_line(text)
            return
        self._tail.append(text)
        self._tail_size += size
        while self._tail_size > TAIL_CHARACTERS:
            dropped = len(self._tail.popleft()) + 1
            self._tail_size -= dropped
            self._left_out += dropped
