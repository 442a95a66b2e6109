"""What changed between two revisions of a plan, as plain values."""

from typing import Any

from django.urls import reverse

from migrations_portal.approvals import queries as approvals
from migrations_portal.people.models import Person
from migrations_portal.plans import changes
from migrations_portal.plans.models import FrozenFile, MigrationPlan, PlanRevision

SENTENCES_SHOWN = 3


def _texts(revision: PlanRevision) -> dict[str, str]:
    rows = FrozenFile.objects.filter(revision=revision).order_by("position")
    return {row.name: bytes(row.content).decode("utf-8", "replace") for row in rows}


def between(plan: MigrationPlan, *, old: PlanRevision, new: PlanRevision) -> dict[str, Any]:
    """Return the changed answers and the changed lines of the files."""
    fields = changes.field_changes(old.content, new.content, zone=plan.target.zone)
    files = changes.file_changes(_texts(old), _texts(new))
    return {
        "fields": [
            {"title": each.title, "before": each.before or "—", "after": each.after or "—"}
            for each in fields
        ],
        "files": [
            {
                "name": each.name,
                "word": each.word,
                "lines": [vars(line) for line in each.lines],
                "added": sum(line.kind == "add" for line in each.lines),
                "removed": sum(line.kind == "del" for line in each.lines),
            }
            for each in files
        ],
        "sentences": [
            *(each.sentence for each in fields),
            *(f"{each.name} is {each.word}" for each in files),
        ],
    }


def since_signed(
    plan: MigrationPlan, *, person: Person, now: PlanRevision
) -> dict[str, Any] | None:
    """Return what changed since `person` signed an earlier revision, in a few sentences; None when they did not."""
    old = approvals.signed_before(person=person, plan=plan)
    if old is None or old.number == now.number:
        return None
    sentences = between(plan, old=old, new=now)["sentences"]
    more = len(sentences) - SENTENCES_SHOWN
    return {
        "sentences": [*sentences[:SENTENCES_SHOWN], *([f"{more} more"] if more > 0 else [])],
        "url": f"{reverse('plan-changes', args=[plan.pk])}?since={old.number}",
    }
