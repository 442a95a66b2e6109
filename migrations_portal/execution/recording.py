"""From what the socket door saw to the script that a file really is."""

import re
from dataclasses import dataclass

from migrations_portal.execution.ports import ChildResult, SentStatement

_TRANSACTION = re.compile(
    r"(BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE)\b", re.IGNORECASE
)
_SESSION_SETUP = re.compile(
    r"SET\s+(client_min_messages|standard_conforming_strings|TIME\s+ZONE)\b", re.IGNORECASE
)
"""What Sequelize sends when it opens a connection. Any other SET is the file's own."""
_READING = re.compile(r"(SELECT|WITH|SHOW|TABLE|VALUES)\b", re.IGNORECASE)
_WRITING = re.compile(r"\b(INSERT|DELETE|MERGE|INTO|(?<!FOR )(?<!KEY )UPDATE)\b", re.IGNORECASE)
_CATALOGUE = re.compile(
    r"\b(information_schema|pg_[a-z_]+)\b|\b(version|current_schema)\(\)", re.IGNORECASE
)
_NO_TABLE = re.compile(r"\bFROM\b", re.IGNORECASE)
_OUTSIDE_TRANSACTIONS = re.compile(r"\bCONCURRENTLY\b|^VACUUM\b|^CALL\b", re.IGNORECASE)


@dataclass(frozen=True)
class RecordedScript:
    """The statements of a file in the order in which they were sent, without the tool's own."""

    statements: tuple[str, ...]
    one_transaction: bool
    """Whether a failure of any of them would have undone all of them."""


HISTORY_TABLES = ("SequelizeMeta", "wco_schema_history", "alembic_version")
"""Where the tools keep what they applied."""


def recorded_sql(result: ChildResult) -> RecordedScript:
    """Return the script that a call really ran, for the assessment of risk."""
    own = own_statements(result)
    return RecordedScript(
        statements=tuple(sent.sql for sent in own), one_transaction=_one_transaction(own)
    )


def own_statements(
    result: ChildResult, *, slow_seconds: float | None = None
) -> list[SentStatement]:
    """Return the statements of the file, without what the tool sent for itself.

    A look into the catalogue that took `slow_seconds` is taken for the file's own: tools ask quick questions only.
    """
    return [
        sent
        for sent in result.statements
        if not _bookkeeping(sent.sql) or (slow_seconds is not None and sent.seconds >= slow_seconds)
    ]


def _bookkeeping(sql: str) -> bool:
    """Say whether the tool sent this for itself: transactions, session set-up, looks into catalogue and history."""
    text = sql.strip()
    if _TRANSACTION.match(text) or _SESSION_SETUP.match(text):
        return True
    quoted = f"({'|'.join(map(re.escape, HISTORY_TABLES))})"
    if re.search(
        rf"\b(INTO|FROM|TABLE|EXISTS|UPDATE)\s+(\"?\w+\"?\.)?\"?{quoted}\"?(\s|\(|;|$)", text
    ):
        return True
    if not _READING.match(text) or _WRITING.search(text):
        return False
    asks_catalogue = _CATALOGUE.search(text) is not None
    return asks_catalogue or text.upper().startswith("SHOW") or _is_ping(text)


def _is_ping(text: str) -> bool:
    """Say whether it is `SELECT 1+1 AS result`, with which Sequelize tries a connection."""
    return not _NO_TABLE.search(text) and text.endswith("AS result") and "(" not in text


def _one_transaction(own: list[SentStatement]) -> bool:
    if any(_OUTSIDE_TRANSACTIONS.search(sent.sql) for sent in own):
        return False
    if len(own) <= 1:
        return True
    first = own[0]
    return first.transaction != 0 and all(
        (sent.transaction, sent.session) == (first.transaction, first.session) for sent in own
    )


def rolled_back_whole(result: ChildResult) -> bool:
    """Say whether a failed file ran in one transaction, of which nothing is left: only such a one may be tried again.

    A file of which not every statement was kept is not proven.
    """
    own = own_statements(result)
    nothing_left = not (result.committed_writes or result.outcome_unknown)
    return nothing_left and not result.statements_left_out and _one_transaction(own)


MOST_TIMED = 500
"""Statements of one file whose seconds are kept."""


def timed(result: ChildResult) -> list[dict[str, str | float]]:
    """Return command and seconds of the file's own statements in their order, to be held against what was predicted.

    `held`: from its begin to the end of its transaction; for so long, at most, others waited for its locks.
    """
    own = [sent for sent in result.statements if not _bookkeeping(sent.sql)]
    ends: dict[tuple[int, int], float] = {}
    for sent in result.statements:
        if sent.transaction:
            ends[sent.session, sent.transaction] = sent.started_at + sent.seconds
    return [
        {
            "command": command(sent.sql),
            "seconds": round(sent.seconds, 3),
            "held": round(
                ends.get((sent.session, sent.transaction), sent.started_at + sent.seconds)
                - sent.started_at,
                3,
            ),
        }
        for sent in own[:MOST_TIMED]
        if not sent.sqlstate
    ]


def command(sql: str) -> str:
    """Return the words that say what kind of statement it is: "ALTER TABLE", "UPDATE"; never a value."""
    words = re.findall(r"[A-Za-z]+", sql.strip())[:2]
    two = len(words) > 1 and words[0].upper() in {"ALTER", "CREATE", "DROP", "COMMENT", "REFRESH"}
    return " ".join(words[: 2 if two else 1]).upper()
