"""Changing plans. Every verb writes the plan and its ledger entry in one transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Actor, Draft, EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import checklist, privacy, queries, slots
from migrations_portal.plans.models import (
    ChecklistItem,
    FrozenFile,
    MigrationPlan,
    PlanAssessment,
    PlanCheck,
    PlanFile,
    PlanRevision,
    PlanSmokeCheck,
)
from migrations_portal.plans.ports import ScriptChecker
from migrations_portal.plans.rules import (
    ASSESSMENT_LEASE,
    CLOSED,
    MAX_FILES,
    PLAN_STATES,
    Documentation,
    FileRefused,
    PlanIncomplete,
    PlanStatus,
    check_file,
    check_names,
    check_query,
    earliest_start,
    missing_documentation,
)
from migrations_portal.plans.smoke import MOST_CHECKS, SmokeCheck, SmokeRefused, check_smoke
from migrations_portal.targets.models import Target


class NotYourPlan(Refused):
    """Only the author of a plan may change it."""

    code = "not-your-plan"


class NotADraft(Refused):
    """The plan was submitted, so it cannot be edited in place."""

    code = "not-a-draft"


class EditedMeanwhile(Refused):
    """Somebody else saved this draft after you opened it. Load the page again and repeat your change."""

    code = "edited-meanwhile"


class NotTicked(Refused):
    """This checklist item cannot be ticked by hand."""

    code = "not-ticked"


@dataclass(frozen=True)
class Upload:
    """A file as it came through the door."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Check:
    """A verification query of the plan's own: one query, one value that it must return."""

    name: str
    sql: str
    expected: str


def draft_entry(
    plan: MigrationPlan, *, kind: EntryKind, actor: Actor, sentence: str, **more: Any
) -> Draft:
    """Return an entry with the plan's own facts filled in; every domain that writes about a plan uses it."""
    if plan.emergency_reason:
        more["facts"] = {**more.get("facts", {}), "emergency": True}
    if "phi" not in more:  # so that the ledger's filter finds all that happened to a plan on PHI
        more["phi"] = plan.revisions.filter(number=plan.revision, phi=True).exists()
    return replace(
        Draft(
            kind=kind,
            actor=actor,
            sentence=sentence,
            plan=plan.pk,
            revision=plan.revision or None,
            target=plan.target.name,
            environment=plan.target.environment.lower(),
        ),
        **more,
    )


@transaction.atomic
def create(*, title: str, target: Target, by: Person, now: datetime) -> MigrationPlan:
    """Open a draft. Raises `NotAllowed` unless `by` is an engineer for the target."""
    access.check_holds(person=by, role=Role.ENGINEER, group=target.group)
    if not title.strip():
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


def lock(plan_id: int) -> MigrationPlan:
    """Return the plan, locked until the transaction ends; raise `PlanNotFound`."""
    plan = (
        MigrationPlan.objects.select_for_update(of=("self",))
        .select_related("target", "target__group", "author")
        .filter(pk=plan_id)
        .first()
    )
    if plan is None:
        raise queries.PlanNotFound
    return plan


def _lock_draft(*, plan_id: int, by: Person) -> MigrationPlan:
    plan = lock(plan_id)
    if plan.author_id != by.pk:
        raise NotYourPlan(
            f"{plan.number} belongs to {plan.author.full_name}; ask them to change it."
        )
    if plan.status != PlanStatus.DRAFT:
        raise NotADraft(
            f"{plan.number} was submitted, so it cannot be edited in place. Open it for changes first."
        )
    return plan


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
) -> MigrationPlan:
    """Save a draft. Raises `EditedMeanwhile` when `version` is not the one that is stored, `QueryRefused`, `SmokeRefused`.

    `smoke`: none leaves the smoke checks as they are.
    """
    plan = _lock_draft(plan_id=plan_id, by=by)
    if plan.version != version:
        raise EditedMeanwhile
    for each in checks:
        check_query(name=each.name, sql=each.sql)
    plan.title = title.strip()[:160] or plan.title
    plan.scheduled_for = scheduled_for
    for name, value in vars(documentation).items():
        setattr(plan, name, value)
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
def put_files(
    *, plan_id: int, by: Person, uploads: Sequence[Upload], checker: ScriptChecker, now: datetime
) -> MigrationPlan:
    """Add files to a draft (a known name is replaced) and ask for a new assessment. Raises `FileRefused`."""
    plan = _lock_draft(plan_id=plan_id, by=by)
    kept = {each.name: each for each in plan.files.all()}
    check_names([upload.name for upload in uploads])
    for upload in uploads:
        text = check_file(name=upload.name, content=upload.content)
        checker.check(name=upload.name, text=text)
        kept[upload.name] = PlanFile(
            plan=plan,
            name=upload.name,
            content=upload.content,
            sha256=hashlib.sha256(upload.content).hexdigest(),
        )
    if len(kept) > MAX_FILES:
        raise FileRefused(
            f"A plan holds at most {MAX_FILES} files. Split the change into several plans."
        )
    plan.files.all().delete()
    for position, name in enumerate(sorted(kept)):
        row = kept[name]
        PlanFile.objects.create(
            plan=plan, position=position, name=name, content=bytes(row.content), sha256=row.sha256
        )
    request_assessment(plan, now=now)
    return plan


@transaction.atomic
def remove_file(*, plan_id: int, by: Person, name: str, now: datetime) -> MigrationPlan:
    """Take a file out of a draft."""
    plan = _lock_draft(plan_id=plan_id, by=by)
    removed, _ = plan.files.filter(name=name).delete()
    if not removed:
        raise FileRefused(f"{plan.number} holds no file named {name}.")
    if plan.files.exists():
        request_assessment(plan, now=now)
    return plan


def request_assessment(plan: MigrationPlan, *, now: datetime) -> None:
    """Ask for the analysis of the files as they are now, once."""
    PlanAssessment.objects.get_or_create(
        plan=plan, files_digest=queries.files_digest(plan), defaults={"requested_at": now}
    )


def claim_assessment(*, assessment_id: int, now: datetime) -> bool:
    """Take an assessment that nobody works on; return whether it is ours. Doorbell and sweep may both ring for it."""
    free = Q(claimed_at__isnull=True) | Q(claimed_at__lt=now - ASSESSMENT_LEASE)
    rows = PlanAssessment.objects.filter(free, pk=assessment_id, done_at__isnull=True)
    return rows.update(claimed_at=now) == 1


def release_assessment(*, assessment_id: int) -> None:
    """Give an assessment back undone: the files it belongs to are no longer the plan's."""
    PlanAssessment.objects.filter(pk=assessment_id, done_at__isnull=True).update(claimed_at=None)


def put_off_assessment(*, assessment_id: int, why: str) -> None:
    """Say why an assessment takes longer than it should. It stays claimed, so that the next try is `ASSESSMENT_LEASE` away."""
    PlanAssessment.objects.filter(pk=assessment_id, done_at__isnull=True).update(problem=why)


@transaction.atomic
def store_assessment(  # written once per set of files; the runbook calls it
    *,
    assessment_id: int,
    level: str,
    phi: bool,
    tables: Sequence[str],
    result: Mapping[str, Any],
    problem: str,
    now: datetime,
) -> None:
    """Keep what the analysis found. An assessment that is done already is left as it is."""
    row = (
        PlanAssessment.objects.select_for_update()
        .select_related("plan__target")
        .get(pk=assessment_id)
    )
    if row.done_at is not None:
        return
    row.level, row.phi, row.tables, row.result, row.problem = (
        level,
        phi,
        list(tables),
        dict(result),
        problem,
    )
    row.done_at = now
    row.save()
    audit.append(
        draft_entry(
            row.plan,
            kind=EntryKind.PLAN_ASSESSED,
            actor=PORTAL,
            sentence=f"{row.plan.number} was assessed: "
            + (f"risk {level.lower()}." if level else "not possible."),
            phi=phi,
            result="success" if level else "failed",
            facts={"files_digest": row.files_digest, "tables": list(tables)},
        )
    )


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
            "The files are still being assessed. This clears by itself within seconds."
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
    plan = _lock_draft(plan_id=plan_id, by=by)
    access.check_holds(person=by, role=Role.ENGINEER, group=plan.target.group)
    lacking = missing(plan, now=now, day=day, urgent=urgent)
    assessment = queries.current_assessment(plan)
    if lacking or assessment is None:
        raise PlanIncomplete(lacking)
    PLAN_STATES.check(source=PlanStatus(plan.status), target=PlanStatus.SUBMITTED)
    plan.revision, plan.planned_for = plan.revision + 1, plan.scheduled_for
    plan.window_ends_at = slots.closes_at(plan, level=assessment.level)
    content = queries.content(
        plan, level=assessment.level, phi=assessment.phi, backup_policy=backup_policy
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


def path(plan: MigrationPlan) -> str:
    """Return the path of the plan's page, for evidence and mails."""
    return f"/plans/{plan.pk}/"


def move(plan: MigrationPlan, *, status: PlanStatus, entry: Draft, now: datetime) -> None:
    """Change the status of a locked plan, with its ledger entry. Raises `TransitionRefused`."""
    PLAN_STATES.check(source=PlanStatus(plan.status), target=status)
    plan.status = str(status)
    plan.closed_at = now if status in CLOSED else None
    plan.save(update_fields=["status", "closed_at"])
    audit.append(entry)


def reopen(plan: MigrationPlan, *, entry: Draft, now: datetime) -> None:
    """Make a locked plan a draft again. The caller has voided what was signed. Raises `TransitionRefused`."""
    plan.planned_for, plan.emergency_reason, plan.emergency_until = None, "", None
    plan.save(update_fields=["planned_for", "emergency_reason", "emergency_until"])
    move(plan, status=PlanStatus.DRAFT, entry=entry, now=now)


def mark_emergency(plan: MigrationPlan, *, reason: str, until: datetime) -> None:
    """Put a locked draft on the emergency path; the caller submits it in the same transaction."""
    plan.emergency_reason, plan.emergency_until = reason, until
    plan.save(update_fields=["emergency_reason", "emergency_until"])


@transaction.atomic
def name_executor(*, plan_id: int, by: Person, executor: Person | None) -> MigrationPlan:
    """Say who carries the run of a draft out; that person holds no seat. Raises `NotAllowed` for somebody without a role."""
    plan = _lock_draft(plan_id=plan_id, by=by)
    if executor is not None:
        access.check_member(person=executor, group=plan.target.group)
    plan.executor = executor
    plan.version += 1
    plan.save(update_fields=["executor", "version"])
    return plan


def prove(*, plan: MigrationPlan, key: str, note: str, evidence: str, now: datetime) -> None:
    """Tick a checklist item that the portal proves, with a link to the proof. The caller's transaction carries the ledger entry.

    An item that a person could tick as well belongs to the proof from now on.
    """
    ChecklistItem.objects.filter(plan=plan, key=key, done_at__isnull=True).update(
        done_at=now, done_by=None, note=note[:300], evidence=evidence[:200], by_portal=True
    )


@transaction.atomic
def tick(*, plan_id: int, key: str, by: Person, note: str, now: datetime) -> None:
    """Tick an item that only a person can know. Raises `NotTicked` for what the portal proves itself."""
    plan = lock(plan_id)
    access.check_member(person=by, group=plan.target.group)
    item = checklist.BY_KEY.get(key)
    mine = ChecklistItem.objects.filter(plan=plan, key=key)
    if item is None or mine.filter(by_portal=True, done_at__isnull=True).exists():
        raise NotTicked("The portal ticks this item itself when it has the proof.")
    if not note.strip():
        raise NotTicked("Add a note that says how you know, such as a link to the test run.")
    changed = mine.filter(done_at__isnull=True).update(
        done_at=now, done_by=by, note=note.strip()[:300]
    )
    if not changed:
        raise NotTicked("This item is ticked already.")
    audit.append(
        draft_entry(
            plan,
            kind=EntryKind.CHECKLIST_TICKED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} ticked “{item.title}” on {plan.number}.",
            reason=note.strip()[:300],
        )
    )
