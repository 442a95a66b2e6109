"""Reading rehearsals: which one counts, what it says, and what waits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import QuerySet
from django.db.models.functions import JSONObject, Now

from migrations_portal.people.models import Person
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import rules as plan_rules
from migrations_portal.plans.models import MigrationPlan, PlanFile, PlanRevision
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


def contents_proven(revision: PlanRevision) -> bool:
    """Say whether going up and down on a copy with rows ended with the very contents that it began with."""
    found = newest_verdict(revision)
    return found is not None and rules.contents_proven(found.result)


def contents_after_down(revision: PlanRevision) -> list[str]:
    """Return the tables whose contents were other than before after going down on a copy."""
    found = newest_verdict(revision)
    return list(found.result.get("contents_after_down", [])) if found else []


def stale_reason(rehearsal: Rehearsal, *, now: datetime, digest_now: str = "") -> str:
    """Return why a finished rehearsal does not count any more; empty while it counts. `digest_now` spares a question."""
    return rules.stale_reason(
        digest_then=rehearsal.files_digest,
        digest_now=digest_now or plan_queries.files_digest(rehearsal.plan),
        finished_at=rehearsal.finished_at or rehearsal.requested_at,
        newer_migration=rehearsal.newer_migration,
        now=now,
    )


def verdict_beside(plan: MigrationPlan) -> ArraySubquery:
    """Return the newest verdict on the plan's newest revision as an expression, so that another question can carry it."""
    rows = Rehearsal.objects.filter(
        revision__plan=plan, revision__number=plan.revision, status=str(RehearsalStatus.DONE)
    )
    files = PlanFile.objects.filter(plan=plan).order_by("position")
    told = JSONObject(
        **{name: name for name in _VERDICT},
        files=ArraySubquery(files.values(it=JSONObject(name="name", sha256="sha256"))),
    )
    return ArraySubquery(rows.order_by("-pk").values(it=told)[:1])


_VERDICT = ("files_digest", "finished_at", "requested_at", "newer_migration", "result")


@dataclass(frozen=True)
class Verdict:
    """A rehearsal that was carried out, and the digest of the plan's files as they are now."""

    rehearsal: Rehearsal
    digest_now: str


def verdict_from(carried: list[dict[str, Any]], *, plan: MigrationPlan) -> Verdict | None:
    """Return what `verdict_beside` read, None when there was no verdict."""
    if not carried:
        return None
    told = carried[0]
    names = [(each["name"], each["sha256"]) for each in told["files"]]
    done = {name: told[name] for name in _VERDICT}
    for name in ("finished_at", "requested_at"):
        done[name] = datetime.fromisoformat(done[name]) if done[name] else None
    return Verdict(
        rehearsal=Rehearsal(plan=plan, **done),
        digest_now=plan_rules.files_digest(target_id=plan.target_id, files=names),
    )


def standing(revision: PlanRevision, *, now: datetime) -> Standing:
    """Say what the newest rehearsal of the revision says now, in one line."""
    return _standing(newest_verdict(revision), revision=revision, now=now)


def _standing(
    found: Rehearsal | None, *, revision: PlanRevision, now: datetime, digest_now: str = ""
) -> Standing:
    if found is None:
        return Standing(fresh=False, passing=False, sentence=_none_yet(revision))
    stale = stale_reason(found, now=now, digest_now=digest_now)
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


def gate_problem(revision: PlanRevision, *, now: datetime, verdict: Verdict | None = None) -> str:
    """Return why the rehearsal keeps the T-1 gate closed (none, a stale one, a failing one); empty when the gate is open.

    `verdict`: the newest one, when another question carried it already (`verdict_beside`).
    """
    if verdict is None:
        stands = standing(revision, now=now)
    else:
        stands = _standing(
            verdict.rehearsal, revision=revision, now=now, digest_now=verdict.digest_now
        )
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
