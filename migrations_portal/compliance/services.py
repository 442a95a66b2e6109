"""The duties of compliance: assessments, documents, log reviews, retention, records of processing, holds, disposal.

Each act writes its row and its ledger entry in one transaction.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime

import rfc8785
from django.db import transaction
from django.db.models import Max

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import StoredObject, Vault, VaultUnavailable
from migrations_portal.compliance import queries
from migrations_portal.compliance.models import (
    Disposal,
    Document,
    Dpia,
    LegalHold,
    LogReview,
    ProcessingRecord,
    RetentionCheck,
)
from migrations_portal.compliance.rules import (
    DISPOSERS,
    DPIA_QUESTIONS,
    OFFICERS,
    PROCESSING_QUESTIONS,
    REVIEW_WITHIN,
    SLACK,
    DisposalRefused,
    DocumentRefused,
    DpiaIncomplete,
    check_answers,
    check_disposal,
    check_document,
)
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import RunStatus
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.services import draft_entry
from migrations_portal.targets.models import TargetGroup

ENDED = tuple(
    str(each)
    for each in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.ROLLED_BACK, RunStatus.RESTORED)
)


def check_officer(*, person: Person, group: TargetGroup, roles: frozenset[Role] = OFFICERS) -> None:
    """Raise `NotAllowed` unless `person` holds one of these roles for the group now."""
    if not access.roles_in(person=person, group=group) & roles:
        names = ", ".join(sorted(role.title.lower() for role in roles))
        raise access.NotAllowed(f"For {group} only these may do this: {names}.")


@transaction.atomic
def save_dpia(
    *, plan: MigrationPlan, answers: Mapping[str, str], by: Person, now: datetime
) -> Dpia:
    """Keep a new version of the plan's assessment; raise `DpiaIncomplete`, `NotAllowed`."""
    access.check_member(person=by, group=plan.target.group)
    told = check_answers(dict(answers), questions=DPIA_QUESTIONS)
    MigrationPlan.objects.select_for_update().get(pk=plan.pk)
    last = Dpia.objects.filter(plan=plan).order_by("-version").first()
    if last is not None and last.answers == told:
        raise DpiaIncomplete("Nothing was changed, so there is no new version.")
    made = Dpia.objects.create(
        plan=plan,
        version=(last.version if last else 0) + 1,
        answers=told,
        sha256=hashlib.sha256(rfc8785.dumps(told)).hexdigest(),
        saved_by=by,
        saved_at=now,
    )
    _note(
        plan,
        by,
        EntryKind.DPIA_SAVED,
        f"{by.full_name} saved version {made.version} of the privacy impact assessment of {plan.number}.",
        facts={"version": made.version, "sha256": made.sha256},
    )
    return made


@transaction.atomic
def add_document(
    *, plan: MigrationPlan, name: str, content: bytes, by: Person, now: datetime
) -> Document:
    """Keep a document of the plan's assessment; raise `DocumentRefused`, `NotAllowed`."""
    access.check_member(person=by, group=plan.target.group)
    name = name.replace("\\", "/").rpartition("/")[2].strip()[:160]
    media_type = check_document(name, content)
    MigrationPlan.objects.select_for_update().get(pk=plan.pk)
    digest = hashlib.sha256(content).hexdigest()
    last = Document.objects.filter(plan=plan, name=name).order_by("-version").first()
    if last is not None and last.sha256 == digest:
        raise DocumentRefused(f"{name} is kept already, with the same content.")
    made = Document.objects.create(
        plan=plan,
        name=name,
        version=(last.version if last else 0) + 1,
        content_type=media_type,
        content=content,
        sha256=digest,
        uploaded_by=by,
        uploaded_at=now,
    )
    _note(
        plan,
        by,
        EntryKind.DPIA_SAVED,
        f"{by.full_name} added the document “{name}” (version {made.version}) to {plan.number}.",
        facts={"version": made.version, "sha256": digest},
    )
    return made


def _note(
    plan: MigrationPlan, by: Person, kind: EntryKind, sentence: str, *, facts: Mapping[str, object]
) -> None:
    audit.append(
        draft_entry(
            plan, kind=kind, actor=audit.actor(by), sentence=sentence, phi=True, facts=dict(facts)
        )
    )


def open_reviews(*, now: datetime) -> int:
    """Open the duty to review the query log for each ended run on PHI that has none; return how many were opened."""
    runs = MigrationRun.objects.filter(
        revision__phi=True, status__in=ENDED, claimed_at__isnull=False, log_review__isnull=True
    )
    made = [
        LogReview.objects.get_or_create(
            run=run,
            defaults={"opened_at": now, "due_at": (run.finished_at or now) + REVIEW_WITHIN},
        )[1]
        for run in runs
    ]
    return sum(made)


@transaction.atomic
def finish_review(*, review_id: int, finding: str, by: Person, now: datetime) -> LogReview:
    """Write down what the review found; raise `NotAllowed`, `DpiaIncomplete` without a finding."""
    row = (
        LogReview.objects.select_for_update(of=("self",))
        .select_related("run__plan__target__group")
        .get(pk=review_id)
    )
    plan = row.run.plan
    check_officer(person=by, group=plan.target.group)
    if not finding.strip():
        raise DpiaIncomplete("Say what you looked at and what you found.")
    if row.done_at is not None:
        raise DpiaIncomplete("This review is done already; its finding stands in the ledger.")
    row.done_at, row.done_by, row.finding = now, by, finding.strip()
    row.save(update_fields=["done_at", "done_by", "finding"])
    audit.append(
        draft_entry(
            plan,
            kind=EntryKind.REVIEW_DONE,
            actor=audit.actor(by),
            sentence=f"{by.full_name} reviewed the query log of run {row.run_id}.",
            reason=row.finding,
            phi=True,
        )
    )
    return row


def check_retention(*, vault: Vault, now: datetime) -> list[RetentionCheck]:
    """Ask the vault about every backup that must still be there, write down what it says, and the whole into the ledger."""
    rows = Backup.objects.filter(retain_until__gt=now).order_by("pk")
    made = [_ask_vault(each, vault=vault, now=now) for each in rows.iterator()]
    bad = [each for each in made if not each.held]
    with transaction.atomic():
        RetentionCheck.objects.bulk_create(made, batch_size=500)
        audit.append(
            Draft(
                kind=EntryKind.RETENTION_CHECKED,
                actor=PORTAL,
                sentence=f"The store was asked about {len(made)} backups; {len(made) - len(bad)} are held as promised.",
                result="failed" if bad else "success",
                facts={"not_held": [each.backup_id for each in bad][:200]},
            )
        )
    return made


def _ask_vault(backup: Backup, *, vault: Vault, now: datetime) -> RetentionCheck:
    stored = StoredObject(backup.bucket, backup.key, backup.version_id, backup.size, backup.sha256)
    try:
        facts = vault.describe(stored)
    except VaultUnavailable as away:
        return RetentionCheck(backup=backup, at=now, held=False, problem=away.sentence[:300])
    wrong = [
        said
        for holds, said in (
            (facts.size == backup.size, "its size is another"),
            (bool(facts.encryption), "it is not encrypted"),
            (facts.lock_mode == "COMPLIANCE", "it is not locked"),
            (
                facts.retain_until is not None
                and facts.retain_until >= backup.retain_until - SLACK,
                "its lock ends too early",
            ),
        )
        if not holds
    ]
    return RetentionCheck(
        backup=backup,
        at=now,
        held=not wrong,
        encryption=facts.encryption[:20],
        lock_mode=facts.lock_mode[:20],
        retain_until=facts.retain_until,
        problem="; ".join(wrong),
    )


@transaction.atomic
def save_processing(
    *, group: TargetGroup, name: str, answers: Mapping[str, str], by: Person, now: datetime
) -> ProcessingRecord:
    """Keep a new version of a record of processing; raise `NotAllowed`, `DpiaIncomplete`."""
    check_officer(person=by, group=group)
    name = name.strip()[:120]
    if not name:
        raise DpiaIncomplete("Give the activity a name, such as “Immunization reports”.")
    told = check_answers(dict(answers), questions=PROCESSING_QUESTIONS)
    TargetGroup.objects.select_for_update().get(pk=group.pk)
    last = ProcessingRecord.objects.filter(group=group, name=name).aggregate(top=Max("version"))
    made = ProcessingRecord.objects.create(
        group=group,
        name=name,
        version=(last["top"] or 0) + 1,
        answers=told,
        saved_by=by,
        saved_at=now,
    )
    _record(
        EntryKind.PROCESSING_RECORDED,
        by,
        f"{by.full_name} saved version {made.version} of the record of processing “{name}”.",
        group=group,
    )
    return made


@transaction.atomic
def set_hold(*, group: TargetGroup, matter: str, by: Person, now: datetime) -> LegalHold:
    """Forbid any disposal for a group until the hold is lifted; raise `NotAllowed`, `DisposalRefused`."""
    check_officer(person=by, group=group)
    if not matter.strip():
        raise DisposalRefused("Say what the hold is for.")
    made = LegalHold.objects.create(group=group, matter=matter.strip()[:300], set_by=by, set_at=now)
    _record(
        EntryKind.LEGAL_HOLD_SET,
        by,
        f"{by.full_name} set a legal hold on {group}.",
        group=group,
        reason=made.matter,
    )
    return made


@transaction.atomic
def lift_hold(*, hold_id: int, reason: str, by: Person, now: datetime) -> None:
    """Lift a hold; raise `NotAllowed`, `DisposalRefused` without a reason or when it is lifted already."""
    row = LegalHold.objects.select_for_update(of=("self",)).select_related("group").get(pk=hold_id)
    check_officer(person=by, group=row.group)
    if not reason.strip():
        raise DisposalRefused("Say why the hold is lifted.")
    if row.lifted_at is not None:
        raise DisposalRefused("This hold is lifted already.")
    row.lifted_by, row.lifted_at, row.lift_reason = by, now, reason.strip()[:300]
    row.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
    _record(
        EntryKind.LEGAL_HOLD_LIFTED,
        by,
        f"{by.full_name} lifted a legal hold on {row.group}.",
        group=row.group,
        reason=row.lift_reason,
    )


@transaction.atomic
def ask_disposal(
    *, group: TargetGroup, before: date, reason: str, by: Person, now: datetime
) -> Disposal:
    """Ask for the disposal of what is from before a day; raise `DisposalRefused` (under seven years, on hold), `NotAllowed`."""
    check_officer(person=by, group=group, roles=DISPOSERS)
    if not reason.strip():
        raise DisposalRefused("Say why the records are to be disposed of.")
    check_disposal(before=before, today=now.date(), held=queries.matters_on_hold(group=group))
    made = Disposal.objects.create(
        group=group, before=before, reason=reason.strip()[:300], asked_by=by, asked_at=now
    )
    _record(
        EntryKind.DISPOSAL_ASKED,
        by,
        f"{by.full_name} asked to dispose of records of {group} from before {before}.",
        group=group,
        reason=made.reason,
    )
    return made


@transaction.atomic
def decide_disposal(*, disposal_id: int, agree: bool, by: Person, now: datetime) -> Disposal:
    """Agree or refuse, as a second person (dual authorization); raise `DisposalRefused`, `NotAllowed`."""
    row = (
        Disposal.objects.select_for_update(of=("self",)).select_related("group").get(pk=disposal_id)
    )
    check_officer(person=by, group=row.group, roles=DISPOSERS)
    if row.decided_at is not None:
        raise DisposalRefused("This was decided already.")
    if row.asked_by_id == by.pk:
        raise DisposalRefused("You asked for this, so somebody else has to agree.")
    if agree:
        held = queries.matters_on_hold(group=row.group)
        check_disposal(before=row.before, today=now.date(), held=held)
    row.decided_by, row.decided_at, row.agreed = by, now, agree
    row.save(update_fields=["decided_by", "decided_at", "agreed"])
    _record(
        EntryKind.DISPOSAL_AGREED if agree else EntryKind.DISPOSAL_REFUSED,
        by,
        f"{by.full_name} {'agreed to' if agree else 'refused'} the disposal of records of {row.group} from before {row.before}.",
        group=row.group,
    )
    return row


def _record(
    kind: EntryKind, by: Person, sentence: str, *, group: TargetGroup, reason: str = ""
) -> None:
    audit.append(
        Draft(
            kind=kind,
            actor=audit.actor(by),
            sentence=sentence,
            reason=reason,
            facts={"group": group.name},
        )
    )
