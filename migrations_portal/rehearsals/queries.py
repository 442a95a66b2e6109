"""Reading rehearsals: which one counts, what it says, and what waits."""

from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Now

from migrations_portal.people.models import Person
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.rehearsals import rules
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.rehearsals.rules import (
    CLAIM_GRACE,
    RehearsalNotFound,
    RehearsalStatus,
    Standing,
    TestClass,
)

OPEN = (str(PlanStatus.SUBMITTED), str(PlanStatus.APPROVED), str(PlanStatus.SCHEDULED))
"""The plans whose rehearsal somebody still relies on."""


def get(*, rehearsal_id: int, person: Person) -> Rehearsal:
    """Return one rehearsal of a plan that `person` may see, or raise `RehearsalNotFound`."""
    plans = plan_queries.visible(person=person).order_by().values("pk")
    rows = Rehearsal.objects.filter(plan__in=plans).select_related(
        "plan__target", "plan__author", "revision", "target", "backup", "requested_by"
    )
    row = rows.filter(pk=rehearsal_id).first()
    if row is None:
        raise RehearsalNotFound
    return row


def of_plan(plan: MigrationPlan) -> QuerySet[Rehearsal]:
    """Return the rehearsals of a plan, newest first."""
    return Rehearsal.objects.filter(plan=plan).order_by("-pk")


def newest_verdict(revision: PlanRevision) -> Rehearsal | None:
    """Return the newest rehearsal of this revision that was carried out, whether or not it still counts."""
    return (
        Rehearsal.objects.filter(revision=revision, status=str(RehearsalStatus.DONE))
        .select_related("plan__target")
        .order_by("-pk")
        .first()
    )


def rollback_tested(revision: PlanRevision) -> bool:
    """Say whether undoing was proven on a copy for exactly this revision: the ledger's `rollback_tested`."""
    found = newest_verdict(revision)
    return found is not None and rules.passed(found.result, TestClass.ROLLBACK)


def stale_reason(rehearsal: Rehearsal, *, now: datetime, digest_now: str = "") -> str:
    """Return why a finished rehearsal does not count any more; empty while it counts. `digest_now` spares a question."""
    return rules.stale_reason(
        digest_then=rehearsal.files_digest,
        digest_now=digest_now or plan_queries.files_digest(rehearsal.plan),
        finished_at=rehearsal.finished_at or rehearsal.requested_at,
        newer_migration=rehearsal.newer_migration,
        now=now,
    )


def standing(revision: PlanRevision, *, now: datetime) -> Standing:
    """Say what the newest rehearsal of the revision says now, in one line."""
    found = newest_verdict(revision)
    if found is None:
        return Standing(fresh=False, passing=False, sentence=_none_yet(revision))
    stale = stale_reason(found, now=now)
    passing = rules.all_passed(found.result)
    if stale:
        return Standing(fresh=False, passing=passing, sentence=stale)
    said = rules.one_line(found.result) if passing else rules.first_failure(found.result)
    return Standing(fresh=True, passing=passing, sentence=said)


def _none_yet(revision: PlanRevision) -> str:
    newest = Rehearsal.objects.filter(revision=revision).order_by("-pk").first()
    if newest is None:
        return "Not rehearsed yet."
    if newest.status == RehearsalStatus.FAILED:
        return newest.problem
    return "The rehearsal is going on; the result comes by itself."


def gate_problem(revision: PlanRevision, *, now: datetime) -> str:
    """Return why the rehearsal keeps the T-1 gate closed (none, a stale one, a failing one); empty when the gate is open."""
    stands = standing(revision, now=now)
    if stands.opens_the_gate:
        return ""
    said = "The newest rehearsal did not pass" if stands.fresh else "No rehearsal counts"
    return f"{said}: {stands.sentence}"


def waiting() -> list[int]:
    """Return the rehearsals that nobody works on, the oldest first."""
    rows = Rehearsal.objects.filter(status=str(RehearsalStatus.QUEUED)).order_by("requested_at")
    return list(rows.values_list("pk", flat=True)[:10])


def lost() -> list[Rehearsal]:
    """Return the rehearsals whose worker gives no sign of life any more, by the database's clock."""
    running = Rehearsal.objects.filter(status=str(RehearsalStatus.RUNNING))
    return list(running.filter(lease_until__lt=Now(), claimed_at__lt=Now() - CLAIM_GRACE))


def counting() -> list[Rehearsal]:
    """Return the newest finished rehearsal of each open plan, while nothing is known to have come into its target's history."""
    rows = (
        Rehearsal.objects.filter(status=str(RehearsalStatus.DONE), plan__status__in=OPEN)
        .select_related("plan__target", "target")
        .order_by("plan_id", "-pk")
        .distinct("plan_id")
    )
    return [row for row in rows if not row.newer_migration]


def to_rehearse_again(*, now: datetime) -> list[PlanRevision]:
    """Return the newest revisions of open plans whose rehearsal counts no more (or was never made), with none on its way."""
    plans = MigrationPlan.objects.filter(status__in=OPEN).exclude(
        rehearsals__status__in=[str(RehearsalStatus.QUEUED), str(RehearsalStatus.RUNNING)]
    )
    found = []
    for plan in plans.select_related("target__group"):
        revision = plan_queries.newest_revision(plan)
        verdict = newest_verdict(revision) if revision else None
        if revision and verdict and stale_reason(verdict, now=now):
            found.append(revision)
    return found
