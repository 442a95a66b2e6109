"""Who hears what of a run: mails to those who signed and to the author, one chat message."""

from datetime import datetime

from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.services import mail_facts
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import Outcome, RunStatus
from migrations_portal.notifications import services as notifications
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import DECIDING_ROLES, Role

TEMPLATE_OF: dict[str, str] = {
    RunStatus.SUCCEEDED: "run_succeeded",
    Outcome.KEPT: "run_kept",
    Outcome.MARKED: "run_marked",
    RunStatus.FAILED: "run_failed",
    RunStatus.ROLLED_BACK: "run_rolled_back",
    RunStatus.NEEDS_DECISION: "run_needs_decision",
    RunStatus.RESTORED: "run_restored",
    RunStatus.POSTPONED: "run_postponed",
}
"""How a run is shown when it has ended (`MigrationRun.shown`) → the mail's template."""


def concerned(run: MigrationRun) -> list[Person]:
    """Return the author and everybody who signed, each once; of a run on staging only the author hears."""
    if run.staging:
        return [run.plan.author]
    signers = Seat.objects.filter(revision=run.revision, decided_by__isnull=False).values_list(
        "decided_by", flat=True
    )
    return list(
        Person.objects.filter(pk__in={run.plan.author_id, *signers}, is_active=True).order_by("pk")
    )


def _holders(role: Role, run: MigrationRun) -> list[Person]:
    return list(access.holders(role=role, group=run.target.group))


def _outcome(run: MigrationRun) -> str:
    if run.status == RunStatus.POSTPONED:
        return f"Run {run.pk} was postponed before it changed anything. {run.problem}"
    outcome = Outcome(run.outcome).sentence if run.outcome else ""
    said = " ".join(part for part in (outcome, run.traffic_sentence) if part)
    return f"On staging, before production: {said}" if run.staging else said


def tell(run: MigrationRun, *, template: str, now: datetime, public_url: str) -> None:
    """Put the news of a run into the outbox, once per run, template and recipient."""
    context = {
        **mail_facts(run.plan, revision=run.revision),
        "target": run.target.name,
        "run_number": run.pk,
        "outcome_sentence": _outcome(run),
        "problem": run.problem,
        "url": f"{public_url}/runs/{run.pk}/",
    }
    key = f"{template}-{run.pk}-{run.fence}"
    people = {person.pk: person for person in concerned(run)}
    if run.status == RunStatus.NEEDS_DECISION:
        people |= {person.pk: person for role in DECIDING_ROLES for person in _holders(role, run)}
    for person in people.values():
        notifications.queue_mail(
            template=template,
            to=person.email,
            context={**context, "person_name": person.first_name},
            dedup_key=key,
            now=now,
            plan_id=run.plan_id,
        )
    notifications.queue_chat(
        template=template, context=context, dedup_key=key, now=now, plan_id=run.plan_id
    )
