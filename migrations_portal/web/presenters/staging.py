"""The stage before production as plain values: the card on a plan's page, and the line that signers read."""

from typing import Any

from django.urls import reverse

from migrations_portal.execution import staging
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries
from migrations_portal.plans.models import MigrationPlan, PlanRevision


def card(
    plan: MigrationPlan, *, revision: PlanRevision | None, roles: frozenset[Role]
) -> dict[str, Any] | None:
    """Return what the plan's page says of staging; None where the target has no staging partner."""
    if plan.target.staging_target_id is None:
        return None
    told: dict[str, Any] = {
        "partner": str(plan.target.staging_target),
        "sentence": f"Before production it runs on {plan.target.staging_target}: the same files, steps and checks.",
        "tone": "info",
        "url": "",
        "post_url": "",
        "smoke": [vars(each) for each in queries.smoke_checks(plan)],
    }
    stands = staging.standing(revision) if revision else None
    if stands is None:
        return told
    may_ask = stands.may_ask and plan.status in staging.OPEN and bool(roles & staging.ASKERS)
    return told | {
        "sentence": stands.sentence,
        "tone": "good" if stands.passed else "bad" if stands.may_ask else "warn",
        "url": reverse("run", args=[stands.run.pk]) if stands.run else "",
        "post_url": reverse("plan-stage", args=[plan.pk]) if may_ask else "",
    }


def signer_fact(revision: PlanRevision) -> list[dict[str, str]]:
    """Return the line about staging for those who sign; empty where there is no stage before."""
    stands = staging.standing(revision)
    if stands is None:
        return []
    line = {
        "term": "On staging",
        "value": stands.sentence,
        "tone": "good" if stands.passed else "warn",
        "verdict": "Passed" if stands.passed else "Not yet",
    }
    return [line | ({"url": reverse("run", args=[stands.run.pk])} if stands.run else {})]
