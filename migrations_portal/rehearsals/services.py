"""Asking for rehearsals, claiming them and writing down what they showed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.rehearsals import rules
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.rehearsals.rules import (
    LEASE,
    MOST_ATTEMPTS,
    Copy,
    NothingToRehearse,
    RehearsalGoingOn,
    RehearsalStatus,
    TestClass,
)

REHEARSERS = frozenset({Role.ENGINEER, Role.DBA, Role.TECH_LEAD})
"""Who may start a rehearsal by hand."""

PROVES: Mapping[str, frozenset[TestClass]] = {
    "automated-tests-passing": frozenset(TestClass),
    "performance-assessed": frozenset({TestClass.APPLICATION}),
    "tested-in-development": frozenset({TestClass.APPLICATION, TestClass.ROLLBACK}),
}
"""Checklist items, and the test classes that prove each."""


@transaction.atomic
def ask(
    *, plan: MigrationPlan, revision: PlanRevision | None, by: Person | None, now: datetime
) -> Rehearsal:
    """Queue a rehearsal of the plan's files as they are now. Raises `NothingToRehearse`, `RehearsalGoingOn`, `NotAllowed`.

    `by` is none when the portal itself asks, at submission or because the last one went stale.
    """
    if by is not None:
        access.check_holds_any(person=by, roles=REHEARSERS, group=plan.target.group)
    if not plan.files.exists():
        raise NothingToRehearse
    try:
        with transaction.atomic():
            return Rehearsal.objects.create(
                plan=plan,
                revision=revision,
                target=plan.target,
                files_digest=plan_queries.files_digest(plan),
                requested_at=now,
                requested_by=by,
            )
    except IntegrityError:  # the partial unique index has the last word
        raise RehearsalGoingOn from None


@transaction.atomic
def ask_anew(*, plan: MigrationPlan, revision: PlanRevision, now: datetime) -> None:
    """Queue the rehearsal of a revision that was just frozen. One of the draft's same files that goes on speaks of the revision."""
    going_on = Rehearsal.objects.filter(
        plan=plan,
        files_digest=plan_queries.files_digest(plan),
        status__in=[str(RehearsalStatus.QUEUED), str(RehearsalStatus.RUNNING)],
    )
    if not going_on.update(revision=revision):
        ask(plan=plan, revision=revision, by=None, now=now)


def claim(*, rehearsal_id: int, worker: str) -> Rehearsal | None:
    """Take a queued rehearsal, or return None when somebody else has it."""
    mine = Rehearsal.objects.filter(pk=rehearsal_id, status=str(RehearsalStatus.QUEUED)).update(
        status=str(RehearsalStatus.RUNNING),
        claimed_at=Now(),
        claimed_by=worker[:120],
        lease_until=Now() + LEASE,
        attempts=F("attempts") + 1,
        phase="Preparing",
    )
    if mine != 1:
        return None
    return Rehearsal.objects.select_related(
        "plan__target__drill_target", "plan__target__group", "plan__author", "revision"
    ).get(pk=rehearsal_id)


def renew(rehearsal: Rehearsal) -> bool:
    """Extend the lease by the database's clock; return whether the rehearsal is still ours."""
    return _ours(rehearsal).update(lease_until=Now() + LEASE) == 1


def say_phase(rehearsal: Rehearsal, *, phase: str) -> bool:
    """Show what is done just now; return whether the rehearsal is still ours."""
    return _ours(rehearsal).update(phase=phase[:80], lease_until=Now() + LEASE) == 1


def _ours(rehearsal: Rehearsal) -> QuerySet[Rehearsal]:
    return Rehearsal.objects.filter(
        pk=rehearsal.pk, status=str(RehearsalStatus.RUNNING), attempts=rehearsal.attempts
    )


@transaction.atomic
def finish(
    rehearsal: Rehearsal,
    *,
    copy: Copy,
    backup_id: int | None,
    result: Mapping[str, Any],
    history: Sequence[str],
    now: datetime,
) -> bool:
    """Write the result with its ledger entry, and tick what it proves. Nothing is written when the rehearsal is not ours any more."""
    done = _ours(rehearsal).update(
        status=str(RehearsalStatus.DONE),
        finished_at=now,
        phase="",
        copy=str(copy),
        backup_id=backup_id,
        result=dict(result),
        history=list(history),
    )
    if done != 1:
        return False
    plan = plans.lock(rehearsal.plan_id)
    if rehearsal.files_digest == plan_queries.files_digest(plan):
        _tick(plan, rehearsal=rehearsal, result=result, now=now)
    verdicts = {each["key"]: each["passed"] for each in result["verdicts"]}
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.REHEARSED,
            actor=PORTAL,
            sentence=f"{plan.number} was rehearsed {rules.one_line(result)}.",
            result="success" if rules.all_passed(result) else "failed",
            phi=bool(rehearsal.revision and rehearsal.revision.phi),
            facts={
                "rehearsal": rehearsal.pk,
                "files_digest": rehearsal.files_digest,
                "copy": str(copy),
                "verdicts": verdicts,
                "findings": [each["title"] for each in result["findings"]],
            },
        )
    )
    return True


def _tick(
    plan: MigrationPlan, *, rehearsal: Rehearsal, result: Mapping[str, Any], now: datetime
) -> None:
    for key, tests in PROVES.items():
        if all(rules.passed(result, test) for test in tests):
            plans.prove(
                plan=plan,
                key=key,
                note=f"Rehearsal {rehearsal.pk}: {rules.one_line(result)}",
                evidence=path(rehearsal),
                now=now,
            )


def path(rehearsal: Rehearsal) -> str:
    """Return the page of a rehearsal."""
    return f"/rehearsals/{rehearsal.pk}/"


@transaction.atomic
def fail(rehearsal: Rehearsal, *, problem: str, now: datetime) -> None:
    """Write down why it could not be carried out; says nothing about the files."""
    if _ours(rehearsal).update(
        status=str(RehearsalStatus.FAILED), finished_at=now, phase="", problem=problem
    ):
        _record_failure(rehearsal, problem=problem)


def put_back(rehearsal: Rehearsal) -> bool:
    """Give a rehearsal back to the queue: something more important came, or its worker died."""
    return (
        _ours(rehearsal).update(
            status=str(RehearsalStatus.QUEUED), phase="", lease_until=None, claimed_at=None
        )
        == 1
    )


@transaction.atomic
def give_up_or_queue(rehearsal: Rehearsal, *, now: datetime) -> None:
    """Queue a rehearsal whose worker died again, a few times; then say that it failed."""
    if rehearsal.attempts < MOST_ATTEMPTS:
        put_back(rehearsal)
        return
    fail(
        rehearsal,
        problem=f"Its worker died {rehearsal.attempts} times. Look at the worker's log (memory, disk), then rehearse again.",
        now=now,
    )


def _record_failure(rehearsal: Rehearsal, *, problem: str) -> None:
    plan = plans.lock(rehearsal.plan_id)
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.REHEARSED,
            actor=PORTAL,
            sentence=f"{plan.number} could not be rehearsed.",
            reason=problem,
            result="failed",
            facts={"rehearsal": rehearsal.pk},
        )
    )


def note_history(rehearsal: Rehearsal, *, history: Sequence[str]) -> bool:
    """Mark a rehearsal when its target has a migration in its history that it had not then; return whether it has."""
    newer = sorted(set(history) - set(rehearsal.history))
    if not newer:
        return False
    Rehearsal.objects.filter(pk=rehearsal.pk).update(newer_migration=newer[-1][:200])
    return True
