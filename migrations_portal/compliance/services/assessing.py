"""The privacy impact assessment of a plan, in versions, with its documents."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

import rfc8785
from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.compliance.models import (
    Document,
    Dpia,
)
from migrations_portal.compliance.rules import (
    DPIA_QUESTIONS,
    DocumentRefused,
    DpiaIncomplete,
    check_answers,
    check_document,
)
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.plans import privacy
from migrations_portal.plans.checklist import PRIVACY_ASSESSMENT
from migrations_portal.plans.models import ChecklistItem, MigrationPlan
from migrations_portal.plans.services import draft_entry, prove


@transaction.atomic
def save_dpia(
    *, plan: MigrationPlan, answers: Mapping[str, str], by: Person, now: datetime
) -> Dpia:
    """Keep a new version of the plan's assessment, which T-5 waits for; raise `DpiaIncomplete`, `NotAllowed`."""
    access.check_member(person=by, group=plan.target.group)
    told = check_answers(dict(answers), questions=DPIA_QUESTIONS)
    MigrationPlan.objects.select_for_update().get(pk=plan.pk)
    last = Dpia.objects.filter(plan=plan).order_by("-version").first()
    if last is not None and last.answers == told and _counts(plan):
        raise DpiaIncomplete("Nothing was changed, so there is no new version.")
    made = Dpia.objects.create(
        plan=plan,
        version=(last.version if last else 0) + 1,
        answers=told,
        sha256=hashlib.sha256(rfc8785.dumps(told)).hexdigest(),
        saved_by=by,
        saved_at=now,
    )
    privacy.ask_for_assessment(plan, asked=True)
    prove(
        plan=plan,
        key=PRIVACY_ASSESSMENT.key,
        note=f"Version {made.version}, saved by {by.full_name}",
        evidence=f"/plans/{plan.pk}/dpia/",
        now=now,
    )
    _note(
        plan,
        by,
        EntryKind.DPIA_SAVED,
        f"{by.full_name} saved version {made.version} of the privacy impact assessment of {plan.number}.",
        facts={"version": made.version, "sha256": made.sha256},
    )
    return made


def _counts(plan: MigrationPlan) -> bool:
    """Say whether the assessment speaks of the plan as it is; one of an earlier content may be given anew as it stands."""
    item = ChecklistItem.objects.filter(plan=plan, key=PRIVACY_ASSESSMENT.key)
    return item.filter(done_at__isnull=False).exists()


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
