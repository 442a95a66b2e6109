"""A due run meets a closed window: it waits for the next fitting slot, or T-0 moves, or its plan expires (X18, A8)."""

from datetime import datetime, timedelta

from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.queries import run_by
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.audit.services import append
from migrations_portal.execution import announcements
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import RunStatus
from migrations_portal.notifications import services as notifications
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import POSTPONED_AT_MOST
from migrations_portal.windows.rules import Gate


def postpone(
    run: MigrationRun,
    *,
    plan: MigrationPlan,
    gate: Gate,
    now: datetime,
    day: timedelta,
    public_url: str,
) -> None:
    """Move a due run to the next slot. Never started outside a window, never lost. The caller holds the plan's lock.

    1. The next slot begins while the go still holds (the "run by" of the chain): the run becomes due there.
    2. It begins later, at most `POSTPONED_AT_MOST` after the signed T-0: T-0 moves there, and the go is asked anew.
    3. Otherwise the signatures are too old to run on: the plan expires, and its author can clone it.
    """
    begins = gate.next_at
    latest = (plan.planned_for or plan.scheduled_for or now) + POSTPONED_AT_MOST
    expiry = run_by(run.revision)
    at = approvals.Moment(now=now, day=day, public_url=public_url)
    if begins is not None and expiry is not None and begins <= expiry:
        _wait(run, plan=plan, gate=gate, begins=begins, now=now, public_url=public_url)
    elif begins is not None and begins <= latest and not plan.emergency_reason:
        _cancel(run, problem=f"T-0 moved to the next window. {gate.sentence}", now=now)
        approvals.postpone_for_window(plan, to=begins, why=gate.sentence, at=at)
    else:
        days = POSTPONED_AT_MOST.days
        why = f"no window opens for it within {days} days of the signed T-0. Clone it as a new plan. {gate.sentence}"
        _cancel(run, problem=f"{plan.number} expired: {why}", now=now)
        approvals.expire(plan, why=why, at=at)


def expire(
    run: MigrationRun, *, plan: MigrationPlan, now: datetime, day: timedelta, public_url: str
) -> None:
    """End a due run and its plan, whose time to begin is over (A8). The caller holds the plan's lock."""
    _cancel(run, problem=f"{plan.number} expired: its time to begin is over.", now=now)
    approvals.expire(plan, at=approvals.Moment(now=now, day=day, public_url=public_url))


def _wait(
    run: MigrationRun,
    *,
    plan: MigrationPlan,
    gate: Gate,
    begins: datetime,
    now: datetime,
    public_url: str,
) -> None:
    MigrationRun.objects.filter(pk=run.pk, status=str(RunStatus.DUE)).update(
        due_at=begins, problem=gate.sentence
    )
    sentence = f"Run {run.pk} of {plan.number} is postponed. {gate.sentence}"
    _tell(run, plan=plan, sentence=sentence, when=begins, now=now, public_url=public_url)
    append(
        plans.draft_entry(
            plan,
            kind=EntryKind.RUN_POSTPONED,
            actor=PORTAL,
            sentence=sentence,
            reason=gate.sentence,
            result="postponed",
            phi=run.revision.phi,
            facts={"due_at": f"{begins:%Y-%m-%dT%H:%M:%SZ}"},
        )
    )


def _cancel(run: MigrationRun, *, problem: str, now: datetime) -> None:
    MigrationRun.objects.filter(pk=run.pk, status=str(RunStatus.DUE)).update(
        status=str(RunStatus.CANCELLED), finished_at=now, problem=problem
    )


def _tell(
    run: MigrationRun,
    *,
    plan: MigrationPlan,
    sentence: str,
    when: datetime,
    now: datetime,
    public_url: str,
) -> None:
    for person in announcements.concerned(run):
        notifications.queue_mail(
            template="run_postponed",
            to=person.email,
            context={
                **approvals.mail_facts(plan, revision=run.revision),
                "person_name": person.first_name,
                "run_number": run.pk,
                "outcome_sentence": sentence,
                "due": approvals.plan_time(plan, when),
                "url": f"{public_url}{plans.path(plan)}",
            },
            dedup_key=f"postponed-{run.pk}-{when:%Y%m%dT%H%M%S}",
            now=now,
            plan_id=plan.pk,
        )
