"""Running the checks on a target and keeping what they found."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from migrations_portal.plans.models import MigrationPlan
from migrations_portal.targets.ports import Endpoint, TargetServer
from migrations_portal.verification import catalogue
from migrations_portal.verification.models import VerificationResult
from migrations_portal.verification.rules import Baseline, CheckResult, PlanCheck


def plan_checks(plan: MigrationPlan) -> tuple[PlanCheck, ...]:
    """Return the plan's own queries, as values."""
    return tuple(
        PlanCheck(name=each.name, sql=each.sql, expected=each.expected)
        for each in plan.checks.order_by("position")
    )


def baseline(
    *, server: TargetServer, endpoint: Endpoint, name: str, tables: Collection[str]
) -> Baseline:
    """Look at the target before the run, so that later only what the run changed can fail."""
    with server.session(endpoint, application_name=name) as session:
        return catalogue.take_baseline(session, tables=tables)


def run(
    *,
    run_id: int,
    phase: str,
    server: TargetServer,
    endpoint: Endpoint,
    baseline: Baseline,
    counts: Mapping[str, int],
    affected: Collection[str],
    checks: Sequence[PlanCheck],
    now: datetime,
    name: str,
) -> tuple[CheckResult, ...]:
    """Run every check and store one row for each. `counts` are the exact rows in the backup's snapshot."""
    with server.session(
        endpoint, application_name=name, statement_timeout_ms=10 * 60_000
    ) as session:
        results = catalogue.verify(
            session,
            baseline=baseline,
            counts=counts,
            affected=affected,
            announced={},
            checks=checks,
        )
    with transaction.atomic():
        VerificationResult.objects.filter(run_id=run_id, phase=phase).delete()
        VerificationResult.objects.bulk_create(
            VerificationResult(
                run_id=run_id,
                phase=phase,
                position=position,
                key=each.key,
                title=each.title,
                passed=each.passed,
                severity=each.severity,
                sentence=each.sentence,
                facts=dict(each.facts),
                at=now,
            )
            for position, each in enumerate(results)
        )
    return results
