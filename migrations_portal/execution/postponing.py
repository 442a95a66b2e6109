"""A due run meets a closed window: it is postponed to the next fitting slot, or its plan expires; never started, never lost (X18)."""

from datetime import datetime

from migrations_portal.approvals.services import mail_facts, plan_time
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.audit.services import append
from migrations_portal.execution import announcements
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import RunStatus
from migrations_portal.notifications import services as notifications
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.windows.rules import POSTPONED_AT_MOST, Gate


def postpone(
    run: MigrationRun, *, plan: MigrationPlan, gate: Gate, now: datetime, public_url: str
) -> None:
    """Move a due run to the next slot. The caller holds the plan's lock.

    1. The next fitting slot begins within `POSTPONED_AT_MOST` of the signed T-0: the run becomes due there.
    2. Otherwise the signatures are too old to run on: the plan expires, and its author can clone it.
    """
    begins = gate.next_at
    latest = (plan.scheduled_for or now) + POSTPONED_AT_MOST
    if begins is None or begins > latest:
        _expire(run, plan=plan, gate=gate, now=now, public_url=public_url)
        return
    MigrationRun.objects.filter(pk=run.pk, status=str(RunStatus.DUE)).update(due_at=begins)
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


def _expire(
    run: MigrationRun, *, plan: MigrationPlan, gate: Gate, now: datetime, public_url: str
) -> None:
    sentence = (
        f"{plan.number} expired: its T-0 passed and no window opens within {POSTPONED_AT_MOST.days} days of it. "
        f"Clone it as a new plan. {gate.sentence}"
    )
    MigrationRun.objects.filter(pk=run.pk, status=str(RunStatus.DUE)).update(
        status=str(RunStatus.CANCELLED), finished_at=now, problem=sentence
    )
    _tell(run, plan=plan, sentence=sentence, when=now, now=now, public_url=public_url)
    entry = plans.draft_entry(
        plan,
        kind=EntryKind.RUN_POSTPONED,
        actor=PORTAL,
        sentence=sentence,
        reason=gate.sentence,
        result="expired",
        phi=run.revision.phi,
    )
    plans.move(plan, status=PlanStatus.EXPIRED, entry=entry, now=now)


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
                **mail_facts(plan, revision=run.revision),
                "person_name": person.first_name,
                "run_number": run.pk,
                "outcome_sentence": sentence,
                "due": plan_time(plan, when),
                "url": f"{public_url}{plans.path(plan)}",
            },
            dedup_key=f"postponed-{run.pk}-{when:%Y%m%dT%H%M%S}",
            now=now,
            plan_id=plan.pk,
        )
