"""What a statement that stands outside transactions leaves behind when it fails: invalid indexes, found, named and taken away.

Taken away is only an index that is proven to be this run's own: named by its own failed CREATE INDEX CONCURRENTLY, on its
table, not there before the file, and nobody at work on it. Anything else is said, with what to do.
"""

import re
from dataclasses import dataclass

from migrations_portal.execution.indexes import NewIndex, index_of
from migrations_portal.execution.ports import ChildResult
from migrations_portal.execution.recorder import StepRecord
from migrations_portal.execution.rules import PATIENT_LOCK_TIMEOUT_MS, Outcome
from migrations_portal.kernel.errors import ProductError
from migrations_portal.runbooks.tools import RunContext

INVALID = """
SELECT i.indexrelid::bigint AS id, n.nspname AS schema, t.relname AS table, x.relname AS name,
       quote_ident(xn.nspname) || '.' || quote_ident(x.relname) AS quoted,
       EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) AS busy
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_namespace xn ON xn.oid = x.relnamespace
 WHERE NOT i.indisvalid AND x.relkind = 'i' ORDER BY 1
"""


_INDEX = re.compile(
    r"\s*((CREATE(\s+UNIQUE)?|DROP)\s+INDEX|REINDEX)\b.*\bCONCURRENTLY\b", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class InvalidIndex:
    """An index that no query uses, while every change of its table still pays for it."""

    id: int
    schema: str
    table: str
    name: str
    quoted: str
    """Schema and name as SQL."""
    busy: bool
    """Whether somebody builds it now."""

    def is_by(self, made: NewIndex) -> bool:
        """Say whether a CREATE INDEX names this index on its table."""
        return (
            made.name == self.name
            and made.table == self.table
            and made.schema in {"", self.schema}
            and not self.busy
        )


@dataclass(frozen=True)
class Left:
    """What stayed of a failed file."""

    outcome: Outcome
    sentence: str = ""
    """What is left and what to do, for people; empty when nothing is."""


def invalid_indexes(context: RunContext) -> tuple[InvalidIndex, ...]:
    """Return the target's invalid indexes. Raises `TargetUnreachable`, `QueryFailed`."""
    with context.tools.server.session(
        context.endpoint, application_name=context.application_name
    ) as session:
        return tuple(InvalidIndex(**row) for row in session.rows(INVALID))


def settle(
    context: RunContext,
    step: StepRecord,
    *,
    result: ChildResult,
    before: tuple[InvalidIndex, ...],
    moved: bool,
) -> Left:
    """Say what a file left of which only a CONCURRENTLY that failed may stay; drop what is ours alone.

    `moved`: whether the schema differs from before, which holds valid indexes only. Raises `TargetUnreachable`, `QueryFailed`.
    """
    known = {each.id for each in before}
    gained = [each for each in invalid_indexes(context) if each.id not in known]
    if not gained:
        return Left(Outcome.PARTIAL if moved else Outcome.NOTHING_CHANGED)
    made = index_of(result.committed_writes[0])
    if len(gained) == 1 and made is not None and gained[0].is_by(made) and not moved:
        try:
            _drop(context, gained[0])
        except ProductError as failure:
            return Left(Outcome.PARTIAL, f"{failure.sentence} {_what_to_do(gained)}")
        step.say(f"The invalid index {gained[0].quoted} that the failed attempt left is dropped")
        return Left(Outcome.NOTHING_CHANGED)
    return Left(Outcome.PARTIAL, _what_to_do(gained))


def only_an_index_failed(result: ChildResult) -> bool:
    """Say whether all that counts as committed is one failed CREATE, DROP or REINDEX INDEX CONCURRENTLY."""
    refused = [sent.sql for sent in result.statements if sent.sqlstate]
    return (
        len(result.committed_writes) == 1
        and result.committed_writes[0] in refused
        and _INDEX.match(result.committed_writes[0]) is not None
        and not result.outcome_unknown
    )


def _drop(context: RunContext, index: InvalidIndex) -> None:
    context.recorder.check()
    with context.tools.server.session(
        context.endpoint, application_name=context.application_name, statement_timeout_ms=0
    ) as session:
        session.rows(f"SET lock_timeout = {PATIENT_LOCK_TIMEOUT_MS}")
        session.rows(f"DROP INDEX CONCURRENTLY IF EXISTS {index.quoted}")


def _what_to_do(left: list[InvalidIndex]) -> str:
    names = ", ".join(f"{each.quoted} on {each.schema}.{each.table}" for each in left)
    drops = " ".join(f"DROP INDEX CONCURRENTLY {each.quoted};" for each in left)
    return (
        f"Left invalid: {names}; no query uses it, every change of the table pays for it. Nothing else was changed. "
        f"When no old transaction is in the way: {drops} Then submit the change again."
    )
