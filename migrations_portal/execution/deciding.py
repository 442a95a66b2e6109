"""What people tell a run: two of them decide what happens after it, one of them pauses or stops it."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from migrations_portal.approvals import queries as approvals
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.execution import services
from migrations_portal.execution.models import MigrationRun, RunDecision
from migrations_portal.execution.rules import (
    ACTIVE,
    AFTER_SUCCESS,
    CHOICE_STANDS,
    DECIDERS_NEEDED,
    LEASE,
    Choice,
    NotDecidable,
    NotOrdered,
    Order,
    Outcome,
    RunStatus,
    SecondPersonNeeded,
    abort_means,
    pause_stands,
)
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import DECIDING_ROLES, Role
from migrations_portal.plans import services as plans

CHANGING = (*ACTIVE, RunStatus.SUCCEEDED)
"""In these a run may have left the target other than it found it. The others have changed nothing, undone it by name, or put back the
backup from before themselves, which holds what the runs before them did."""


@transaction.atomic
def decide(
    *,
    run_id: int,
    choice: Choice,
    by: Person,
    reason: str,
    now: datetime,
    public_url: str,
    factors: str = "session",
) -> bool:
    """Record one person's choice; return True when it was the second of two and the act may begin.

    It takes the place of what the same person chose before. `factors` is how the person proved who they are, for the ledger.

    Raises `NotDecidable`, `NotAllowed`, `SecondPersonNeeded`.
    """
    run = _locked(run_id)
    _check_decidable(run, choice=choice)
    _check_may(run, by=by)
    if not reason.strip():
        raise NotDecidable("Say why you choose this; the reason goes into the ledger.")
    if refusal := involved(run, person=by):
        raise access.NotAllowed(refusal)
    standing = choices(run, now=now)
    RunDecision.objects.filter(run=run).exclude(pk__in=standing.values("pk")).delete()
    before = standing.filter(by=by).first()
    if before is not None and before.choice == choice:
        raise SecondPersonNeeded
    if before is not None:
        before.delete()
    RunDecision.objects.create(run=run, choice=str(choice), by=by, at=now, reason=reason.strip())
    people = RunDecision.objects.filter(run=run, choice=str(choice)).values("by").distinct().count()
    complete = people >= DECIDERS_NEEDED
    audit.append(
        plans.draft_entry(
            run.plan,
            kind=EntryKind.RUN_DECISION,
            actor=audit.actor(by),
            sentence=f"{by.full_name} chose “{choice.title.lower()}” for run {run.pk} ({people} of {DECIDERS_NEEDED})"
            + (f", and no longer “{Choice(before.choice).title.lower()}”." if before else "."),
            reason=reason.strip(),
            phi=False,
            facts={"factors": factors},
        )
    )
    if complete and choice is Choice.KEEP and not run.traffic_diverted:
        _keep(run, reason=reason.strip(), now=now, public_url=public_url)
    elif complete:
        _hand_over(run, choice=choice)
    return complete


def _locked(run_id: int) -> MigrationRun:
    return (
        MigrationRun.objects.select_for_update(of=("self",))
        .select_related("plan__target__group", "target__group")
        .get(pk=run_id)
    )


def roles(run: MigrationRun, *, person: Person) -> frozenset[Role]:
    """Return the roles by which the person may decide about the run and give it orders: those for the target that it works on."""
    return access.roles_in(person=person, group=run.target.group) & DECIDING_ROLES


def involved(run: MigrationRun, *, person: Person) -> str:
    """Say why the person's part in the plan keeps them from deciding about its run; empty when they have none."""
    plan = run.plan
    if person.pk not in approvals.involved(plan, among=[person]):
        return ""
    parts = {
        plan.executor_id: "You execute",
        plan.last_editor_id: "You changed",
        plan.author_id: "You wrote",
    }
    part = parts.get(person.pk, "You wrote the commit of")
    return f"{part} this plan, so two other people have to decide."


def choices(run: MigrationRun, *, now: datetime) -> QuerySet[RunDecision]:
    """Return the choices that still count, in the order in which they were made.

    After a success one waits for `CHOICE_STANDS`; what was chosen before the run ended belonged to another question.
    """
    rows = RunDecision.objects.filter(run=run).select_related("by").order_by("at", "pk")
    if run.status != RunStatus.SUCCEEDED or run.finished_at is None:
        return rows
    return rows.filter(at__gt=max(run.finished_at, now - CHOICE_STANDS))


def _check_may(run: MigrationRun, *, by: Person) -> None:
    if not roles(run, person=by):
        names = ", ".join(sorted(role.title.lower() for role in DECIDING_ROLES))
        raise access.NotAllowed(f"This takes one of these roles for the target: {names}.")


def _check_decidable(run: MigrationRun, *, choice: Choice) -> None:
    if run.status == RunStatus.NEEDS_DECISION:
        return
    if run.status != RunStatus.SUCCEEDED or choice not in AFTER_SUCCESS:
        raise NotDecidable
    later = later_run(run)
    if later is not None:
        raise NotDecidable(
            f"Run {later.pk} has worked on this target since. Undo that one first, or what it did would be lost."
        )


def later_run(run: MigrationRun) -> MigrationRun | None:
    """Return a run that came after this one on its target and may have changed it; None when this is the newest."""
    rows = MigrationRun.objects.filter(target_id=run.target_id, fence__gt=run.fence or 0)
    changed = rows.filter(status__in=[str(each) for each in CHANGING])
    return changed.order_by("-fence").first()


def _hand_over(run: MigrationRun, *, choice: Choice) -> None:
    """Let a worker carry the choice out."""
    status = RunStatus.RESTORING if choice is Choice.RESTORE else RunStatus.RECOVERING
    try:
        with transaction.atomic():
            MigrationRun.objects.filter(pk=run.pk).update(
                status=str(status),
                carrying_out=str(choice),
                claimed_by="",
                lease_until=Now() + LEASE,
                order="",
                order_by=None,
                taken_over_at=None,
            )
    except IntegrityError:
        raise NotDecidable(
            "Another run holds this target now. Wait until it has ended, then choose again."
        ) from None


def _keep(run: MigrationRun, *, reason: str, now: datetime, public_url: str) -> None:
    """End the run with the target as two people found it."""
    services.finish(
        run_id=run.pk,
        fence=run.fence or 0,
        status=RunStatus.SUCCEEDED,
        outcome=Outcome.KEPT,
        problem=run.problem,
        advice=f"Kept as it is: {reason}",
        now=now,
        public_url=public_url,
    )


def recoveries_waiting() -> list[int]:
    """Return the runs whose choice two people made and no worker has claimed yet."""
    rows = MigrationRun.objects.filter(
        status__in=[str(RunStatus.RESTORING), str(RunStatus.RECOVERING)], claimed_by=""
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def claim_recovery(*, run_id: int, worker: str) -> int | None:
    """Claim a chosen recovery and return its new fence, or None when somebody else has it."""
    run = MigrationRun.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        return None
    highest = (
        MigrationRun.objects.filter(target_id=run.target_id).aggregate(top=Max("fence"))["top"] or 0
    )
    claimed = MigrationRun.objects.filter(
        pk=run_id, status__in=[str(RunStatus.RESTORING), str(RunStatus.RECOVERING)], claimed_by=""
    ).update(claimed_by=worker[:120], lease_until=Now() + LEASE, fence=highest + 1)
    return int(highest + 1) if claimed == 1 else None


@transaction.atomic
def order(
    *,
    run_id: int,
    what: Order | None,
    by: Person,
    reason: str,
    now: datetime,
    factors: str = "session",
) -> None:
    """Tell a run that goes on to hold still, to go on (None), or to stop. Acts within two seconds.

    `factors` is how the person proved who they are, for the ledger.

    Raises `NotOrdered`, `NotAllowed`.
    """
    run = _locked(run_id)
    _check_may(run, by=by)
    if run.status != RunStatus.RUNNING:
        raise NotOrdered("This run is not under way, so there is nothing to pause or stop.")
    if run.taken_over_at is not None:
        raise NotOrdered(
            "The worker of this run died. Another one reads what the target holds and begins nothing, "
            "so there is nothing to pause or stop."
        )
    if run.order == Order.ABORT:
        raise NotOrdered("This run is being stopped already.")
    step = run.steps.order_by("-position").first()
    if what is not None and step is not None and not abort_means(step.key):
        raise NotOrdered("The way back has begun; it is not interrupted half way.")
    _check_changes_something(run, what=what, step=step.key if step else "")
    if what is Order.ABORT and not reason.strip():
        raise NotOrdered("Say why you stop it; the reason goes into the ledger.")
    verb = {Order.PAUSE: "paused", Order.ABORT: "stopped", None: "resumed"}[what]
    MigrationRun.objects.filter(pk=run.pk).update(
        order=str(what or ""), order_by=by, order_at=now, order_reason=reason.strip()
    )
    audit.append(
        plans.draft_entry(
            run.plan,
            kind=EntryKind.RUN_DECISION,
            actor=audit.actor(by),
            sentence=f"{by.full_name} {verb} run {run.pk}.",
            reason=reason.strip(),
            phi=False,
            facts={"factors": factors},
        )
    )


def _check_changes_something(run: MigrationRun, *, what: Order | None, step: str) -> None:
    """Refuse what a second click or a page gone stale asks for: the ledger must not tell of a pause or of going on that never was."""
    paused = pause_stands(run.order, step=step)
    if what is Order.PAUSE and paused:
        by = run.order_by.full_name if run.order_by else "Somebody"
        raise NotOrdered(
            f"{by} has paused this run already; it holds until somebody lets it go on."
        )
    if what is None and not paused:
        raise NotOrdered("This run is not paused, so there is nothing that could go on.")
