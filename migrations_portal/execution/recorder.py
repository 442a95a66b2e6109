"""Writing down a run while it happens. Every write names the fence: a worker that lost its lease writes nothing (X3)."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from migrations_portal.execution.models import MigrationRun, RunLine, RunStep
from migrations_portal.execution.reins import Pull, Reins
from migrations_portal.execution.rules import (
    ACTIVE,
    LEASE,
    Aborted,
    LeaseLost,
    StepFacts,
    StepStatus,
)
from migrations_portal.kernel import failpoints
from migrations_portal.kernel.errors import ProductError

PAUSE_LOOK_SECONDS = 0.2
OUTPUT_LIMIT = 200_000
"""Characters of output kept on a step; the log lines hold the rest of the story."""


class StepRecord:
    """An open step. Collects output and facts; the recorder saves them when the step is closed."""

    def __init__(self, *, recorder: "Recorder", row: RunStep) -> None:
        """Belong to one row of one run."""
        self._recorder = recorder
        self.row = row
        self.lines: list[str] = []
        self.facts: dict[str, Any] = {}
        self.exit_code: int | None = None
        self.skipped = False

    def say(self, text: str, *, level: str = "info") -> None:
        """Add a line to the step's output and to the run's log."""
        self.lines.append(text)
        self._recorder.log(text, level=level)

    def quote(self, text: str) -> None:
        """Add what a tool or a file printed, marked as that: whatever it prints, it cannot pass for a line of ours (S12)."""
        self.say("\n".join(f"> {line}" for line in text.splitlines()) or "> ")


class Recorder:
    """Records one claimed run. Does not decide anything and does not touch the target."""

    def __init__(
        self,
        *,
        run_id: int,
        fence: int,
        clock: Callable[[], datetime],
        reins: Reins | None = None,
    ) -> None:
        """Speak for the holder of `fence`; `clock` is the door's clock."""
        self.reins = reins or Reins()
        self.run_id = run_id
        self.fence = fence
        self.clock = clock

    def _hold(self) -> MigrationRun:
        """Lock the run's row inside the open transaction, or raise `LeaseLost` when it is no longer ours."""
        self._check_trust()
        run = (
            MigrationRun.objects.select_for_update()
            .filter(pk=self.run_id, fence=self.fence, status__in=[str(each) for each in ACTIVE])
            .first()
        )
        if run is None:
            raise LeaseLost
        return run

    def _check_trust(self) -> None:
        """Raise `LeaseLost` when we have told ourselves to stop, whatever the row says (X4)."""
        if not self.reins.trust():
            raise LeaseLost

    def renew(self) -> None:
        """Extend the lease by the database's clock. Raises `LeaseLost`; a database error is not a renewal either (X4)."""
        mine = MigrationRun.objects.filter(
            pk=self.run_id, fence=self.fence, status__in=[str(each) for each in ACTIVE]
        )
        if mine.update(lease_until=Now() + LEASE) != 1:
            raise LeaseLost

    def check(self) -> None:
        """Raise `LeaseLost` unless the run is still ours and its lease has not run out."""
        self._check_trust()
        mine = MigrationRun.objects.filter(pk=self.run_id, fence=self.fence, lease_until__gt=Now())
        if not mine.filter(status__in=[str(each) for each in ACTIVE]).exists():
            raise LeaseLost

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let what the block writes count only when the run is ours until it is written (X3); raises `LeaseLost`."""
        with transaction.atomic():
            self._hold()
            yield

    def log(self, text: str, *, level: str = "info") -> None:
        """Add log lines under the run's lock, so that their numbers have no gaps."""
        with transaction.atomic():
            run = self._hold()
            last = RunLine.objects.filter(run=run).aggregate(last=Max("seq"))["last"] or 0
            RunLine.objects.bulk_create(
                RunLine(run=run, seq=last + number, at=self.clock(), level=level, text=line[:4_000])
                for number, line in enumerate(text.splitlines() or [""], start=1)
            )

    @contextlib.contextmanager
    def step(self, facts: StepFacts) -> Iterator[StepRecord]:
        """Save the step before it starts and close it when the block ends: OK, SKIPPED, or FAILED when it raises.

        Waits while the run is paused; raises `Aborted` when a person stopped it.
        """
        self.obey()
        self.check()
        with transaction.atomic():
            run = self._hold()
            position = (
                RunStep.objects.filter(run=run).aggregate(last=Max("position"))["last"] or 0
            ) + 1
            row = RunStep.objects.create(
                run=run,
                position=position,
                key=facts.key,
                title=facts.title,
                started_at=self.clock(),
            )
        failpoints.reach("step.opened")
        record = StepRecord(recorder=self, row=row)
        self.log(f"— {facts.title}")
        try:
            yield record
        except BaseException as failure:
            said = failure.sentence if isinstance(failure, ProductError) else type(failure).__name__
            self._close(record, status=StepStatus.FAILED, closing=said)
            raise
        self._close(record, status=StepStatus.SKIPPED if record.skipped else StepStatus.OK)

    def obey(self) -> None:
        """Hold still while the run is paused; raise `Aborted` when it was stopped."""
        if self.reins.is_paused():
            self._hold_still()
        if self.reins.pulled is Pull.ABORTED:
            raise Aborted(self.ordered())

    def _hold_still(self) -> None:
        self.note(held_at=Now())
        self.log("Held still: nothing of this run is at work on its target", level="warn")
        while self.reins.is_paused():
            self._check_trust()
            time.sleep(PAUSE_LOOK_SECONDS)
        self.note(held_at=None)

    def ordered(self) -> str:
        """Say who gave the last order. Not why: this goes into mails, and typed words may name a patient (A11)."""
        run = MigrationRun.objects.select_related("order_by").get(pk=self.run_id)
        who = run.order_by.full_name if run.order_by else "Somebody"
        verb = "paused" if run.order == "PAUSE" else "stopped"
        return f"{who} {verb} the run."

    def _close(self, record: StepRecord, *, status: StepStatus, closing: str = "") -> None:
        if closing:
            record.say(closing, level="error")
        with transaction.atomic():
            self._hold()
            RunStep.objects.filter(pk=record.row.pk).update(
                status=str(status),
                finished_at=self.clock(),
                exit_code=record.exit_code,
                output="\n".join(record.lines)[-OUTPUT_LIMIT:],
                facts=record.facts,
            )

    def note(self, **columns: Any) -> None:
        """Set columns of the run itself."""
        self._check_trust()
        mine = MigrationRun.objects.filter(
            pk=self.run_id, fence=self.fence, status__in=[str(each) for each in ACTIVE]
        )
        if mine.update(**columns) != 1:
            raise LeaseLost
