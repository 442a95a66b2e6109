"""Reading plans: narrowed to what a person may see, in one place (S5)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.plans import rules
from migrations_portal.plans.models import (
    Comment,
    FrozenFile,
    MigrationPlan,
    Phase,
    PlanAssessment,
    PlanCheck,
    PlanFile,
    PlanRevision,
)
from migrations_portal.plans.rules import PlanContent, PlanStatus
from migrations_portal.plans.smoke import SmokeCheck
from migrations_portal.targets import queries as target_queries


class PlanNotFound(Refused):
    """There is no such plan, or it belongs to targets that you have no role for."""

    code = "plan-not-found"


def visible(*, person: Person) -> QuerySet[MigrationPlan]:
    """Return the plans on targets for which `person` holds any role, newest first."""
    groups = target_queries.groups_of(person=person)
    return (
        MigrationPlan.objects.filter(target__group__in=groups)
        .select_related("author", "target", "target__group")
        .order_by("-pk")
    )


def get(*, plan_id: int, person: Person) -> MigrationPlan:
    """Return one plan that `person` may see, or raise `PlanNotFound`."""
    checks = PlanCheck.objects.filter(plan=OuterRef("pk")).order_by("position")
    asked = JSONObject(name="name", sql="sql", expected="expected")
    rows = (
        visible(person=person)
        .select_related("phase")
        .annotate(
            _checks=ArraySubquery(checks.values(it=asked)),
            _comments=ArraySubquery(_comments(OuterRef("pk"))),
        )
    )
    plan = rows.filter(pk=plan_id).first()
    if plan is None:
        raise PlanNotFound
    return plan


def checks_of(plan: MigrationPlan) -> list[dict[str, str]]:
    """Return the plan's own verification, {name, sql, expected} each, in order; without a question when `get` read the plan."""
    kept: list[dict[str, str]] | None = getattr(plan, "_checks", None)
    if kept is not None:
        return kept
    rows = plan.checks.order_by("position")
    return [{"name": row.name, "sql": row.sql, "expected": row.expected} for row in rows]


@dataclass(frozen=True)
class Said:
    """One comment as readers see it."""

    pk: int
    author: str
    at: datetime
    text: str


def _comments(plan: MigrationPlan | OuterRef) -> Any:
    told = JSONObject(pk="pk", author="author__full_name", at="at", text="text")
    return Comment.objects.filter(plan=plan).order_by("at", "pk").values(it=told)


def comments_of(plan: MigrationPlan) -> list[Said]:
    """Return the comments, oldest first; without a question when `get` read the plan."""
    kept: list[dict[str, Any]] | None = getattr(plan, "_comments", None)
    if kept is None:
        kept = [row["it"] for row in _comments(plan)]
    return [Said(**{**each, "at": datetime.fromisoformat(each["at"])}) for each in kept]


def newest_revision(plan: MigrationPlan) -> PlanRevision | None:
    """Return the revision that counts, None while the plan is a draft."""
    if not plan.revision:
        return None
    return PlanRevision.objects.filter(plan=plan, number=plan.revision).first()


def newest_revisions(plans: Collection[MigrationPlan]) -> dict[int, PlanRevision]:
    """Return the revisions that count, by the plan's number, in one query; drafts have none."""
    rows = PlanRevision.objects.filter(plan__in=plans, number=F("plan__revision")).defer("content")
    return {row.plan_id: row for row in rows}


def digests(plan: MigrationPlan) -> list[str]:
    """Return what somebody means who acts on the plan now: the digest of its files, and those of its frozen revisions, newest last."""
    frozen = PlanRevision.objects.filter(plan=plan).order_by("number")
    return [files_digest(plan), *frozen.values_list("digest", flat=True)]


def files_digest(plan: MigrationPlan) -> str:
    """Return the digest of the plan's files as they are now."""
    return rules.files_digest(
        target_id=plan.target_id,
        files=list(plan.files.order_by("position").values_list("name", "sha256")),
    )


def current_assessment(plan: MigrationPlan) -> PlanAssessment | None:
    """Return the newest assessment of the files as they are now, whether or not it is done."""
    return _newest_assessment(plan, digest=files_digest(plan))


def assessment_of(
    plan: MigrationPlan, *, files: Sequence[PlanFile | FrozenFile]
) -> PlanAssessment | None:
    """Return the newest assessment of files that were read already, None when there are none."""
    if not files:
        return None
    names = [(each.name, each.sha256) for each in files]
    digest = rules.files_digest(target_id=plan.target_id, files=names)
    return _newest_assessment(plan, digest=digest)


def assessment_of_revision(plan: MigrationPlan, *, revision: PlanRevision) -> PlanAssessment | None:
    """Return the newest assessment of exactly the files that the revision froze, None when there is none."""
    return assessment_of(plan, files=list(revision.files.order_by("position")))


def _newest_assessment(plan: MigrationPlan, *, digest: str) -> PlanAssessment | None:
    rows = PlanAssessment.objects.filter(plan=plan, files_digest=digest)
    return rows.order_by("-attempt").first()


def content(
    plan: MigrationPlan, *, level: str, phi: bool, backup_policy: str, packages: str = ""
) -> PlanContent:
    """Return what a revision freezes, read from the rows as they are now."""
    if plan.scheduled_for is None:
        raise PlanNotFound(f"{plan.number} has no date, so it has no content to sign.")
    return PlanContent(
        plan=plan.pk,
        title=plan.title,
        target=plan.target.name,
        database=plan.target.database,
        scheduled_for=plan.planned_for or plan.scheduled_for,
        window_ends_at=plan.window_ends_at,
        author=plan.author.email,
        level=level,
        phi=phi,
        documentation=plan.documentation,
        files=tuple(plan.files.order_by("position").values_list("name", "sha256")),
        checks=tuple(plan.checks.order_by("position").values_list("name", "sql", "expected")),
        backup_policy=backup_policy,
        smoke=smoke_checks(plan),
        packages=packages,
        commit=plan.commit,
        executor=plan.executor.email if plan.executor else "",
        emergency=(plan.emergency_reason, plan.emergency_until.isoformat())
        if plan.emergency_until
        else None,
    )


def smoke_checks(plan: MigrationPlan) -> tuple[SmokeCheck, ...]:
    """Return what the plan asks the application after its run on staging, as values."""
    names = ("name", "url", "status", "text", "seconds")
    rows = plan.smoke_checks.order_by("position").values(*names)
    return tuple(SmokeCheck(**row) for row in rows)


def assessments_waiting(*, now: datetime) -> list[int]:
    """Return the assessments of present files that nobody has done some seconds after they were asked for."""
    rows = PlanAssessment.objects.filter(
        done_at__isnull=True, requested_at__lt=now - timedelta(seconds=5)
    )
    waiting = rows.select_related("plan").order_by("requested_at")[:50]
    return [row.pk for row in waiting if row.files_digest == files_digest(row.plan)][:10]


def phases(plan: MigrationPlan) -> list[Phase]:
    """Return the phases of the plan's series in order, empty when it belongs to none."""
    own = getattr(plan, "phase", None)
    if own is None:
        return []
    rows = Phase.objects.filter(series=own.series_id).select_related("plan__target", "deployed_by")
    return list(rows.order_by("position"))


def phase_waits_for(plan: MigrationPlan) -> str:
    """Return why the plan's phase may not begin yet, nothing when it may."""
    own = Phase.objects.filter(plan=plan).first()
    if own is None or own.position == 1:
        return ""
    before = Phase.objects.select_related("plan").get(
        series=own.series_id, position=own.position - 1
    )
    if before.plan.status != PlanStatus.SUCCEEDED:
        return (
            f"This is phase {own.position} of a series: {before.plan.number} has to succeed first."
        )
    if own.deployed_at is None:
        return f"Between the phases this has to be deployed, and confirmed by a person: {own.deploy_before}"
    return ""
