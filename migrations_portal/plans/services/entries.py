"""The ledger entry about a plan, with the plan's own facts."""

from dataclasses import replace
from typing import Any

from migrations_portal.audit.rules import Actor, Draft, EntryKind
from migrations_portal.plans.models import MigrationPlan


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


def path(plan: MigrationPlan) -> str:
    """Return the path of the plan's page, for evidence and mails."""
    return f"/plans/{plan.pk}/"
