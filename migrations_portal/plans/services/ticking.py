"""The checklist: what the portal proves, and what a person ticks."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.plans import checklist
from migrations_portal.plans.models import ChecklistItem, MigrationPlan
from migrations_portal.plans.services.entries import draft_entry
from migrations_portal.plans.services.locking import lock


class NotTicked(Refused):
    """This checklist item cannot be ticked by hand."""

    code = "not-ticked"


def prove(*, plan: MigrationPlan, key: str, note: str, evidence: str, now: datetime) -> None:
    """Tick a checklist item that the portal proves, with a link to the proof. The caller's transaction carries the ledger entry.

    An item that a person could tick as well belongs to the proof from now on.
    """
    ChecklistItem.objects.filter(plan=plan, key=key, done_at__isnull=True).update(
        done_at=now, done_by=None, note=note[:300], evidence=evidence[:200], by_portal=True
    )


def untick(plan: MigrationPlan, *, keys: Collection[str] = tuple(checklist.BY_KEY)) -> list[str]:
    """Open items again whose proof speaks of a content or a day that counts no more; return the keys of those that were ticked.

    What was ticked, by whom and why, stays in the ledger. The caller's transaction carries the entry of the change.
    """
    rows = ChecklistItem.objects.filter(plan=plan, key__in=keys, done_at__isnull=False)
    ticked = list(rows.order_by("position").values_list("key", flat=True))
    if ticked:
        proven = [key for key, item in checklist.BY_KEY.items() if item.by_portal]
        rows.update(
            done_at=None,
            done_by=None,
            note="",
            evidence="",
            by_portal=Q(key__in=proven),
        )
    return ticked


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
