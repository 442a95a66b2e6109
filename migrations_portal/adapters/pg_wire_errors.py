"""What may be told of a PostgreSQL error: everything but row values (S10).

The rules, by field of the ErrorResponse:

- DETAIL, CONTEXT and the internal query go: `Failing row contains (...)`, `Key (ssn)=(...)`.
- Severity, SQLSTATE, schema, table, column, type, constraint, position and source place stay.
- The message stays whole where PostgreSQL puts only names into it; what stands in quotes or after
  the colon goes where it repeats input (class 22, syntax errors); the whole text goes where a
  person wrote it (RAISE in PL/pgSQL, whatever SQLSTATE it borrows) or where we cannot tell.
- The hint stays under the same rule as the message.

Source of the classes: PostgreSQL documentation, appendix A.
"""

import re
from collections.abc import Mapping

HIDDEN = "[value removed]"
HIDDEN_TEXT = (
    "[text removed: it may carry row values; the SQLSTATE and the names beside it are true]"
)

_KEPT_FIELDS = frozenset("SVCMHPstcdnFLR")

_NAMES_ONLY = frozenset(
    [
        "00",
        "01",
        "02",
        "03",
        "08",
        "09",
        "0A",
        "0B",
        "0F",
        "0L",
        "0P",
        "0Z",
        "20",
        "21",
        "23",
        "24",
        "25",
        "26",
        "27",
        "28",
        "2B",
        "2D",
        "2F",
        "34",
        "3B",
        "3D",
        "3F",
        "40",
        "42",
        "44",
        "53",
        "54",
        "55",
        "57",
        "58",
        "F0",
    ]
)
"""Classes whose own messages name objects, settings and conditions, never data."""

_REPEATS_INPUT = frozenset({"22", "72", "XX"})
"""Classes whose own messages repeat what was put in: `invalid input syntax for type integer: "…"`."""

_SYNTAX_ERRORS = frozenset({"42601", "42602", "42622", "42846"})
"""Inside class 42, these quote a piece of the statement: `syntax error at or near "O'Brien"`."""

_WRITTEN_BY_PEOPLE = frozenset({"exec_stmt_raise", "exec_stmt_assert", "raise_error"})
"""Source routines of PL/pgSQL's RAISE and ASSERT, whose text is the author's and may hold anything."""

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|«[^»]*»|»[^«]*«|„[^“]*“|“[^”]*”|‘[^’]*’")
_AFTER_COLON = re.compile(r"(: ).*", re.DOTALL)


def without_values(error: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of an error that may be shown, in their order; the message is always among them."""
    kept = {letter: text for letter, text in error.items() if letter in _KEPT_FIELDS}
    for letter in ("M", "H"):
        if letter in kept:
            kept[letter] = _text(kept[letter], error)
    kept.setdefault("M", HIDDEN_TEXT)
    return kept


def _text(text: str, error: Mapping[str, str]) -> str:
    sqlstate = error.get("C", "")
    if error.get("R", "") in _WRITTEN_BY_PEOPLE:
        return HIDDEN_TEXT
    if sqlstate in _SYNTAX_ERRORS or sqlstate[:2] in _REPEATS_INPUT:
        return _QUOTED.sub(HIDDEN, _AFTER_COLON.sub(rf"\1{HIDDEN}", text))
    if sqlstate[:2] in _NAMES_ONLY:
        return text
    return HIDDEN_TEXT
