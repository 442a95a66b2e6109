"""Records of processing activities, in versions."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from migrations_portal.audit.rules import EntryKind
from migrations_portal.compliance.models import (
    ProcessingRecord,
)
from migrations_portal.compliance.rules import (
    PROCESSING_QUESTIONS,
    DpiaIncomplete,
    check_answers,
)
from migrations_portal.compliance.services.officers import check_officer, record
from migrations_portal.people.models import Person
from migrations_portal.targets.models import TargetGroup


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
    record(
        EntryKind.PROCESSING_RECORDED,
        by,
        f"{by.full_name} saved version {made.version} of the record of processing “{name}”.",
        group=group,
    )
    return made
