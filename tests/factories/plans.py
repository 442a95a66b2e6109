"""Plans walked to a state through the real services."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Deadline, Seat
from migrations_portal.approvals.rules import Decision
from migrations_portal.compliance import services as compliance
from migrations_portal.compliance.rules import DPIA_QUESTIONS
from migrations_portal.demo.customer.examples import Example
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.people.models import Person
from migrations_portal.plans import checklist, queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import Documentation
from migrations_portal.rehearsals import services as rehearsals
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.rehearsals.rules import Copy, TestClass
from migrations_portal.targets.models import Target
from tests.clock import DAY, NOON

SIGNERS = {
    "DBA": "dan",
    "SECURITY_OFFICER": "sam",
    "COMPLIANCE_OFFICER": "cleo",
    "PRIVACY_OFFICER": "petra",
}
SHORT_DAY = timedelta(milliseconds=1)
URL = "http://127.0.0.1:8000"

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


PASSED: dict[str, Any] = {
    "copy": {
        "kind": "SCHEMA",
        "rows": 0,
        "tables": 12,
        "location": "",
        "taken_at": "",
        "restore_seconds": None,
    },
    "phases": [
        {"key": "up", "title": "Up", "seconds": 0.4, "wall_seconds": 1.2, "worked": True},
        {"key": "down", "title": "Down", "seconds": 0.3, "wall_seconds": 1.1, "worked": True},
    ],
    "calls": [],
    "statements": [],
    "locks": [],
    "rewrites": [],
    "size": {"before": 1, "after": 1},
    "difference": [],
    "left_after_down": [],
    "checks": [],
    "extrapolation": {"factor": 1.0, "tables": []},
    "verdicts": [{"key": str(each), "passed": True, "sentence": "Tried."} for each in TestClass],
    "findings": [],
}
"""A rehearsal's result in which all four test classes passed."""


class AnyScript:
    """A checker for tests that are not about the files' language."""

    def check(self, *, name: str, text: str) -> None:
        """Accept."""


def draft(
    *,
    by: Person,
    target: Target,
    level: str = "HIGH",
    phi: bool = False,
    title: str = "Add consent tracking",
) -> MigrationPlan:
    plan = plans.create(title=title, target=target, by=by, now=NOON)
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


def rehearse(
    plan: MigrationPlan, *, now: datetime, result: dict[str, Any] | None = None
) -> Rehearsal:
    """Carry out the plan's waiting rehearsal with a result that was measured elsewhere."""
    waiting = Rehearsal.objects.get(plan=plan, status="QUEUED")
    row = rehearsals.claim(rehearsal_id=waiting.pk, worker="tests")
    assert row is not None
    rehearsals.finish(
        row, copy=Copy.SCHEMA, backup_id=None, result=result or PASSED, history=[], now=now
    )
    row.refresh_from_db()
    return row


def tick_all(
    plan: MigrationPlan, *, by: Person, now: datetime = NOON, privacy: bool = True
) -> None:
    """Tick everything that gates a stage, that only a person can know, and that nothing has proven yet.

    `privacy`: save the privacy assessment too, when the plan waits for one.
    """
    waiting = plan.checklist.filter(key__in=checklist.GATES, done_at__isnull=True, by_portal=False)
    for key in list(waiting.values_list("key", flat=True)):
        plans.tick(plan_id=plan.pk, key=key, by=by, note="Seen: the test run", now=now)
    asked = plan.checklist.filter(key=checklist.PRIVACY_ASSESSMENT.key, done_at__isnull=True)
    if privacy and asked.exists():
        assess_privacy(plan, by=by, now=now)


def assess_privacy(plan: MigrationPlan, *, by: Person, now: datetime = NOON) -> None:
    """Save the privacy assessment that T-5 of a plan on PHI waits for."""
    answers = {each.key: "As the plan says." for each in DPIA_QUESTIONS}
    compliance.save_dpia(plan=plan, answers=answers, by=by, now=now)


def submitted(
    *,
    by: Person,
    target: Target,
    level: str = "HIGH",
    phi: bool = False,
    title: str = "Add consent tracking",
    privacy: bool = True,
) -> MigrationPlan:
    plan = draft(by=by, target=target, level=level, phi=phi, title=title)
    approvals.submit(plan_id=plan.pk, by=by, now=NOON, day=DAY, public_url=URL)
    rehearse(plan, now=NOON + DAY)
    tick_all(plan, by=by, privacy=privacy)
    plan.refresh_from_db()
    return plan


def time_left() -> None:
    """Give every plan another week to be signed and run by today's clock, which doors and claims go by: stories begin at NOON, long ago."""
    Deadline.objects.filter(duty__in=["SIGN_BY", "RUN_BY"]).update(
        at=datetime.now(UTC) + timedelta(days=7)
    )


def scheduled_run(
    *,
    cast: dict[str, Person],
    target: Target,
    example: Example,
    check: bool = True,
    minutes: int = 0,
    then: Sequence[Example] = (),
    packages: str = "",
) -> MigrationRun:
    """Walk a LOW plan with one of the customer's files, and those after it, to a run that is due now.

    `minutes` puts the signatures later: nobody may decide more than ten times within a minute. `packages` is the hash of those
    that the assessment ran with.
    """
    now = datetime.now(UTC)
    plan, sign_last = nearly_approved(
        cast=cast,
        target=target,
        example=example,
        check=check,
        minutes=minutes,
        then=then,
        packages=packages,
    )
    sign_last()
    execution.schedule_approved(now=now)
    MigrationRun.objects.filter(plan=plan).update(due_at=now)
    return MigrationRun.objects.get(plan=plan)


def nearly_approved(
    *,
    cast: dict[str, Person],
    target: Target,
    example: Example,
    check: bool = True,
    minutes: int = 0,
    lead: timedelta = timedelta(seconds=1),
    then: Sequence[Example] = (),
    packages: str = "",
) -> tuple[MigrationPlan, Callable[[], None]]:
    """Walk a LOW plan with one of the customer's files to its last signature, and return what gives that.

    Its T-0 is `lead` from now.
    """
    now = datetime.now(UTC)
    plan = plans.create(title=example.question, target=target, by=cast["ana"], now=now)
    uploads = [plans.Upload(name=each.name, content=each.content) for each in (example, *then)]
    plans.put_files(plan_id=plan.pk, by=cast["ana"], uploads=uploads, checker=AnyScript(), now=now)
    assessment = queries.current_assessment(plan)
    assert assessment is not None
    plans.store_assessment(
        assessment_id=assessment.pk,
        level="LOW",
        phi=True,
        tables=["public.patients"],
        result={"rollback": {"proven": True}, "packages": packages},
        problem="",
        now=now,
    )
    checks = [plans.Check(name=example.question, sql=example.query, expected=str(example.expected))]
    plans.edit(
        plan_id=plan.pk,
        by=cast["ana"],
        title=plan.title,
        scheduled_for=now + lead,
        documentation=COMPLETE,
        checks=checks if check else [],
        version=plan.version,
        now=now,
    )
    approvals.submit(plan_id=plan.pk, by=cast["ana"], now=now, day=SHORT_DAY, public_url=URL)
    rehearse(plan, now=now)
    tick_all(plan, by=cast["ana"], now=now)
    later = now + lead + timedelta(seconds=1, minutes=minutes)
    seats = Seat.objects.filter(revision__plan=plan).select_related("revision")
    *first, last = seats.order_by("position")
    for seat in first:
        _approve(seat, by=cast[SIGNERS[seat.role]], now=later)
    return plan, lambda: _approve(last, by=cast[SIGNERS[last.role]], now=later)


def _approve(seat: Seat, *, by: Person, now: datetime) -> None:
    approvals.sign_off(
        seat_id=seat.pk,
        by=by,
        decision=Decision.APPROVE,
        reason="Read and understood",
        digest=seat.revision.digest,
        evidence=approvals.Evidence(ip="127.0.0.1", user_agent="tests", factors="password"),
        now=now,
        day=SHORT_DAY,
        public_url=URL,
    )
    approvals.go_on(  # as the sweep would: T-3 is due, and the portal's own act
        plan_id=seat.revision.plan_id, now=now, day=SHORT_DAY, public_url=URL
    )
