"""The rehearsal itself, on a copy: status, up, verification, down, same schema?, up again, nothing left to do."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from migrations_portal.backups.services.counting import exact_counts
from migrations_portal.execution.ports import (
    Bundle,
    ChildResult,
    DriverFailed,
    SessionLimits,
)
from migrations_portal.execution.recording import HISTORY_TABLES, own_statements, recorded_sql
from migrations_portal.execution.row_changes import RowTally
from migrations_portal.execution.rules import PATIENT_STATEMENT_TIMEOUT_MS, STATEMENT_TIMEOUT_MS
from migrations_portal.kernel.errors import Refused
from migrations_portal.rehearsals.observed import (
    Clock,
    FileCall,
    Observed,
    SeenLock,
)
from migrations_portal.runbooks import rehearsal_facts as facts
from migrations_portal.runbooks.lock_watch import locks_watched
from migrations_portal.runbooks.rehearsal_seen import Aligned, Seen, State, measured
from migrations_portal.runbooks.tools import Tools
from migrations_portal.targets.ports import Endpoint, TargetSession
from migrations_portal.verification import catalogue
from migrations_portal.verification.row_counts import RowsExpected
from migrations_portal.verification.rules import Baseline, PlanCheck

NAME = "wcops-rehearsal"
LIMITS = SessionLimits(
    application_name=NAME,
    lock_timeout_ms=5_000,
    statement_timeout_ms=STATEMENT_TIMEOUT_MS,
    patient_lock_timeout_ms=5_000,
    patient_statement_timeout_ms=PATIENT_STATEMENT_TIMEOUT_MS,
    idle_in_transaction_ms=60_000,
    linger_ms=6,
)
SLOW_SECONDS = 0.2


class AlreadyApplied(Refused):
    """A file of the plan is in the target's history already, so there is nothing to rehearse."""

    code = "already-applied"


class Rehearser:
    """Goes through the phases on one copy. Does not judge: `rehearsals.verdict` does."""

    def __init__(
        self,
        *,
        bundle: Bundle,
        copy: Endpoint,
        tools: Tools,
        affected: Collection[str],
        checks: Sequence[PlanCheck],
        say: Callable[[str], None],
    ) -> None:
        """Take the files, the copy, the tables that the files touch (all of them when empty) and the plan's own checks."""
        self._bundle, self._copy, self._tools = bundle, copy, tools
        self._affected, self._checks, self._say = tuple(affected), checks, say
        self.seen = Seen()
        self._clock = Clock()
        self._rows = RowTally()

    @property
    def _names(self) -> list[str]:
        return [each.name for each in self._bundle.files]

    def run(self) -> Observed:
        """Go through the phases as far as they lead. Raises `AlreadyApplied`, and what the tools raise."""
        with self._phase("status", "Migration status"):
            self._check_status()
        with self._session() as session:
            affected = self._affected or tuple(facts.tables(session))
            baseline = catalogue.take_baseline(session, tables=affected)
            self.seen.size_before = facts.database_size(session)
        before = self._state(affected)
        with self._phase("up", "Up"):
            went = all(self._up(name, "up") for name in self._files("up"))
        after = self._state(affected)
        self.seen.difference = facts.difference(before.schema, after.schema)
        observed = self._observed(has_rows=_any_rows(before.counts))
        if not went:
            return observed
        with self._phase("verify", "Verification"):
            self._verify(baseline, counts=before.counts, affected=affected)
        failed = tuple(
            each.sentence
            for each in self.seen.checks
            if not each.passed and each.severity == "fail"
        )
        return self._back_and_again(
            replace(observed, failed_checks=failed), before=before, after=after, affected=affected
        )

    def _back_and_again(
        self, observed: Observed, *, before: State, after: State, affected: Collection[str]
    ) -> Observed:
        """Down, compare, up again, compare, and a third time."""
        with self._phase("down", "Down"):
            undone = all(self._down(name) for name in self._files("down"))
        observed = self._observed(observed)
        if not undone:
            return observed
        with self._phase("compare", "Schema and rows as before?"):
            now = self._state(affected)
            observed = replace(
                observed,
                left_after_down=tuple(facts.difference(before.schema, now.schema)),
                counts_after_down=tuple(facts.differing(before.counts, now.counts)),
                contents_after_down=tuple(facts.other_contents(before.contents, now.contents)),
            )
        with self._phase("up-again", "Up again"):
            again = all(self._up(name, "up-again") for name in self._files("up-again"))
        observed = self._observed(observed)
        if not again:
            return observed
        with self._phase("nothing-left", "Nothing left to do?"):
            second = self._state(affected)
            different = (
                *facts.difference(after.schema, second.schema),
                *facts.differing(after.counts, second.counts),
            )
            return replace(
                observed, second_up=tuple(different), third_up_changes=self._third_time()
            )

    def _files(self, phase: str) -> Iterator[str]:
        """Yield the files in the order of the phase, and say which one it is."""
        for name in self._names if phase != "down" else reversed(self._names):
            self._say(f"{phase.replace('-', ' ').capitalize()}: {name}")
            yield name

    def _check_status(self) -> None:
        with self._session() as session:
            applied = set(self._tools.driver.history(session, self._bundle)) & set(self._names)
        if applied:
            raise AlreadyApplied(
                f"{', '.join(sorted(applied))} is in the history of the target already, so it cannot be rehearsed again. "
                "Take it out of the plan, or find out who applied it."
            )
        self._tools.driver.status(self._copy, self._bundle, limits=LIMITS)

    def _up(self, name: str, phase: str) -> bool:
        with self._session() as session:
            files_before = facts.file_nodes(session) if phase == "up" else {}
        with locks_watched(server=self._tools.server, endpoint=self._copy, watched=NAME) as watch:
            aligned = Aligned()
            result = self._tools.driver.up(
                self._copy, self._bundle, name=name, limits=LIMITS, on_statement=aligned.hear
            )
            locks = watch.stop()
        self._note(name, phase, result, wanted=True)
        if phase == "up":
            self.seen.sent[name] = recorded_sql(result)
            self._rows.add(result.rows_committed)
            self._keep_measures(name, result, aligned.moved(locks))
            with self._session() as session:
                self.seen.rewrites += facts.rewrites(
                    name, before=files_before, after=facts.file_nodes(session)
                )
                self.seen.size_after = facts.database_size(session)
        else:
            self._keep_statements(name, phase, result)
        return self.seen.calls[-1].worked

    def _down(self, name: str) -> bool:
        try:
            result = self._tools.driver.down(self._copy, self._bundle, name=name, limits=LIMITS)
        except DriverFailed as failure:  # an SQL file without a down part
            self.seen.calls.append(
                FileCall(
                    name, "down", exit_code=1, seconds=0, recorded=False, said=failure.sentence
                )
            )
            return False
        self._note(name, "down", result, wanted=False)
        self._keep_statements(name, "down", result)
        return self.seen.calls[-1].worked

    def _note(self, name: str, phase: str, result: ChildResult, *, wanted: bool) -> None:
        with self._session() as session:
            there = name in self._tools.driver.history(session, self._bundle)
        self.seen.calls.append(
            FileCall(
                name,
                phase,
                exit_code=result.exit_code,
                seconds=result.seconds,
                recorded=there is wanted,
                committed=len(result.committed_writes),
                said=facts.last_words(result.output) if result.exit_code else "",
                sqlstate=result.sqlstate if result.exit_code else "",
                timed_out=result.timed_out,
            )
        )

    def _keep_measures(self, name: str, result: ChildResult, locks: list[SeenLock]) -> None:
        own = measured(name, "up", own_statements(result, slow_seconds=SLOW_SECONDS))
        ours = [lock for lock in locks if lock.table.partition(".")[2] not in HISTORY_TABLES]
        statements, held = self._clock.lay(own, facts.within(ours, own))
        self.seen.statements += statements
        self.seen.locks += held

    def _keep_statements(self, name: str, phase: str, result: ChildResult) -> None:
        self.seen.statements += measured(
            name, phase, own_statements(result, slow_seconds=SLOW_SECONDS)
        )

    def _third_time(self) -> int:
        changes = 0
        for name in self._names:
            result = self._tools.driver.up(self._copy, self._bundle, name=name, limits=LIMITS)
            changes += len(result.committed_writes)
        return changes

    def _verify(
        self, baseline: Baseline, *, counts: Mapping[str, int], affected: Collection[str]
    ) -> None:
        with self._session() as session:
            self.seen.checks = catalogue.verify(
                session,
                baseline=baseline,
                expected=RowsExpected(
                    counts=counts,
                    changed=self._rows.changes(),
                    tried=self._rows.changes(),
                    announced=frozenset(each.table for each in self._rows.changes()),
                ),
                affected=affected,
                checks=self._checks,
            )

    def _state(self, affected: Collection[str]) -> State:
        with self._session() as session:
            return State(
                schema=self._tools.dump.schema(self._copy),
                counts=exact_counts(session),
                contents=facts.contents(session, affected),
            )

    def _observed(self, so_far: Observed | None = None, *, has_rows: bool = True) -> Observed:
        return replace(
            so_far or Observed(has_rows=has_rows),
            calls=tuple(self.seen.calls),
            statements=tuple(self.seen.statements),
            locks=tuple(self.seen.locks),
            rewrites=tuple(self.seen.rewrites),
        )

    @contextmanager
    def _session(self) -> Iterator[TargetSession]:
        with self._tools.server.session(
            self._copy, application_name=f"{NAME}-look", statement_timeout_ms=0
        ) as session:
            yield session

    @contextmanager
    def _phase(self, key: str, title: str) -> Iterator[None]:
        self._say(title)
        started = time.monotonic()
        yield
        own = sum(each.seconds for each in self.seen.statements if each.phase == key)
        self.seen.phases.append(
            {
                "key": key,
                "title": title,
                "seconds": round(
                    own if key in {"up", "down", "up-again"} else time.monotonic() - started, 3
                ),
                "wall_seconds": round(time.monotonic() - started, 3),
                "worked": all(call.worked for call in self.seen.calls if call.phase == key),
            }
        )


def _any_rows(counts: Mapping[str, int]) -> bool:
    """Say whether a table of the customer holds a row; a tool's history is carried over to an empty copy too."""
    return any(
        rows for name, rows in counts.items() if name.rpartition(".")[2] not in HISTORY_TABLES
    )
