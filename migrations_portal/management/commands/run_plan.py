"""`manage.py run_plan WC-142`: carry out the plan's due run in the foreground, by the same rules as a worker."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from migrations_portal import wiring
from migrations_portal.execution import queries, services
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import RunStatus
from migrations_portal.kernel.errors import ProductError
from migrations_portal.management.base import PortalCommand
from migrations_portal.runbooks import standard
from migrations_portal.tasks.runs import waits, worker_name

GOOD, BAD, NOT_RUN = 0, 1, 2


class Command(PortalCommand):
    help = (
        "Carry out the due run of an approved plan here and now, without a worker. Nothing is skipped: window, claim, fence, "
        "backup and checks are the same. Exit 0: succeeded; 1: it ended otherwise; 2: it was not run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the plan's number."""
        parser.add_argument("plan", help="the plan's number, such as WC-142 or 142")

    def handle(self, *_args: Any, plan: str, **_options: Any) -> None:
        """Schedule what is approved, claim, run, and show the log; raise `CommandError` when it may not run."""
        try:
            run = self._claimed(plan)
        except ProductError as failure:
            raise CommandError(failure.sentence, returncode=NOT_RUN) from failure
        standard.execute(
            run_id=run.pk,
            fence=run.fence or 0,
            tools=wiring.tools(),
            clock=wiring.clock_of_a_run,
            public_url=settings.PUBLIC_URL,
        )
        run.refresh_from_db()
        for line in queries.lines_after(run=run, seq=0, at_most=100_000):
            self.stdout.write(f"{line.at:%H:%M:%S} {line.text}")
        self.stdout.write(f"Run {run.pk}: {run.status} {run.outcome} {run.problem}")
        if run.status != RunStatus.SUCCEEDED:
            raise CommandError(run.advice or run.status, returncode=BAD)

    @staticmethod
    def _claimed(plan: str) -> MigrationRun:
        number = plan.upper().removeprefix("WC-")
        services.schedule_approved(now=wiring.clock())
        run = (
            MigrationRun.objects.filter(plan_id=int(number)).order_by("-pk").first()
            if number.isascii() and number.isdigit()
            else None
        )
        if run is None:
            raise CommandError(
                f"{plan} has no run: it is not approved, or there is no such plan.",
                returncode=NOT_RUN,
            )
        wiring.tools()  # before the claim, as in a worker
        if reasons := waits(run.pk):
            raise CommandError(" ".join(reasons), returncode=NOT_RUN)
        fence = services.claim(
            run_id=run.pk,
            worker=worker_name(),
            now=wiring.clock(),
            public_url=settings.PUBLIC_URL,
            day=wiring.day(),
        )
        if fence is None:
            raise CommandError(
                f"Run {run.pk} is {run.status.lower()} (due {run.due_at:%Y-%m-%d %H:%M:%S} UTC) and was not started: it is "
                "not due yet, was run already, or another run holds its target.",
                returncode=NOT_RUN,
            )
        run.refresh_from_db()
        return run
