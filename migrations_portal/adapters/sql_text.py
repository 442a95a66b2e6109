"""Reading a statement's outside with PostgreSQL's own scanner: its pieces, its verb, its literals, what it touches.

Does not judge risk; it only tells a write from a read and hides values (S10).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import postgast

from migrations_portal.execution.function_calls import UNREADABLE, unproven_calls
from migrations_portal.execution.row_changes import TableWrite, writes_of
from migrations_portal.risk.shapes import (
    CARRIES_DATA,
    COMMENTS,
    CUT_FROM,
    LITERALS,
    VALUE,
    token_names,
)

LONGEST_TEXT = CUT_FROM
"""Characters of a statement that are kept."""

_READS = frozenset(
    [
        "SELECT",
        "WITH",
        "VALUES",
        "TABLE",
        "SHOW",
        "SET",
        "RESET",
        "BEGIN",
        "START",
        "COMMIT",
        "END",
        "ROLLBACK",
        "ABORT",
        "SAVEPOINT",
        "RELEASE",
        "LOCK",
        "FETCH",
        "MOVE",
        "DECLARE",
        "CLOSE",
        "EXPLAIN",
        "PREPARE",
        "DEALLOCATE",
        "DISCARD",
        "LISTEN",
        "UNLISTEN",
        "CHECKPOINT",
        "LOAD",
        "ANALYZE",
        "VACUUM",
    ]
)
_WRITES_INSIDE = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "INTO"})
_MAY_CHANGE_ROWS = frozenset(
    [
        "INSERT",
        "DELETE",
        "MERGE",
        "COPY",
        "WITH",
        "TRUNCATE",
        "DO",
        "CALL",
        "EXECUTE",
        "EXPLAIN",
        "UPDATE",
    ]
)
"""Verbs of statements that are worth parsing for the tables whose number of rows they change."""
_OUTLIVES_ROLLBACK = frozenset({"SETVAL", "DBLINK_EXEC", "DBLINK", "PG_LOGICAL_EMIT_MESSAGE"})
"""Functions whose effect stays when their transaction is rolled back."""
_COUNTED = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
_MAY_CALL = _COUNTED | {"SELECT", "VALUES", "WITH", "EXPLAIN", "DECLARE"}
"""Verbs of statements whose function calls decide whether they write: reads, and changes that met no row."""
_SELF_COMMITTING = frozenset({"VACUUM", "REINDEX", "CLUSTER", "CALL"})


_CHANGES_TABLE = frozenset(
    {"ADD", "ALTER", "DROP", "SET", "RENAME", "ATTACH", "DETACH", "VALIDATE"}
)


@dataclass(frozen=True)
class Token:
    """One word of a statement: the scanner's name for it and its text."""

    name: str
    text: str


_Placed = tuple[int, int, Token]
"""A token with the bytes where it begins and ends."""


@dataclass(frozen=True)
class Statement:
    """One statement as it may be kept: its text (literals of data hidden unless asked for) and its words."""

    text: str
    words: tuple[str, ...]
    """Keywords and names in order, upper case unless quoted; literals and comments are left out."""
    row_writes: tuple[TableWrite, ...] = ()
    """The tables whose number of rows it may change."""
    calls: frozenset[str] = frozenset()
    """The functions it calls that are not proven to leave the database as it is."""

    @property
    def verb(self) -> str:
        """The first keyword; empty for an empty statement."""
        return self.words[0] if self.words else ""

    @property
    def undoes_to_savepoint(self) -> bool:
        """Whether it is ROLLBACK TO [SAVEPOINT] name."""
        return self.verb in {"ROLLBACK", "ABORT"} and "TO" in self.words

    @property
    def commits_inside(self) -> bool:
        """Whether it may commit a part of its work before it ends, or leaves something behind when it fails."""
        return (
            "CONCURRENTLY" in self.words
            or self.verb in _SELF_COMMITTING
            or (self.verb == "DO" and "COMMIT" in self.words)
        )

    @property
    def waits_aside(self) -> bool:
        """Whether it waits for old transactions without keeping anybody from rows: only maintenance waits behind it."""
        if self.verb == "ALTER":
            *before, validate, constraint, _ = ("", "", *self.words)
            alone = _CHANGES_TABLE.isdisjoint(before[3:])
            return alone and (validate, constraint) == ("VALIDATE", "CONSTRAINT")
        return "CONCURRENTLY" in self.words and (
            self.verb == "REINDEX"
            or (self.verb in {"CREATE", "DROP"} and "INDEX" in self.words[1:3])
        )

    @property
    def outlives_rollback(self) -> bool:
        """Whether it does something that a rollback does not take back: a sequence set, a word to another server."""
        if self.verb == "COPY":
            return "PROGRAM" in self.words
        return self.executes and not _OUTLIVES_ROLLBACK.isdisjoint(self.words)

    @property
    def executes(self) -> bool:
        """Whether it is carried out, and not only prepared or explained."""
        return self.verb != "PREPARE" and (self.verb != "EXPLAIN" or "ANALYZE" in self.words)

    def writes(self, *, tag: str) -> bool:
        """Say whether it changed something, by its words and the server's command tag; unsure counts as yes.

        A call of a function counts as a change unless the function is proven to read only.
        """
        if self.outlives_rollback or (self.calls and self.executes):
            return True
        done, _, count = tag.partition(" ")
        if done in _COUNTED and count.rsplit(" ", 1)[-1] == "0":
            return False
        if self.verb in _READS:
            return (done in _COUNTED and done != "COPY") or self._writes_inside()
        if self.verb == "COPY":
            return "FROM" in self.words and "STDOUT" not in self.words
        return bool(self.words)

    def _writes_inside(self) -> bool:
        if self.verb not in {"SELECT", "WITH", "EXPLAIN"}:
            return False
        for before, word in zip(("", *self.words), self.words, strict=False):
            if word in _WRITES_INSIDE and before not in {"FOR", "KEY"}:
                return True
        return False

    def about(self, table: str) -> bool:
        """Say whether its first named object is `table`: how a tool's bookkeeping is told from the rest."""
        names = [word for word in self.words[1:] if word not in _BETWEEN_VERB_AND_TABLE]
        return any(name in {f'"{table}"', table.upper()} for name in names[:2])


_BETWEEN_VERB_AND_TABLE = frozenset(["INTO", "FROM", "TABLE", "IF", "NOT", "EXISTS", "ONLY"])


def statements(sql: str, *, keep_values: bool = False) -> tuple[Statement, ...]:
    """Read the statements of a Query message; a text that cannot be read becomes one, its literals hidden."""
    try:
        pieces = _cut(sql)
    except postgast.PgQueryError:
        return (_unreadable(sql, keep_values=keep_values),)
    raw = sql.encode()
    return tuple(_statement(raw, piece, keep_values=keep_values) for piece in pieces)


def whole_statements(sql: str) -> tuple[str, ...]:
    """Cut a script into its statements, unchanged; a text that cannot be read stays one."""
    try:
        pieces = _cut(sql)
    except postgast.PgQueryError:
        return (sql,)
    raw = sql.encode()
    return tuple(raw[piece[0][0] : piece[-1][1]].decode() for piece in pieces)


def _cut(sql: str) -> list[list[_Placed]]:
    pieces: list[list[_Placed]] = [[]]
    depth = 0
    for start, end, token in _scanned(sql):
        depth += _step(token, pieces[-1])
        if token.text == ";" and depth <= 0:
            pieces.append([])
        elif token.name not in COMMENTS:
            pieces[-1].append((start, end, token))
    return [piece for piece in pieces if piece]


def _step(token: Token, piece: Sequence[_Placed]) -> int:
    """Say how much deeper the token leads: brackets, and the BEGIN ATOMIC … END of SQL functions."""
    if token.text == "(":
        return 1
    if token.text == ")":
        return -1
    if token.name == "ATOMIC" or (token.name == "CASE" and _in_atomic(piece)):
        return 1
    return -1 if token.name == "END_P" and _in_atomic(piece) else 0


def _in_atomic(piece: Sequence[_Placed]) -> bool:
    return any(token.name == "ATOMIC" for _, _, token in piece)


def _scanned(sql: str) -> list[_Placed]:
    raw = sql.encode()
    names = token_names()
    return [
        (
            found.start,
            found.end,
            Token(names.get(found.token, ""), raw[found.start : found.end].decode()),
        )
        for found in postgast.scan(sql).tokens
    ]


def _statement(raw: bytes, piece: Sequence[_Placed], *, keep_values: bool) -> Statement:
    words = tuple(_word(token) for _, _, token in piece if token.name not in LITERALS)
    verb = next((word for word in words if word.isalpha()), "")
    hide = verb in CARRIES_DATA and not keep_values
    parts: list[bytes] = []
    at = piece[0][0]
    for start, end, token in piece:
        if hide and token.name in LITERALS:
            parts += [raw[at:start], VALUE.encode()]
            at = end
    parts.append(raw[at : piece[-1][1]])
    names = tuple(word for word in words if word[0].isalpha() or word[0] in '_"')
    inside = _words_of_body(piece) if verb == "DO" else ()
    whole = raw[piece[0][0] : piece[-1][1]].decode()
    writes = writes_of(whole) if verb in _MAY_CHANGE_ROWS else ()
    may_call = verb in _MAY_CALL and "(" in whole
    calls = unproven_calls(whole) if may_call else frozenset()
    return Statement(b"".join(parts).decode()[:LONGEST_TEXT], names + inside, writes, calls)


def _word(token: Token) -> str:
    return token.text if token.text.startswith('"') else token.text.upper()


def _words_of_body(piece: Sequence[_Placed]) -> tuple[str, ...]:
    bodies = (token.text for _, _, token in piece if token.name == "SCONST")
    return tuple(word.upper() for body in bodies for word in re.findall(r"[A-Za-z_]+", body))


def _unreadable(sql: str, *, keep_values: bool) -> Statement:
    """Keep the words before the first quote or digit of a text that PostgreSQL's scanner refuses."""
    head = re.split(r"['\"$0-9(]", sql, maxsplit=1)[0]
    words = tuple(word.upper() for word in re.findall(r"[A-Za-z_]+", head))
    shown = sql if keep_values else f"{head}{VALUE}"
    return Statement(shown[:LONGEST_TEXT], words, calls=frozenset({UNREADABLE}))
