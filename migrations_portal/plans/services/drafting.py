"""Opening a draft and editing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.kernel.plain_text import is_blank
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import checklist
from migrations_portal.plans.commit import Commit
from migrations_portal.plans.models import ChecklistItem, MigrationPlan, PlanCheck, PlanSmokeCheck
from migrations_portal.plans.rules import Documentation, PlanIncomplete, check_query, check_title
from migrations_portal.plans.services.entries import draft_entry
from migrations_portal.plans.services.locking import lock_draft
from migrations_portal.plans.smoke import MOST_CHECKS, SmokeCheck, SmokeRefused, check_smoke
from migrations_portal.targets.models import Target


class EditedMeanwhile(Refused):
    """Somebody else saved this draft after you opened it. Load the page again and repeat your change."""

    code = "edited-meanwhile"


@dataclass(frozen=True)
class Check:
    """A verification query of the plan's own: one query, one value that it must return."""

    name: str
    sql: str
    expected: str


@transaction.atomic
def create(*, title: str, target: Target, by: Person, now: datetime) -> MigrationPlan:
    """Open a draft. Raises `NotAllowed` unless `by` is an engineer for the target."""
    access.check_holds(person=by, role=Role.ENGINEER, group=target.group)
    check_title(title)
    if is_blank(title):
        raise PlanIncomplete({"title": "The plan needs a title. Say in a few words what changes."})
    plan = MigrationPlan.objects.create(
        title=title.strip()[:160], author=by, last_editor=by, target=target, created_at=now
    )
    _lay_out_checklist(plan)
    audit.append(
        draft_entry(
            plan,
            kind=EntryKind.PLAN_CREATED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} opened {plan.number} “{plan.title}”.",
        )
    )
    return plan


def _lay_out_checklist(plan: MigrationPlan) -> None:
    ChecklistItem.objects.bulk_create(
        ChecklistItem(
            plan=plan,
            position=position,
            key=item.key,
            section=str(item.section),
            by_portal=item.by_portal,
        )
        for position, item in enumerate(checklist.TEMPLATE)
    )


@transaction.atomic
def edit(  # one verb that saves a draft's whole form
    *,
    plan_id: int,
    by: Person,
    title: str,
    scheduled_for: datetime | None,
    documentation: Documentation,
    checks: Sequence[Check],
    version: int,
    now: datetime,
    smoke: Sequence[SmokeCheck] | None = None,
    commit: Commit | None = None,
) -> MigrationPlan:
    """Save a draft. Raises `EditedMeanwhile` when `version` is not the one that is stored, `QueryRefused`, `SmokeRefused`.

    `smoke`, `commit`: none leaves the smoke checks, and the commit of the files, as they are.
    """
    plan = lock_draft(plan_id=plan_id, by=by)
    if plan.version != version:
        raise EditedMeanwhile
    check_title(title)
    for each in checks:
        check_query(name=each.name, sql=each.sql)
    plan.title = plan.title if is_blank(title) else title.strip()[:160]
    plan.scheduled_for = scheduled_for
    for name, value in vars(documentation).items():
        setattr(plan, name, value)
    if commit is not None:
        plan.git_commit, plan.commit_authors = commit.sha, list(commit.authors)
    plan.last_editor, plan.version = by, plan.version + 1
    plan.save()
    plan.checks.all().delete()
    PlanCheck.objects.bulk_create(
        PlanCheck(
            plan=plan, position=position, name=each.name, sql=each.sql, expected=each.expected
        )
        for position, each in enumerate(checks)
    )
    if smoke is not None:
        _put_smoke(plan, smoke)
    return plan


def _put_smoke(plan: MigrationPlan, smoke: Sequence[SmokeCheck]) -> None:
    partner = plan.target.staging_target
    if smoke and partner is None:
        raise SmokeRefused(
            f"{plan.target} has no staging target, so no application can be asked before production."
        )
    if len(smoke) > MOST_CHECKS:
        raise SmokeRefused(f"A plan holds at most {MOST_CHECKS} smoke checks.")
    for each in smoke:
        check_smoke(each, allowed=partner.smoke_addresses if partner else ())
    plan.smoke_checks.all().delete()
    PlanSmokeCheck.objects.bulk_create(
        PlanSmokeCheck(plan=plan, position=position, **vars(each))
        for position, each in enumerate(smoke)
    )


@transaction.atomic
def name_executor(*, plan_id: int, by: Person, executor: Person | None) -> MigrationPlan:
    """Say who carries the run of a draft out; that person holds no seat. Raises `NotAllowed` for somebody without a role."""
    plan = lock_draft(plan_id=plan_id, by=by)
    if executor is not None:
        access.check_member(person=executor, group=plan.target.group)
    plan.executor = executor
    plan.version += 1
    plan.save(update_fields=["executor", "version"])
    return plan
