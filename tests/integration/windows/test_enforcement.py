"""A plan runs only inside a fitting window and outside every freeze; otherwise it is postponed and never lost (X18)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from migrations_portal import wiring
from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.rules import PostponementRefused
from migrations_portal.audit.models import Entry
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun, RunStep
from migrations_portal.incidents.models import Incident
from migrations_portal.notifications.models import Notice
from migrations_portal.plans import services as plans
from migrations_portal.plans import slots
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanIncomplete
from migrations_portal.runbooks import standard
from migrations_portal.windows.models import Period
from migrations_portal.windows.rules import PeriodKind
from tests.clock import DAY, NOON
from tests.factories.chain import Story
from tests.factories.plans import draft, scheduled_run, submitted
from tests.factories.windows import period

URL = "http://127.0.0.1:8000"


def claim(run):
    return execution.claim(run_id=run.pk, worker="tests", now=datetime.now(UTC), public_url=URL)


def starting_in(target, kind, seconds, *, minutes=60, name=""):
    """A period that begins so many seconds from now by the target's wall."""
    at = (datetime.now(UTC) + timedelta(seconds=seconds)).astimezone(target.zone)
    return period(target, kind, day=at.date(), at=at.time(), minutes=minutes, name=name)


def close_all_windows(target):
    Period.objects.filter(target=target).delete()


def test_a_run_starts_inside_its_window(cast, production):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)

    assert claim(run) == 1


def test_a_run_does_not_start_outside_and_is_postponed_to_the_next_window(cast, production):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    close_all_windows(production)
    window = starting_in(production, PeriodKind.BUSINESS_HOURS, 7200)

    assert claim(run) is None

    run.refresh_from_db()
    plan = MigrationPlan.objects.get(pk=run.plan_id)
    assert (run.status, plan.status) == ("DUE", "SCHEDULED")
    assert run.due_at == window.starts.replace(tzinfo=production.zone)
    entry = Entry.objects.get(kind="RUN_POSTPONED")
    assert "No window for low risk (business hours) is open on production." in entry.canonical
    told = Notice.objects.filter(template="run_postponed").values_list("recipient", flat=True)
    assert cast["ana"].email in told


def test_the_page_of_a_postponed_run_says_why_it_waits_and_when_it_begins(
    cast, production, browser
):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    close_all_windows(production)
    starting_in(production, PeriodKind.BUSINESS_HOURS, 7200)
    claim(run)

    page = browser("dan").get(f"/runs/{run.pk}/").content.decode()

    assert "Waiting for the next window" in page
    assert "Why it has not begun" in page
    assert "No window for low risk (business hours) is open on production." in page
    assert "It begins by itself at" in page


@pytest.mark.django_db(transaction=True)
def test_a_run_on_the_emergency_path_opens_an_incident(cast, school):
    run = scheduled_run(cast=cast, target=school.target, example=CONSENT_TRACKING)
    until = datetime.now(UTC) + timedelta(hours=1)
    MigrationPlan.objects.filter(pk=run.plan_id).update(
        emergency_reason="It burns", emergency_until=until
    )
    fence = claim(run)

    standard.execute(
        run_id=run.pk,
        fence=fence,
        tools=wiring.tools(),
        clock=lambda: datetime.now(UTC),
        public_url=URL,
    )

    assert Incident.objects.get(run=run, trigger="EMERGENCY_CHANGE").severity == "P3"


def test_a_freeze_that_was_added_after_the_approval_stops_the_start(cast, production):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    starting_in(production, PeriodKind.FREEZE, -60, minutes=30, name="Year end")

    assert claim(run) is None

    run.refresh_from_db()
    assert run.due_at > datetime.now(UTC) + timedelta(minutes=25)
    assert "production is frozen (Year end)" in Entry.objects.get(kind="RUN_POSTPONED").canonical


def test_a_window_after_the_go_has_lapsed_moves_t_0_and_asks_the_go_anew(cast, production):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    close_all_windows(production)
    window = starting_in(production, PeriodKind.BUSINESS_HOURS, 2 * 86400)

    assert claim(run) is None

    run.refresh_from_db()
    plan = MigrationPlan.objects.get(pk=run.plan_id)
    assert (run.status, plan.status) == ("CANCELLED", "SUBMITTED")
    assert plan.scheduled_for == window.starts.replace(tzinfo=production.zone)
    assert plan.scheduled_for > plan.planned_for
    voided = Seat.objects.get(revision=run.revision, stage="GO", voided_at__isnull=False)
    assert voided.decision == "APPROVE"
    assert "T-0 moved, so the go is asked anew" in voided.void_reason
    assert "could not run in its window" in Entry.objects.get(kind="PLAN_POSTPONED").canonical
    assert execution.schedule_approved(now=datetime.now(UTC)) == []


def test_a_late_plan_is_postponed_into_a_window_or_expires(cast, production):
    plan = submitted(by=cast["ana"], target=production, level="HIGH")
    close_all_windows(production)
    opens = (plan.scheduled_for + timedelta(days=3)).astimezone(production.zone)
    period(production, PeriodKind.MAINTENANCE, day=opens.date(), at=opens.time())
    story = Story(cast, plan)

    story.before(days=1)  # nobody reviewed

    assert story.fresh.scheduled_for == opens
    close_all_windows(production)
    story.before(days=1)
    assert story.status == "EXPIRED"


def test_nobody_postpones_to_a_time_outside_the_windows(cast, production):
    plan = submitted(by=cast["ana"], target=production, level="HIGH")
    close_all_windows(production)
    story = Story(cast, plan)

    with pytest.raises(PostponementRefused, match="does not fit"):
        story.do(
            approvals.postpone,
            "ana",
            to=plan.scheduled_for + timedelta(hours=30),
            reason="Payroll",
        )


def test_an_emergency_needs_no_window_but_a_freeze_and_its_time_box_hold(cast, production):
    close_all_windows(production)
    plan = draft(by=cast["ana"], target=production, level="HIGH")
    MigrationPlan.objects.filter(pk=plan.pk).update(
        scheduled_for=NOON + timedelta(hours=2),
        emergency_reason="It burns",
        emergency_until=NOON + timedelta(hours=6),
    )
    plan.refresh_from_db()

    assert slots.misfit(plan, level="HIGH") == ""
    assert not slots.gate(plan, level="HIGH", at=NOON + timedelta(hours=6)).open
    period(production, PeriodKind.FREEZE, day=NOON.date(), minutes=1440, name="Year end")
    assert "is frozen (Year end)" in slots.misfit(plan, level="HIGH")


def test_asking_again_and_again_postpones_once(cast, production):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    starting_in(production, PeriodKind.FREEZE, -60, minutes=30)

    assert [claim(run) for _ in range(5)] == [None] * 5

    assert Entry.objects.filter(kind="RUN_POSTPONED").count() == 1


def test_a_plan_whose_windows_are_gone_expires_and_can_be_cloned(cast, production):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    close_all_windows(production)

    assert claim(run) is None

    run.refresh_from_db()
    plan = MigrationPlan.objects.get(pk=run.plan_id)
    assert (run.status, plan.status) == ("CANCELLED", "EXPIRED")
    assert "Clone it as a new plan" in run.problem


def test_the_window_that_a_plan_needs_depends_on_its_level(cast, production):
    close_all_windows(production)
    starting_in(production, PeriodKind.BUSINESS_HOURS, -60)
    plan = draft(by=cast["ana"], target=production, level="LOW")
    now = datetime.now(UTC)

    assert slots.gate(plan, level="LOW", at=now).open
    assert not slots.gate(plan, level="MEDIUM", at=now).open
    assert not slots.gate(plan, level="CRITICAL", at=now).open


def test_a_date_outside_the_windows_cannot_be_submitted_and_slots_are_offered(cast, production):
    close_all_windows(production)
    saturday = period(
        production,
        PeriodKind.MAINTENANCE,
        day=datetime(2026, 1, 3, tzinfo=UTC).date(),
        at=datetime(2026, 1, 3, 20, tzinfo=UTC).time(),
        rule="FREQ=WEEKLY;BYDAY=SA",
        minutes=240,
    )
    plan = draft(by=cast["ana"], target=production, level="HIGH")

    lacking = plans.missing(plan, now=NOON, day=DAY)
    offered = slots.offered(plan, level="HIGH", after=NOON + 7 * DAY)
    with pytest.raises(PlanIncomplete):
        plans.freeze(
            plan_id=plan.pk,
            by=cast["ana"],
            policy_version=1,
            backup_policy="",
            now=NOON,
            day=DAY,
        )

    assert "does not fit" in lacking["scheduled_for"]
    assert "Sat 14 Nov 2026, 20:00 EST" in lacking["scheduled_for"]
    assert len(offered) == slots.SLOTS_OFFERED
    assert {span.starts.astimezone(production.zone).weekday() for span in offered} == {5}
    saturday.delete()
    assert (
        "ask a database admin to add one" in plans.missing(plan, now=NOON, day=DAY)["scheduled_for"]
    )


def test_the_signed_content_names_when_the_window_closes(cast, production):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)

    assert run.plan.window_ends_at is not None
    assert '"window_ends_at":"' in run.revision.content


@pytest.mark.django_db(transaction=True)
def test_a_window_that_closes_before_the_migration_postpones_the_run_and_the_plan_gets_another(
    cast, school
):
    run = scheduled_run(cast=cast, target=school.target, example=CONSENT_TRACKING)
    fence = claim(run)
    assert fence is not None
    history, schema = school.history(), school.schema()

    def clock():
        """The window closes while the backup is being proven, directly before the migrate step."""
        if RunStep.objects.filter(run=run, key="status-before").exists():
            Period.objects.filter(target=school.target).delete()
            starting_in(school.target, PeriodKind.BUSINESS_HOURS, 3600)
        return datetime.now(UTC)

    standard.execute(run_id=run.pk, fence=fence, tools=wiring.tools(), clock=clock, public_url=URL)

    run.refresh_from_db()
    plan = MigrationPlan.objects.get(pk=run.plan_id)
    assert (run.status, run.outcome, plan.status) == (
        "POSTPONED",
        "NOTHING_CHANGED",
        "APPROVED",
    ), run.problem
    assert (school.history(), school.schema()) == (history, schema)
    assert not RunStep.objects.filter(run=run, key="migrate").exists()
    assert not Entry.objects.filter(kind="MIGRATION_RECORD").exists()
    (again,) = execution.schedule_approved(now=datetime.now(UTC))
    assert claim(MigrationRun.objects.get(pk=again)) is None
    assert MigrationRun.objects.get(pk=again).due_at > datetime.now(UTC) + timedelta(minutes=50)


def test_two_runs_of_one_revision_are_refused_by_the_database_unless_one_was_postponed(
    cast, production
):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    twin = {"plan": run.plan, "revision": run.revision, "target": run.target}
    times = {"due_at": NOON, "created_at": NOON}

    with pytest.raises(IntegrityError), transaction.atomic():
        MigrationRun.objects.create(**twin, **times)
    assert claim(run) == 1
    MigrationRun.objects.filter(pk=run.pk).update(status="POSTPONED")

    assert MigrationRun.objects.create(**twin, **times).pk
