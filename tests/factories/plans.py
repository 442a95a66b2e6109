"""Plans walked to a state through the real services."""

from datetime import timedelta

from migrations_portal.approvals import services as approvals
from migrations_portal.people.models import Person
from migrations_portal.plans import queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import Documentation
from migrations_portal.targets.models import Target
from tests.conftest import DAY, NOON

COMPLETE = Documentation(
    purpose="Track consent of patients.",
    tables_affected="patients",
    expected_seconds=45,
    rollback_procedure="Drop the columns; consent recorded meanwhile is lost.",
    verification_steps="The columns exist.",
    risk_mitigation="Short locks only.",
    communication_plan="Support is told at T-3.",
    justification="JIRA-1234: consent tracking for HIPAA",
)


class AnyScript:
    """A checker for tests that are not about the files' language."""

    def check(self, *, name: str, text: str) -> None:
        """Accept."""


def draft(*, by: Person, target: Target, level: str = "HIGH", phi: bool = False) -> MigrationPlan:
    plan = plans.create(title="Add consent tracking", target=target, by=by, now=NOON)
    upload = plans.Upload(
        name="20251103000000-add-patient-consent-tracking.js", content=b"module.exports = {};\n"
    )
    plans.put_files(plan_id=plan.pk, by=by, uploads=[upload], checker=AnyScript(), now=NOON)
    assessment = queries.current_assessment(plan)
    assert assessment is not None
    plans.store_assessment(
        assessment_id=assessment.pk,
        level=level,
        phi=phi,
        tables=["public.patients"],
        result={},
        problem="",
        now=NOON,
    )
    return plans.edit(
        plan_id=plan.pk,
        by=by,
        title=plan.title,
        scheduled_for=NOON + timedelta(days=8),
        documentation=COMPLETE,
        checks=[],
        version=plan.version,
        now=NOON,
    )


def submitted(
    *, by: Person, target: Target, level: str = "HIGH", phi: bool = False
) -> MigrationPlan:
    plan = draft(by=by, target=target, level=level, phi=phi)
    approvals.submit(plan_id=plan.pk, by=by, now=NOON, day=DAY, public_url="http://127.0.0.1:8000")
    plan.refresh_from_db()
    return plan
