"""Reading runs."""

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet, Value
from django.db.models.functions import Least, Now

from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import Stage
from migrations_portal.backups.models import Backup
from migrations_portal.execution.models import MigrationRun, RunLine, RunStep
from migrations_portal.execution.rules import ACTIVE, SENT_OTHERWISE, Order, RunStatus
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries as plan_queries


class RunNotFound(Refused):
    """There is no such run, or it belongs to targets that you have no role for."""

    code = "run-not-found"


def visible(*, person: Person) -> QuerySet[MigrationRun]:
    """Return the runs of the plans that `person` may see, newest first."""
    plans = plan_queries.visible(person=person).order_by().values("pk")
    return (
        MigrationRun.objects.filter(plan__in=plans)
        .select_related("plan__author", "target__group", "revision")
        .order_by("-pk")
    )


def get(*, run_id: int, person: Person) -> MigrationRun:
    """Return one run that `person` may see, or raise `RunNotFound`."""
    run = visible(person=person).filter(pk=run_id).first()
    if run is None:
        raise RunNotFound
    return run


def at_once(now: datetime) -> Least:
    """Say "now" for a run that is due at once: never later than the clock of the database, by which its time has to have come.

    The portal's clock may be ahead of it by as long as an answer took (`kernel.clock`). A run that is due in that
    future gets no doorbell, and waits for the next sweep.
    """
    return Least(Value(now), Now())


def due() -> list[int]:
    """Return the runs whose time has come by the database's clock and whose target is free, the earliest first.

    Only a hint whom to ring for: the claim looks again, and has the last word.
    """
    waiting = _come().exclude(target_id__in=busy_targets())
    return list(waiting.order_by("due_at", "pk").values_list("pk", flat=True))


def is_due(*, run_id: int) -> bool:
    """Say whether the run waits and its time has come by the database's clock."""
    return _come().filter(pk=run_id).exists()


def _come() -> QuerySet[MigrationRun]:
    return MigrationRun.objects.filter(status=str(RunStatus.DUE), due_at__lte=Now())


def busy_targets() -> set[int]:
    """Return the targets on which a run is active now."""
    rows = MigrationRun.objects.filter(status__in=[str(each) for each in ACTIVE])
    return set(rows.values_list("target_id", flat=True))


def order_of(*, run_id: int) -> Order | None:
    """Return what a person told the run to do; None when it may go on."""
    order = MigrationRun.objects.filter(pk=run_id).values_list("order", flat=True).get()
    return Order(order) if order else None


def database_now() -> datetime:
    """Return the database's clock, by which windows are judged (X18)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone() or (None,)
    if not isinstance(now, datetime):
        raise TypeError("the database told no time")
    return now


def executor_of(run: MigrationRun) -> str:
    """Return the e-mail of the person in whose name the run is executed: who was named for it, else the DBA who gave the go.

    Nobody gives a go for staging: the portal runs it there by itself.
    """
    if run.staging:
        return "portal"
    if run.plan.executor is not None:
        return run.plan.executor.email
    seat = (
        Seat.objects.filter(
            revision=run.revision,
            stage=str(Stage.GO),
            role=str(Role.DBA),
            voided_at__isnull=True,
        )
        .select_related("decided_by")
        .get()
    )
    return seat.decided_by.email if seat.decided_by else "portal"


def beyond_the_spec(run: MigrationRun, *, backup: Backup | None) -> dict[str, Any]:
    """Return what we add to the spec's record of a run, under one key of its own."""
    signed = Seat.objects.filter(
        revision=run.revision, decided_by__isnull=False, voided_at__isnull=True
    )
    return {
        "run": run.pk,
        "plan": run.plan_id,
        "revision": run.revision.number,
        "digest": run.revision.digest,
        "level": run.revision.level,
        "outcome": run.outcome,
        "approved_by": [
            {
                "role": seat.role,
                "email": seat.decided_by.email if seat.decided_by else "",
                "at": f"{seat.decided_at:%Y-%m-%dT%H:%M:%SZ}",
            }
            for seat in signed.select_related("decided_by").order_by("position")
        ],
        "backup_sha256": (backup.sha256 or None) if backup else None,  # broken off: it has none
    }


def lines_after(*, run: MigrationRun, seq: int, at_most: int = 500) -> list[RunLine]:
    """Return the log lines that come after `seq`, in order."""
    return list(RunLine.objects.filter(run=run, seq__gt=seq).order_by("seq")[:at_most])


def last_lines(*, run: MigrationRun, count: int = 300) -> list[RunLine]:
    """Return the newest log lines, in order."""
    return list(RunLine.objects.filter(run=run).order_by("-seq")[:count])[::-1]


def sent_otherwise(run: MigrationRun) -> dict[str, dict[str, list[str]]]:
    """Return the files that sent other SQL than was assessed: name → what was "new" and what was "missing"."""
    steps = RunStep.objects.filter(run=run, key="migrate").values_list("facts", flat=True)
    return {
        name: said[SENT_OTHERWISE]
        for facts in steps
        for name, said in facts.items()
        if isinstance(said, dict) and SENT_OTHERWISE in said
    }
