"""Running the checks on a target and keeping what they found."""

import time
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction

from migrations_portal.plans.models import MigrationPlan
from migrations_portal.targets.ports import Endpoint, TargetServer, TargetSession
from migrations_portal.verification import catalogue
from migrations_portal.verification.models import VerificationResult
from migrations_portal.verification.row_counts import RowsExpected, lost
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
    server: TargetServer,
    endpoint: Endpoint,
    baseline: Baseline,
    expected: RowsExpected,
    affected: Collection[str],
    checks: Sequence[PlanCheck],
    name: str,
) -> tuple[CheckResult, ...]:
    """Run every check on the target."""
    with server.session(
        endpoint, application_name=name, statement_timeout_ms=10 * 60_000
    ) as session:
        results = catalogue.verify(
            session,
            baseline=baseline,
            expected=expected,
            affected=affected,
            checks=checks,
        )
        return _patiently(session, results, expected=expected)


@transaction.atomic
def store(*, run_id: int, phase: str, results: Sequence[CheckResult], now: datetime) -> None:
    """Keep what the checks of one phase found, in the place of what an earlier try found."""
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


def deleted_rows(*, server: TargetServer, endpoint: Endpoint, name: str) -> dict[str, int]:
    """Return the server's counters of deleted rows, to be read before the backup's snapshot."""
    with server.session(endpoint, application_name=name) as session:
        return catalogue.deleted_rows(session)


def _patiently(
    session: TargetSession, results: tuple[CheckResult, ...], *, expected: RowsExpected
) -> tuple[CheckResult, ...]:
    """Look again at rows that nothing explains, until the server's counters must have arrived.

    An idle session of the application reports what it deleted up to ten seconds late; a false alarm would undo a good
    migration.
    """
    deadline = time.monotonic() + COUNTERS_LATE_SECONDS
    while lost(results) and time.monotonic() < deadline:
        time.sleep(RECOUNT_SECONDS)
        again = {
            each.facts["table"]: each
            for each in catalogue.recount(
                session,
                expected=expected,
                tables=[
                    each.facts["table"]
                    for each in results
                    if each.key == "row-count" and not each.passed
                ],
            )
        }
        results = tuple(
            again.get(each.facts["table"], each) if each.key == "row-count" else each
            for each in results
        )
    return results


COUNTERS_LATE_SECONDS = 11.0
RECOUNT_SECONDS = 1.0
