"""The files of a draft."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from migrations_portal.people.models import Person
from migrations_portal.plans.models import MigrationPlan, PlanFile
from migrations_portal.plans.ports import ScriptChecker
from migrations_portal.plans.rules import MAX_FILES, FileRefused, check_file, check_names
from migrations_portal.plans.services.assessing import request_assessment
from migrations_portal.plans.services.locking import lock_draft


@dataclass(frozen=True)
class Upload:
    """A file as it came through the door."""

    name: str
    content: bytes


@transaction.atomic
def put_files(
    *, plan_id: int, by: Person, uploads: Sequence[Upload], checker: ScriptChecker, now: datetime
) -> MigrationPlan:
    """Add files to a draft (a known name is replaced) and ask for a new assessment. Raises `FileRefused`."""
    plan = lock_draft(plan_id=plan_id, by=by)
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
    plan = lock_draft(plan_id=plan_id, by=by)
    removed, _ = plan.files.filter(name=name).delete()
    if not removed:
        raise FileRefused(f"{plan.number} holds no file named {name}.")
    if plan.files.exists():
        request_assessment(plan, now=now)
    return plan
