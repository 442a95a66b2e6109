"""What one session of the child did: each statement with its outcome, and what of it was really committed.

Pure: fed with the messages that pass through the door, in order. Keeps no bound values and no rows.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from migrations_portal.adapters.pg_wire import cut_at_zero, fields
from migrations_portal.adapters.sql_text import Statement, statements
from migrations_portal.execution.ports import SentStatement
from migrations_portal.execution.row_changes import RowChange, RowTally

READ_FROM_CHILD = frozenset({b"Q", b"P", b"B", b"E", b"S", b"F", b"X"})
READ_FROM_SERVER = frozenset({b"C", b"I", b"s", b"E", b"N", b"Z", b"1", b"2", b"V"})

_MOST_NAMES = 1_000
"""Prepared statements and portals whose text is remembered, per session."""

NOTHING = Statement("", ())
FUNCTION_CALL = Statement("a function, called by its number", ("CALL",))
"""The protocol's own call of a function, as clients use it for large objects."""


@dataclass
class _Asked:
    """One thing that the child asked for and the server has not answered yet."""

    kind: bytes
    at: float
    waiting: deque[Statement] = field(default_factory=deque)
    together: bool = False
    """Whether it is several statements in one message, which share an implicit transaction."""

    def next(self) -> Statement:
        """Return the statement that the next answer belongs to; the last one serves when the text was cut."""
        if len(self.waiting) > 1:
            return self.waiting.popleft()
        return self.waiting[0] if self.waiting else NOTHING


_BEGINNINGS = frozenset({"BEGIN", "START", "SET", "SHOW"})
_LIMITS = frozenset({"LOCK_TIMEOUT", "SET_CONFIG", "RESET", "DISCARD"})
"""Words of statements that may set a session's limits."""


class Outcome:
    """Which writes of a session are committed. Follows transaction blocks, implicit transactions and savepoints."""

    def __init__(self, *, bookkeeping: str) -> None:
        """Take the name of the tool's history table, whose changes do not count."""
        self._bookkeeping = bookkeeping
        self._pending: list[str] = []
        self._pending_rows: list[RowChange] = []
        self._savepoints: list[tuple[str, int, int]] = []
        self.committed: list[str] = []
        self.rows_committed = RowTally()
        self.rows_tried = RowTally()
        """With what was rolled back: the server's own counters of deleted rows count that too."""
        self.unknown = False
        self.block = False
        self.refused = False
        """Whether the open transaction can only be rolled back."""
        self.touched = False
        """Whether the open transaction has done more than begin and read, so that it may hold locks that keep others out."""
        self.own_limits = False
        """Whether the session may have set its limits itself."""

    def done(self, statement: Statement, *, tag: str) -> None:
        """Take note of a statement that succeeded."""
        reads = statement.verb == "SELECT" and not (
            statement.writes(tag=tag) or "FOR" in statement.words
        )
        self.touched = self.touched or not (reads or statement.verb in _BEGINNINGS)
        self.own_limits = self.own_limits or not _LIMITS.isdisjoint(statement.words)
        if tag == "COMMIT":
            self._commit()
            self.block = "CHAIN" in statement.words and "NO" not in statement.words
        elif tag in {"BEGIN", "START TRANSACTION"}:
            self.block = True
        elif tag == "SAVEPOINT":
            sizes = len(self._pending), len(self._pending_rows)
            self._savepoints.append((statement.words[-1], *sizes))
        elif tag == "ROLLBACK":
            self._roll_back(statement)
        elif tag == "PREPARE TRANSACTION":
            self.unknown = self.unknown or bool(self._pending)
            self._forget()
        elif self._changes(statement, tag=tag):
            kept = self.committed if statement.outlives_rollback else self._pending
            kept.append(statement.text)
            changes = [each.counted(tag) for each in statement.row_writes]
            self._pending_rows += changes
            self.rows_tried.add(changes)

    def failed(self, statement: Statement) -> None:
        """Take note of a statement that the server refused; outside a block it takes its companions with it."""
        self.unknown = self.unknown or statement.outlives_rollback
        if self.block:
            return
        self._forget()
        if not statement.commits_inside:
            return
        if "CONCURRENTLY" in statement.words or statement.verb in {"VACUUM", "REINDEX", "CLUSTER"}:
            self.committed.append(statement.text)  # e.g. an invalid index stays behind
        else:
            self.unknown = True

    def ready(self, status: bytes) -> None:
        """Take note of the server's transaction status: I(dle), in a T(ransaction), in a failed (E) one."""
        self.block = status != b"I"
        self.refused = status == b"E"
        if not self.block:
            self.touched = False
            self._commit()

    def lost(self, *, asked: list[Statement], owing: bool) -> None:
        """Take note that the connection ended; `owing`: with questions unanswered, `asked` among them."""
        ends_block = any(statement.verb in {"COMMIT", "END"} for statement in asked)
        if owing and (ends_block or not self.block):
            writes = any(self._changes(each, tag="") for each in asked)
            self.unknown = self.unknown or bool(self._pending) or writes
        self.unknown = self.unknown or any(each.outlives_rollback for each in asked)
        self._forget()

    def _changes(self, statement: Statement, *, tag: str) -> bool:
        """Say whether it changed more than the tool's own bookkeeping."""
        own = bool(statement.calls) or not statement.about(self._bookkeeping)
        return own and statement.writes(tag=tag)

    def _commit(self) -> None:
        self.committed += self._pending
        self.rows_committed.add(self._pending_rows)
        self._forget()

    def _roll_back(self, statement: Statement) -> None:
        if not statement.undoes_to_savepoint:
            self._forget()
            self.block = "CHAIN" in statement.words and "NO" not in statement.words
            return
        for depth in range(len(self._savepoints) - 1, -1, -1):
            name, size, rows = self._savepoints[depth]
            if name == statement.words[-1]:
                del self._pending[size:]
                del self._pending_rows[rows:]
                del self._savepoints[depth + 1 :]
                return

    def _forget(self) -> None:
        self._pending = []
        self._pending_rows = []
        self._savepoints = []


class SessionRecord:
    """Follows one session's questions and answers."""

    def __init__(
        self,
        *,
        number: int,
        clock: Callable[[], float],
        on_statement: Callable[[SentStatement], None],
        bookkeeping: str,
        keep_values: bool,
        next_transaction: Callable[[], int],
    ) -> None:
        """Take the session's number and where its statements are told, in the order of their answers."""
        self._number = number
        self._clock = clock
        self._tell = on_statement
        self._keep_values = keep_values
        self._next_transaction = next_transaction
        self._transaction = 0
        self._asked: deque[_Asked] = deque()
        self._prepared: dict[str, Statement] = {}
        self._portals: dict[str, Statement] = {}
        self._previous_answer = 0.0
        self.outcome = Outcome(bookkeeping=bookkeeping)
        self.last_error = (0.0, "")
        self.answered_all = asyncio.Event()
        """Set while the server owes nothing."""
        self.answered_all.set()

    @property
    def busy(self) -> bool:
        """Whether the server still owes an answer."""
        return bool(self._asked)

    def would_wait_aside(self, head: bytes) -> bool:
        """Say whether a Query message is one statement that waits without queueing anybody."""
        asked = self._statements(head.removesuffix(b"\0"))
        return len(asked) == 1 and asked[0].waits_aside

    def sent(self, kind: bytes, head: bytes) -> None:
        """Take note of a message from the child, before it is passed on."""
        if kind == b"Q":
            self._ask(kind, *self._statements(head.removesuffix(b"\0")))
        elif kind == b"P":
            (name, sql), _ = cut_at_zero(head, 2)
            statement = (*self._statements(sql.encode()), NOTHING)[0]
            _remember(self._prepared, name, statement)
            self._ask(kind, statement)
        elif kind == b"B":
            (portal, name), _ = cut_at_zero(head, 2)
            statement = self._prepared.get(name, NOTHING)
            _remember(self._portals, portal, statement)
            self._ask(kind, statement)
        elif kind == b"E":
            (portal,), _ = cut_at_zero(head, 1)
            self._ask(kind, self._portals.get(portal, NOTHING))
        elif kind == b"F":
            self._ask(kind, FUNCTION_CALL)
        elif kind == b"S":
            self._ask(kind)

    def answered(self, kind: bytes, head: bytes) -> None:
        """Take note of a message from the server, before it is passed on."""
        if kind == b"C":
            self._completed(head.rstrip(b"\0").decode("utf-8", "replace"))
        elif kind == b"V":
            self._completed("")
        elif kind == b"E":
            self._refused(fields(head).get("C", ""))
        elif kind == b"Z":
            self._ready(head[:1])
        elif kind in {b"I", b"s"}:
            self._drop(b"E")
        elif kind in {b"1", b"2"}:
            self._drop(b"P" if kind == b"1" else b"B")
        if not self._asked:
            self.answered_all.set()

    def lost(self) -> None:
        """Take note that the connection to the server is gone."""
        asked = [
            statement
            for question in self._asked
            if question.kind in {b"Q", b"E", b"F"}
            for statement in question.waiting
        ]
        self.outcome.lost(asked=asked, owing=self.busy)
        if asked:
            self._report(asked[0], self._asked[0], tag="", sqlstate="08006")
            self.last_error = (self._clock(), "08006")
        self._asked.clear()

    def _statements(self, raw: bytes) -> tuple[Statement, ...]:
        return statements(raw.decode("utf-8", "replace"), keep_values=self._keep_values)

    def _ask(self, kind: bytes, *asked: Statement) -> None:
        self.answered_all.clear()
        self._asked.append(_Asked(kind, self._clock(), deque(asked), len(asked) > 1))

    def _completed(self, tag: str) -> None:
        if not self._asked:
            return
        question = self._asked[0]
        statement = question.next()
        self.outcome.done(statement, tag=tag)
        self._report(statement, question, tag=tag, sqlstate="")
        self._drop(b"E")

    def _refused(self, sqlstate: str) -> None:
        self.last_error = (self._clock(), sqlstate)
        if not self._asked:
            return
        question = self._asked[0]
        statement = question.next()
        self.outcome.failed(statement)
        self._report(statement, question, tag="", sqlstate=sqlstate)
        if question.kind not in {b"Q", b"F"}:
            while self._asked and self._asked[0].kind != b"S":
                self._asked.popleft()

    def _ready(self, status: bytes) -> None:
        self.outcome.ready(status)
        if not self.outcome.block:
            self._transaction = 0
        while self._asked and self._asked.popleft().kind not in {b"Q", b"S", b"F"}:
            pass

    def _drop(self, kind: bytes) -> None:
        if self._asked and self._asked[0].kind == kind:
            self._asked.popleft()

    def _report(self, statement: Statement, question: _Asked, *, tag: str, sqlstate: str) -> None:
        now = self._clock()
        started = max(question.at, self._previous_answer)
        self._previous_answer = now
        block = self.outcome.block
        if (block or question.together) and not self._transaction:
            self._transaction = self._next_transaction()
        if statement is not NOTHING:
            self._tell(
                SentStatement(
                    sql=statement.text,
                    started_at=started,
                    seconds=now - started,
                    tag=tag,
                    sqlstate=sqlstate,
                    in_transaction=block,
                    session=self._number,
                    transaction=self._transaction,
                )
            )
        if not block and not question.together:
            self._transaction = 0


def _remember(names: dict[str, Statement], name: str, statement: Statement) -> None:
    names.pop(name, None)
    names[name] = statement
    if len(names) > _MOST_NAMES:
        del names[next(iter(names))]
