"""The privacy assessment on a plan's checklist: T-5 waits for it when it touches PHI. `compliance` keeps the assessment."""

from migrations_portal.plans import checklist
from migrations_portal.plans.models import ChecklistItem, MigrationPlan


def ask_for_assessment(plan: MigrationPlan, *, asked: bool) -> None:
    """Put the item on the list of a plan that touches PHI; take an open one off any other. A ticked one stays."""
    item = checklist.PRIVACY_ASSESSMENT
    if not asked:
        ChecklistItem.objects.filter(plan=plan, key=item.key, done_at__isnull=True).delete()
        return
    ChecklistItem.objects.get_or_create(
        plan=plan,
        key=item.key,
        defaults={
            "position": len(checklist.TEMPLATE),
            "section": str(item.section),
            "by_portal": item.by_portal,
        },
    )
