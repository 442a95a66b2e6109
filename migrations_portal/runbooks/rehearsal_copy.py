"""The copy that a rehearsal runs on: the newest proven backup restored beside, or the schema alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from migrations_portal.backups import queries as backup_queries
from migrations_portal.backups import services as backups
from migrations_portal.backups.models import Backup
from migrations_portal.backups.rules import Progress
from migrations_portal.backups.services.proving import restore_and_compare
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.ports import Bundle
from migrations_portal.execution.rules import RunStatus
from migrations_portal.kernel.errors import Trouble
from migrations_portal.rehearsals.rules import BACKUP_LIFE, Copy
from migrations_portal.runbooks.carried import carry_over, history_of
from migrations_portal.runbooks.tools import Tools
from migrations_portal.targets.models import Target
from migrations_portal.targets.ports import Endpoint

NAME = "wcops-rehearsal"


class RunHasPriority(Trouble):
    """A run is about to use this target, so the rehearsal stepped aside. It begins again by itself."""

    code = "run-has-priority"


@dataclass
class PreparedCopy:
    """A database to rehearse on, and what is in it."""

    endpoint: Endpoint
    copy: Copy
    history_now: tuple[str, ...]
    """The history of the real target, read before the copy was made."""
    backup: Backup | None = None
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class CopyMaker:
    """Makes the copy for one rehearsal. `owner` names it ("rehearsal-3-1"); `say` shows what is done just now."""

    target: Target
    bundle: Bundle
    tools: Tools
    clock: Callable[[], datetime]
    owner: str
    say: Callable[[str], None]

    @contextmanager
    def made(self) -> Iterator[PreparedCopy]:
        """Make the copy for the block; it is dropped afterwards, whatever happens.

        A backup that lacks a migration of the real history is too old; then a new one is taken.
        """
        where = self.tools.scratch(self.target, name="wco_" + self.owner.replace("-", "_")[:59])
        self.say("Reading the target's history")
        history = self._history(self.tools.endpoint(self.target))
        # A snapshot restores to an instance, not to a database beside the staging target.
        with_rows = self.target.copies_may_hold_data and not self.target.rds_instance
        backup = self._backup() if with_rows else None
        with backups.held(
            where,
            home=self.target.drill_target or self.target,
            purpose="rehearsal",
            made_by=self.owner,
            backup=backup,
            tools=self.tools.backup,
            clock=self.clock,
        ):
            if backup is None:
                self._load_schema(where, history=history)
                yield PreparedCopy(where, Copy.SCHEMA, history)
                return
            backup = self._restore(backup, where, history=history)
            yield PreparedCopy(where, Copy.BACKUP, history, backup, dict(backup.counts))

    def _history(self, endpoint: Endpoint) -> tuple[str, ...]:
        return history_of(endpoint, self.bundle, tools=self.tools, application_name=NAME)

    def _backup(self) -> Backup:
        """Return the newest proven backup that is neither too old nor older than the last run; take one when there is none."""
        found = backup_queries.newest_proven(self.target, since=self.clock() - BACKUP_LIFE)
        if found is not None:
            changed = MigrationRun.objects.filter(
                target=self.target, claimed_at__gt=found.taken_at, status=str(RunStatus.SUCCEEDED)
            )
            if not changed.exclude(pk=found.run_id or 0).exists() and not (
                found.run and found.run.status == RunStatus.SUCCEEDED
            ):
                return found
        return self._fresh_backup()

    def _fresh_backup(self) -> Backup:
        self._step_aside()
        self.say("Taking a backup: no proven one is recent enough")
        return backups.take(
            run_id=None,
            target=self.target,
            endpoint=self.tools.endpoint(self.target),
            tools=self.tools.backup,
            application_name=NAME,
            phi=False,  # seven years are for backups before a change (spec, "Backup Retention"); this one changes nothing
            purpose="rehearsal",
            owner=self.owner,
            now=self.clock(),
            on_progress=self._on_progress,
        )

    def _on_progress(self, progress: Progress) -> None:
        self._step_aside()
        self.say(f"Taking a backup: {progress.sentence}")

    def _step_aside(self) -> None:
        """A dump and a run must never meet on a target: pg_dump holds every table, and the migration would wait for it."""
        active = MigrationRun.objects.filter(
            target=self.target, status__in=[str(RunStatus.RUNNING), str(RunStatus.RESTORING)]
        )
        due = MigrationRun.objects.filter(
            target=self.target, status=str(RunStatus.DUE), due_at__lte=self.clock()
        )
        if active.exists() or due.exists():
            raise RunHasPriority

    def _restore(self, backup: Backup, where: Endpoint, *, history: tuple[str, ...]) -> Backup:
        self._restore_once(backup, where)
        if set(history) <= set(self._history(where)):
            return backup
        newer = self._fresh_backup()
        self.tools.server.drop_database(where)
        self.tools.server.create_database(where)
        self._restore_once(newer, where)
        return newer

    def _restore_once(self, backup: Backup, where: Endpoint) -> None:
        self.say(f"Restoring {backup.rows:,} rows of {backup.taken_at:%d %b, %H:%M} UTC")
        restore_and_compare(
            backup, into=where, tools=self.tools.backup, application_name=NAME, clock=self.clock
        )
        with self.tools.server.session(
            where, application_name=NAME, statement_timeout_ms=0
        ) as session:
            session.rows(
                "ANALYZE"
            )  # without statistics the files would be planned for an empty database

    def _load_schema(self, where: Endpoint, *, history: tuple[str, ...]) -> None:
        self.say("Loading the schema")
        schema = self.tools.dump.schema(self.tools.endpoint(self.target))
        with self.tools.server.session(where, application_name=NAME) as session:
            session.run_script(f"SET check_function_bodies = off;\n{schema}")
        carry_over(history, into=where, bundle=self.bundle, tools=self.tools, application_name=NAME)
