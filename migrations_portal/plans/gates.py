"""Which checklist items have to be ticked before a stage of the chain may pass."""

from migrations_portal.plans import checklist
from migrations_portal.plans.models import ChecklistItem, MigrationPlan


def open_items(plan: MigrationPlan, stage: str) -> list[str]:
    """Return the titles of the items that keep `stage` (REVIEW, SECURITY, GO) from passing, in the order of the template.

    The chain asks this before it opens the next stage; pages show the same list.
    """
    gating = [key for key, gate in checklist.GATES.items() if gate == stage]
    rows = ChecklistItem.objects.filter(plan=plan, key__in=gating, done_at__isnull=True)
    return [
        checklist.BY_KEY[key].title
        for key in rows.order_by("position").values_list("key", flat=True)
    ]
