"""Whether a run may still go on to change its target: asked before each file, and anew after every pause (X7, X18, X20)."""

from dataclasses import dataclass

from migrations_portal.backups.models import Backup
from migrations_portal.backups.rules import FRESH_FOR
from migrations_portal.execution import queries as run_queries
from migrations_portal.execution.rules import BackupTooOld, HoldLost, StepFailed, WindowClosed
from migrations_portal.kernel.errors import ProductError
from migrations_portal.plans import slots
from migrations_portal.runbooks.sessions import check_held
from migrations_portal.runbooks.tools import RunContext
from migrations_portal.targets.ports import TargetSession


def ready(context: RunContext) -> None:
    """Hold still while the run is paused, then raise `WindowClosed` unless all of it still fits into the window."""
    context.recorder.obey()
    check_window(context, seconds=slots.seconds_needed(context.plan))


def check_window(context: RunContext, *, seconds: int) -> None:
    """Raise `WindowClosed` when work of `seconds` may not begin on the target now, by the database's clock (X18)."""
    gate = slots.gate(
        context.plan,
        level=context.run.revision.level,
        at=run_queries.database_now(),
        target=context.run.target,
        seconds=seconds,
    )
    if not gate.open:
        raise WindowClosed(gate.sentence)


@dataclass(frozen=True)
class Leave:
    """What a run needs to hold, all at once, to begin a file."""

    context: RunContext
    holder: TargetSession
    """The session that has the runner's lock on the target."""

    def ask(self, *, begun: bool = False) -> None:
        """Hold still while the run is paused; then raise `NotNow`, `HoldLost` or `StepFailed` unless the next file may begin.

        `begun`: files of this run are applied already, so that what is left of the window need not take all of them.
        """
        self.context.recorder.obey()
        self._check_backup()
        check_window(self.context, seconds=0 if begun else slots.seconds_needed(self.context.plan))
        try:
            check_held(self.holder)
        except ProductError as failure:
            raise HoldLost(failure.sentence) from failure

    def _check_backup(self) -> None:
        backup = (
            Backup.objects.filter(run=self.context.run, purpose="pre-migration")
            .order_by("pk")
            .first()
        )
        if backup is None or backup.restored_at is None or not backup.proven:
            raise StepFailed("This run has no proven backup, so nothing was changed.")
        age = run_queries.database_now() - backup.restored_at
        if age > FRESH_FOR:
            raise BackupTooOld(
                f"The backup was proven {age.total_seconds() / 60:.0f} minutes ago; what was written since is not in it. "
                f"A migration begins at most {FRESH_FOR.total_seconds() / 60:.0f} minutes after its backup is proven."
            )
