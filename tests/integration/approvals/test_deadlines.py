"""What the portal does by itself: each thing once, however often it is swept and wherever the clock jumps."""

from datetime import UTC, datetime, timedelta

import pytest

from migrations_portal.approvals import services
from migrations_portal.approvals.models import ChainStage, Deadline
from migrations_portal.approvals.rules import SeatNotOpen, SignedTooLate
from migrations_portal.audit.models import Entry
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution import services as execution
from migrations_portal.notifications.models import Notice
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import POSTPONED_AT_MOST
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.targets.models import Target
from tests.factories.chain import Story, mails
from tests.factories.plans import draft, scheduled_run, submitted


def test_dan_is_reminded_a_day_before_and_at_the_due_time_and_once_each(story):
    told = story()
    told.before(days=6, minutes=1)
    assert not mails("seat_reminder")

    told.before(days=6)
    told.sweep(times=5)
    assert [mail.recipient for mail in mails("seat_reminder")] == ["dan@whitecross.example"]
    assert mails("seat_reminder")[0].context["overdue"] is False

    told.before(days=5)
    told.sweep(times=5)
    assert [mail.context["overdue"] for mail in mails("seat_reminder")] == [False, True]


def test_a_late_seat_is_told_to_the_role_above_and_to_the_author(story):
    told = story()
    told.before(days=4)
    told.sweep(times=3)

    heard = {mail.recipient.split("@")[0] for mail in mails("seat_late")}
    assert heard == {"dan", "tess", "carla", "ana"}
    assert "Sun 08 Nov" not in mails("seat_late")[0].context["gate"]
    assert "postponed" in mails("seat_late")[0].context["gate"]
    assert Entry.objects.filter(kind="SEAT_ESCALATED").count() == 1


def test_after_a_jump_of_the_clock_only_the_strongest_duty_is_carried_out(story):
    told = story()
    told.before(days=3)  # over both reminders and the escalation of the review

    assert not mails("seat_reminder")
    assert len(mails("seat_late")) == 4
    told.sweep(times=3)
    assert len(mails("seat_late")) == 4


def test_a_clock_that_jumps_back_repeats_nothing(story):
    told = story()
    told.before(days=5)
    before = Notice.objects.count()

    told.before(days=7)
    told.before(days=6)
    told.before(days=5)

    assert Notice.objects.count() == before


def test_a_review_that_is_missing_at_t_2_postpones_by_a_day_and_tells_everyone(story):
    told = story("HIGH")
    told.sign("REVIEW", "CTO")
    t0 = told.plan.scheduled_for
    told.before(days=2)

    assert told.fresh.scheduled_for == t0 + timedelta(days=1)
    assert told.status == "SUBMITTED"
    heard = {mail.recipient.split("@")[0] for mail in mails("plan_decided")}
    assert heard == {"ana", "carla", "dan"}
    told.sweep(times=4)
    assert told.fresh.scheduled_for == t0 + timedelta(days=1)
    assert Entry.objects.filter(kind="PLAN_POSTPONED").count() == 1
    assert told.seat("REVIEW", "CTO").decision == "APPROVE"


def test_a_plan_that_is_never_signed_slips_day_by_day_and_expires(story):
    told = story()
    planned = told.plan.scheduled_for
    days = 0
    while told.status == "SUBMITTED" and days < 40:
        days += 1
        told.at(told.now + timedelta(days=1))

    assert told.status == "EXPIRED"
    assert told.fresh.scheduled_for <= planned + timedelta(days=7)
    assert told.now <= planned + timedelta(days=8)
    assert len(mails("plan_decided", to="ana")) == len(
        Entry.objects.filter(kind__in=["PLAN_POSTPONED", "PLAN_EXPIRED"])
    )
    assert not Deadline.objects.filter(done_at=None).exists()
    with pytest.raises(SeatNotOpen):
        told.sign("REVIEW", "DBA")


def test_a_jump_over_everything_expires_the_plan_without_a_postponement(story):
    told = story()
    told.after(days=30)

    assert told.status == "EXPIRED"
    assert not Entry.objects.filter(kind="PLAN_POSTPONED").exists()


def test_a_missing_go_postpones_and_those_who_were_told_at_t_3_hear_of_it(story):
    told = story("HIGH")
    told.sign_stage("REVIEW")
    told.sign_stage("SECURITY")
    told.before(hours=20)
    told.sign("GO", "CTO")
    t0 = told.plan.scheduled_for
    Rehearsal.objects.update(finished_at=told.now)  # done anew, so that it counts for the new day
    told.after(hours=1)

    assert told.fresh.scheduled_for == t0 + timedelta(days=1)
    assert len(mails("stakeholder_notice")) == 1
    assert len(mails("stakeholder_change")) == 1
    old = told.plan.revisions.get().seats.get(stage="GO", role="CTO", voided_at__isnull=False)
    assert old.decision == "APPROVE"
    assert told.seat("GO", "CTO").decision == ""
    assert told.seat("GO", "CTO").opened_at is not None  # T-1 of the new day has come already


def test_an_approved_plan_whose_window_passed_expires(story):
    told = story().to_approved()
    told.after(hours=7)
    assert told.status == "APPROVED"

    told.after(hours=8)
    assert told.status == "EXPIRED"
    assert [mail.context["outcome"] for mail in mails("plan_decided", to="dan")] == [
        "approved",
        "expired",
    ]


def test_nobody_signs_when_the_time_to_sign_is_over_though_no_sweep_has_come(story):
    told = story()
    told.now = told.plan.planned_for + POSTPONED_AT_MOST

    with pytest.raises(SignedTooLate):
        told.sign("REVIEW", "DBA")

    assert told.seat("REVIEW", "DBA").decision == ""
    told.now -= timedelta(seconds=1)
    assert told.sign("REVIEW", "DBA").decision == "APPROVE"


def test_a_run_whose_time_to_begin_is_over_is_not_claimed_though_no_sweep_has_come(
    cast, production
):
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    run_by = Deadline.objects.filter(revision=run.revision, duty="RUN_BY")
    assert run_by.update(at=datetime.now(UTC)) == 1

    when = datetime.now(UTC)
    fence = execution.claim(run_id=run.pk, worker="late", now=when, public_url="")

    assert fence is None

    run.refresh_from_db()
    assert (run.status, run.plan.status) == ("CANCELLED", "EXPIRED")
    assert "its time to begin is over" in run.problem
    assert Entry.objects.filter(kind="PLAN_EXPIRED").count() == 1


def test_dates_of_a_plan_across_both_changes_of_the_clocks(cast, production):
    # New York: summer time begins on 8 March 2026 at 02:00 and ends on 1 November 2026 at 02:00.
    for t0, due in (
        (datetime(2026, 3, 11, 13, 0, tzinfo=UTC), datetime(2026, 3, 6, 14, 0, tzinfo=UTC)),
        (datetime(2026, 11, 4, 14, 0, tzinfo=UTC), datetime(2026, 10, 30, 13, 0, tzinfo=UTC)),
    ):
        plan = draft(by=cast["ana"], target=production, level="LOW")
        MigrationPlan.objects.filter(pk=plan.pk).update(scheduled_for=t0)
        submitted_at = t0 - timedelta(days=9)
        services.submit(
            plan_id=plan.pk, by=cast["ana"], now=submitted_at, day=timedelta(days=1), public_url=""
        )
        told = Story(cast, plan, now=submitted_at)
        assert told.seat("REVIEW", "DBA").due_at == due
        assert ChainStage.objects.get(revision__plan=plan, stage="REVIEW").due_at == due
        local = told.seat("GO", "DBA").due_at.astimezone(production.zone)
        assert f"{local:%H:%M}" == "09:00"


def test_one_plan_that_cannot_move_does_not_stop_the_others(story, cast, production, caplog):
    sound = story()
    elsewhere = Target.objects.create(
        name="elsewhere",
        group=production.group,
        environment="STAGING",
        host="127.0.0.1",
        database="elsewhere",
        credential="elsewhere",
        project="school-health",
    )
    broken = submitted(by=cast["ana"], target=elsewhere, level="LOW")
    Target.objects.filter(pk=elsewhere.pk).update(time_zone="Mars/Olympus")

    moved = services.sweep(now=sound.plan.scheduled_for - timedelta(days=2), **sound.door)

    broken.refresh_from_db()
    assert moved == 1
    assert sound.fresh.scheduled_for > broken.scheduled_for
    assert f"plan {broken.pk}" in caplog.text
