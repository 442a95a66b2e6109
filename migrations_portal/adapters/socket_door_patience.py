"""Time for statements that wait without queueing anybody: CREATE INDEX CONCURRENTLY and VALIDATE CONSTRAINT (design section 8).

The session's `lock_timeout` and `statement_timeout` are raised before such a statement and set back before anything else passes,
by questions of the door's own that the child never sees. Left alone: a session whose file sets the limits itself, a statement
inside a transaction that has done anything before (its locks would be held all the while), and statements that come as Parse and
Bind.
"""

from collections.abc import Awaitable, Callable

from migrations_portal.adapters.pg_wire import Piece
from migrations_portal.adapters.socket_door_record import SessionRecord
from migrations_portal.execution.ports import SessionLimits

Ask = Callable[[str], Awaitable[None]]
"""Sends SQL of the door's own and returns with its answer."""
WORDS = (b"CONCURRENTLY", b"VALIDATE")


class Patience:
    """Raises and lowers one session's two limits."""

    def __init__(self, *, record: SessionRecord, ask: Ask, limits: SessionLimits) -> None:
        """Take the limits; a `patient_lock_timeout_ms` of 0 means that no statement gets more time."""
        self._record = record
        self._ask = ask
        self._short = limits.lock_timeout_ms, limits.statement_timeout_ms
        self._long = (
            limits.patient_lock_timeout_ms,
            limits.patient_statement_timeout_ms or limits.statement_timeout_ms,
        )
        self._raised = False

    async def before(self, piece: Piece) -> None:
        """Set the limit that the child's next message is to meet."""
        if self._raised and piece.kind and piece.kind != b"X":
            await self._record.answered_all.wait()
            self._raised = False
            if not self._record.outcome.refused:  # else its end sets the limit back
                await self._set(*self._short)
        if self._long[0] and piece.kind == b"Q" and self._is_patient(piece.head):
            self._raised = True
            await self._set(*self._long)

    def _is_patient(self, head: bytes) -> bool:
        text = head.upper()
        if not any(word in text for word in WORDS) or self._record.busy:
            return False
        outcome = self._record.outcome
        if outcome.own_limits or (outcome.block and outcome.touched):
            return False
        return self._record.would_wait_aside(head)

    async def _set(self, lock_ms: int, statement_ms: int) -> None:
        local = "LOCAL " if self._record.outcome.block else ""
        await self._ask(
            f"SET {local}lock_timeout = {lock_ms}; SET {local}statement_timeout = {statement_ms}"
        )
