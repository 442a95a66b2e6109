"""Writes log lines without what opens something: a token in an address never reaches a log (A3)."""

import logging
import re

MASK = "[token]"
_SLASH = r"(?:/|%2[fF])"
_PIECE = r"[^/\s?#&%\"'<>]+"
_SECRET_PATHS = re.compile(
    f"(?P<before>{_SLASH}s{_SLASH}"
    f"|{_SLASH}password{_SLASH}{_PIECE}{_SLASH}"
    f"|{_SLASH}calendar{_SLASH}feed{_SLASH})"
    f"(?P<token>{_PIECE})"
)
"""The addresses of `web.urls` that hold a token, wherever they stand: in a path, in a query or in the text of an error."""
_NO_TOKENS = {"choose", "revoke"}
"""Words of ours that stand where a token may stand."""


def masked(text: str) -> str:
    """Return the text with each token replaced by a mark; everything else stays, so that the line still tells what was asked."""
    return _SECRET_PATHS.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    if found["token"] in _NO_TOKENS:
        return found[0]
    ending = ".ics" if found["token"].endswith(".ics") else ""
    return f"{found['before']}{MASK}{ending}"


class LineFormatter(logging.Formatter):
    """Formats a record, its traceback too, and masks the whole. Does not look at what is in the record otherwise."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line as it may be kept."""
        return masked(super().format(record))
