"""The emergency path: no lead times, every seat, two people, a time box, a review that stays open until it is written."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from migrations_portal.approvals import services
from migrations_portal.approvals.models import Emergency
from migrations_portal.approvals.rules import (
    EmergencyRefused,
    NothingOwed,
    PostponementRefused,
    ReasonMissing,
    SeatNotOpen,
    SecondPersonNeeded,
)
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.notifications.models import Notice
from migrations_portal.people.access import NotAllowed
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanIncomplete
from tests.clock import NOON
from tests.factories.chain import Story, mails
from tests.factories.plans import draft

HOUR = timedelta(hours=1)


@pytest.fixture
def urgent(cast, production):
    plan = draft(by=cast["ana"], target=production, level="HIGH")
    MigrationPlan.objects.filter(pk=plan.pk).update(scheduled_for=NOON + 2 * HOUR)
    return Story(cast, plan)


def ask(told, **changed):
    given = {"reason": "Consent data is written wrongly", "until": NOON + 6 * HOUR, **changed}
    return told.do(services.submit_emergency, "ana", **given)


def confirm(told, by="carla"):
    return told.do(services.confirm_emergency, by, reason="I saw the wrong rows")


def test_without_the_emergency_path_it_would_be_too_soon(urgent):
    with pytest.raises(PlanIncomplete, match="too soon"):
        urgent.do(services.submit, "ana")


def test_two_people_declare_it_and_then_all_seats_are_open_at_once(urgent):
    ask(urgent)
    assert {mail.recipient.split("@")[0] for mail in mails("emergency_asked")} == {"carla", "eve"}
    assert not mails("sign_off_requested")
    with pytest.raises(SeatNotOpen):
        urgent.sign("REVIEW", "DBA")
    urgent.sweep(times=3)
    assert not mails("sign_off_requested")
    with pytest.raises(SecondPersonNeeded):
        confirm(urgent, by="ana")
    with pytest.raises(NotAllowed, match="confirmed by one of"):
        confirm(urgent, by="sam")

    confirm(urgent)

    assert len(mails("sign_off_requested")) == 6  # two seats each for Dan and Carla, Sam, Cleo
    heard = {mail.recipient.split("@")[0] for mail in mails("emergency_declared")}
    assert heard == {"ana", "dan", "tess", "carla", "eve", "sam", "cleo", "petra"}
    assert Notice.objects.filter(channel="CHAT", template="emergency_declared").count() == 1
    assert mails("stakeholder_notice")
    with pytest.raises(EmergencyRefused, match="already"):
        confirm(urgent, by="eve")


def test_no_seat_is_skipped(urgent):
    ask(urgent)
    confirm(urgent)
    urgent.sign_stage("GO")
    urgent.sign_stage("REVIEW")
    assert urgent.status == "SUBMITTED"
    urgent.sign_stage("SECURITY")
    assert urgent.status == "APPROVED"
    kinds = Entry.objects.filter(plan=urgent.plan.pk).order_by("seq")
    marked = [row for row in kinds if ledger.body(row)["facts"].get("emergency")]
    assert {row.kind for row in marked} >= {"EMERGENCY_ASKED", "SEAT_SIGNED", "PLAN_APPROVED"}


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"reason": "  "}, ReasonMissing, "reason"),
        ({"until": NOON + 25 * HOUR}, EmergencyRefused, "within 24 hours"),
        ({"until": NOON}, EmergencyRefused, "within 24 hours"),
        ({"until": NOON + HOUR}, EmergencyRefused, "T-0"),
    ],
)
def test_it_needs_a_reason_and_a_time_box(urgent, given, error, sentence):
    with pytest.raises(error, match=sentence):
        ask(urgent, **given)
    assert (urgent.status, urgent.fresh.emergency_reason) == ("DRAFT", "")


def test_the_time_box_ends_it_confirmed_or_not(urgent):
    ask(urgent)
    urgent.at(NOON + 6 * HOUR)
    assert urgent.status == "EXPIRED"
    with pytest.raises(EmergencyRefused):
        confirm(urgent)


def test_an_approved_emergency_that_has_not_begun_expires_too(urgent):
    ask(urgent)
    confirm(urgent)
    for stage in ("REVIEW", "SECURITY", "GO"):
        urgent.sign_stage(stage)
    with pytest.raises(PostponementRefused, match="not postponed"):
        urgent.do(services.postpone, "dan", to=NOON + 3 * HOUR, reason="later")
    urgent.at(NOON + 6 * HOUR)
    assert urgent.status == "EXPIRED"


def test_seats_that_wait_are_reminded_and_escalated_within_minutes(urgent):
    ask(urgent)
    confirm(urgent)
    urgent.at(NOON + timedelta(minutes=15))
    assert {mail.recipient.split("@")[0] for mail in mails("seat_reminder")} == {
        "dan",
        "carla",
        "sam",
        "cleo",
    }
    urgent.at(NOON + timedelta(minutes=30))
    assert mails("seat_late")


def test_the_review_stays_owed_and_is_asked_for_each_day_until_it_is_written(urgent):
    ask(urgent)
    confirm(urgent)
    urgent.at(NOON + 6 * HOUR)
    asked = {mail.recipient.split("@")[0] for mail in mails("emergency_review")}
    assert asked == {"cleo", "sam", "eve"}
    urgent.sweep(times=3)
    assert len(mails("emergency_review")) == 3
    for day in range(1, 5):
        urgent.at(NOON + 6 * HOUR + timedelta(days=day, minutes=1))
    assert len(mails("emergency_review", to="cleo")) == 5
    assert mails("emergency_review", to="cleo")[-1].context["overdue"] is True
    assert services.owed_review(urgent.fresh) is not None

    def write(by, finding="It was one; the check is now in CI"):
        return services.review_emergency(
            plan_id=urgent.plan.pk, by=urgent.cast[by], finding=finding, now=urgent.now
        )

    for name in ("ana", "carla", "dan"):
        with pytest.raises(NotAllowed):
            write(name)
    with pytest.raises(ReasonMissing):
        write("cleo", finding=" ")
    write("cleo")
    assert services.owed_review(urgent.fresh) is None
    with pytest.raises(NothingOwed):
        write("sam")
    urgent.at(NOON + timedelta(days=30))
    assert len(mails("emergency_review", to="cleo")) == 5


def test_postgresql_keeps_two_people_and_what_was_written(urgent):
    ask(urgent)
    rows = Emergency.objects.filter(revision__plan=urgent.plan)
    ana, carla, cleo = (urgent.cast[name] for name in ("ana", "carla", "cleo"))
    for match, values in (
        ("two_people", {"confirmed_by": ana, "confirmed_at": NOON, "review_due_at": NOON}),
        ("stays", {"reason": "another"}),
        ("stays", {"until": NOON + 9 * HOUR}),
        ("review_whole", {"reviewed_by": cleo, "reviewed_at": NOON, "finding": "x"}),
    ):
        with pytest.raises(DatabaseError, match=match), transaction.atomic():
            rows.update(**values)
    confirm(urgent)
    for match, values in (
        ("stays", {"confirmed_by": cleo}),
        ("review_whole", {"reviewed_by": carla, "reviewed_at": NOON, "finding": "x"}),
    ):
        with pytest.raises(DatabaseError, match=match), transaction.atomic():
            rows.update(**values)
