"""Submitting a draft: what is missing, and freezing its content as a revision."""

from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import privacy, queries, slots
from migrations_portal.plans.models import ChecklistItem, FrozenFile, MigrationPlan, PlanRevision
from migrations_portal.plans.rules import (
    PLAN_STATES,
    PlanIncomplete,
    PlanStatus,
    earliest_start,
    missing_documentation,
)
from migrations_portal.plans.services.entries import path
from migrations_portal.plans.services.locking import lock_draft
from migrations_portal.plans.services.ticking import prove


def missing(
    plan: MigrationPlan, *, now: datetime, day: timedelta, urgent: bool = False
) -> dict[str, str]:
    """Return a sentence for everything that keeps the plan from being submitted, in the order of the form.

    `urgent`: on the emergency path, which skips the lead time.
    """
    lacking = missing_documentation(plan.documentation)
    if not plan.files.exists():
        lacking["files"] = "No migration file is attached. Upload the Sequelize file."
    elif (assessment := queries.current_assessment(plan)) is None or assessment.done_at is None:
        lacking["assessment"] = (
            "The files are still being assessed. This clears by itself when that has ended, mostly within seconds."
        )
    elif not assessment.level:
        lacking["assessment"] = assessment.problem
    if waits := queries.phase_waits_for(plan):
        lacking["phase"] = waits
    if plan.scheduled_for is None:
        lacking["scheduled_for"] = (
            "The date and time of the run (T-0) is missing. Choose when it should run."
        )
    elif not urgent and plan.scheduled_for < (
        earliest := earliest_start(now=now, zone=plan.target.zone, day=day)
    ):
        earliest = earliest.astimezone(plan.target.zone)
        lacking["scheduled_for"] = (
            f"T-0 is too soon: a plan is submitted 7 days ahead. Choose {earliest:%d %b %Y, %H:%M} "
            f"({plan.target.time_zone}) or later."
        )
    elif misfit := slots.misfit(plan, level=_level_now(plan)):
        lacking["scheduled_for"] = misfit
    return lacking


def _level_now(plan: MigrationPlan) -> str:
    """Return the level by which the window is chosen; the strictest while the analysis is not done."""
    assessment = queries.current_assessment(plan)
    return assessment.level if assessment and assessment.level else "CRITICAL"


@transaction.atomic
def freeze(
    *,
    plan_id: int,
    by: Person,
    policy_version: int,
    backup_policy: str,
    now: datetime,
    day: timedelta,
    urgent: bool = False,
) -> PlanRevision:
    """Submit a draft: freeze its content as a revision. The caller lays out the seats in the same transaction.

    Raises `PlanIncomplete` with a sentence per missing thing, `NotYourPlan`, `NotADraft`.
    """
    plan = lock_draft(plan_id=plan_id, by=by)
    access.check_holds(person=by, role=Role.ENGINEER, group=plan.target.group)
    lacking = missing(plan, now=now, day=day, urgent=urgent)
    assessment = queries.current_assessment(plan)
    if lacking or assessment is None:
        raise PlanIncomplete(lacking)
    PLAN_STATES.check(source=PlanStatus(plan.status), target=PlanStatus.SUBMITTED)
    plan.revision, plan.planned_for = plan.revision + 1, plan.scheduled_for
    plan.window_ends_at = slots.closes_at(plan, level=assessment.level)
    content = queries.content(
        plan,
        level=assessment.level,
        phi=assessment.phi,
        backup_policy=backup_policy,
        packages=assessment.result.get("packages", ""),
    )
    revision = PlanRevision.objects.create(
        plan=plan,
        number=plan.revision,
        digest=content.digest(),
        content=content.canonical().decode("utf-8"),
        level=assessment.level,
        phi=assessment.phi,
        tables=assessment.tables,
        policy_version=policy_version,
        submitted_by=by,
        submitted_at=now,
    )
    FrozenFile.objects.bulk_create(
        FrozenFile(
            revision=revision,
            position=each.position,
            name=each.name,
            content=bytes(each.content),
            sha256=each.sha256,
        )
        for each in plan.files.order_by("position")
    )
    plan.status, plan.submitted_at = str(PlanStatus.SUBMITTED), now
    plan.save()
    privacy.ask_for_assessment(plan, asked=assessment.phi)
    _leave_staging_to_proof(plan)
    prove(
        plan=plan,
        key="rollback-documented",
        note="Part of the submitted plan",
        evidence=path(plan),
        now=now,
    )
    return revision


def _leave_staging_to_proof(plan: MigrationPlan) -> None:
    """Where there is a stage before, only the run of this very revision ticks "tested in staging", whoever ticked it before."""
    if plan.target.staging_target_id is not None:
        ChecklistItem.objects.filter(plan=plan, key="tested-in-staging").update(
            done_at=None, done_by=None, note="", evidence="", by_portal=True
        )
