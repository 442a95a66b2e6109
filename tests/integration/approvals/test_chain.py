from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from migrations_portal.approvals import queries, services
from migrations_portal.approvals.models import Invitation, Seat
from migrations_portal.approvals.rules import (
    AlreadyDecided,
    AnotherRole,
    Decision,
    OwnPlan,
    RevisionStale,
    SeatNotOpen,
    SeatUnfillable,
    TooMany,
)
from migrations_portal.audit import queries as ledger
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.notifications.models import Notice
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanIncomplete
from tests.clock import DAY, NOON
from tests.factories.chain import Story
from tests.factories.plans import draft, submitted, time_left

URL = "http://127.0.0.1:8000"
FROM_A_DESK = services.Evidence(ip="127.0.0.1", user_agent="tests", factors="password")


def seat_of(plan, stage, role):
    return Seat.objects.get(revision__plan=plan, stage=stage, role=role)


def sign(seat, by, *, now=NOON, decision=Decision.APPROVE, digest=None):
    return services.sign_off(
        seat_id=seat.pk,
        by=by,
        decision=decision,
        reason="Read and understood",
        digest=digest or seat.revision.digest,
        evidence=FROM_A_DESK,
        now=now,
        day=DAY,
        public_url=URL,
    )


def test_a_high_phi_plan_goes_from_submission_to_a_claimed_run(cast, production):
    plan = submitted(by=cast["ana"], target=production, level="HIGH", phi=True)
    sign(seat_of(plan, "REVIEW", "CTO"), cast["carla"])
    sign(seat_of(plan, "REVIEW", "DBA"), cast["dan"])
    for role, name in (
        ("SECURITY_OFFICER", "sam"),
        ("COMPLIANCE_OFFICER", "cleo"),
        ("PRIVACY_OFFICER", "petra"),
    ):
        sign(seat_of(plan, "SECURITY", role), cast[name])
    t1 = NOON + timedelta(days=7, hours=1)
    services.sweep(now=t1, day=DAY, public_url=URL)
    sign(seat_of(plan, "GO", "DBA"), cast["dan"], now=t1)
    sign(seat_of(plan, "GO", "CTO"), cast["carla"], now=t1)

    plan.refresh_from_db()
    assert plan.status == "APPROVED"
    assert Notice.objects.filter(template="stakeholder_notice").count() == 2
    assert execution.schedule_approved(now=t1) == [MigrationRun.objects.get().pk]
    assert ledger.verify_chain().intact


def test_a_run_is_claimed_once_and_not_before_its_time(cast, production):
    run = scheduled_run(cast, production)
    assert execution.claim(run_id=run.pk, worker="early", now=NOON, public_url=URL) is None
    MigrationRun.objects.update(due_at=NOON - timedelta(days=400))
    time_left()

    first = execution.claim(run_id=run.pk, worker="one", now=NOON, public_url=URL)
    second = execution.claim(run_id=run.pk, worker="two", now=NOON, public_url=URL)

    assert (first, second) == (1, None)


def scheduled_run(cast, production):
    plan = submitted(by=cast["ana"], target=production, level="LOW")
    sign(seat_of(plan, "REVIEW", "DBA"), cast["dan"])
    sign(seat_of(plan, "SECURITY", "SECURITY_OFFICER"), cast["sam"])
    sign(seat_of(plan, "SECURITY", "COMPLIANCE_OFFICER"), cast["cleo"])
    t1 = NOON + timedelta(days=7, hours=1)
    services.sweep(now=t1, day=DAY, public_url=URL)
    sign(seat_of(plan, "GO", "DBA"), cast["dan"], now=t1)
    execution.schedule_approved(now=t1)
    MigrationRun.objects.update(due_at=NOON + timedelta(days=40_000))
    return MigrationRun.objects.get()


def test_submission_names_each_missing_thing(cast, production):
    plan = draft(by=cast["ana"], target=production)
    MigrationPlan.objects.filter(pk=plan.pk).update(
        purpose="", expected_seconds=None, justification="because"
    )

    with pytest.raises(PlanIncomplete) as refused:
        services.submit(plan_id=plan.pk, by=cast["ana"], now=NOON, day=DAY, public_url=URL)

    assert set(refused.value.missing) == {"purpose", "expected_seconds", "justification"}


def test_a_stage_opens_only_after_the_one_before_it(cast, production):
    plan = submitted(by=cast["ana"], target=production)

    with pytest.raises(SeatNotOpen):
        sign(seat_of(plan, "SECURITY", "SECURITY_OFFICER"), cast["sam"])


def test_a_seat_is_decided_once_and_stays_as_it_is(cast, production):
    plan = submitted(by=cast["ana"], target=production)
    seat = sign(seat_of(plan, "REVIEW", "DBA"), cast["dan"])

    with pytest.raises(AlreadyDecided, match="Dan Okafor"):
        sign(seat, cast["dan"], decision=Decision.REJECT)
    with pytest.raises(DatabaseError, match="decided already"), transaction.atomic():
        Seat.objects.filter(pk=seat.pk).update(reason="another")


def test_ana_cannot_sign_her_own_plan_even_as_dba_nor_around_the_service(cast, production):
    access.grant(person=cast["ana"], role=Role.DBA, group=production.group)
    plan = submitted(by=cast["ana"], target=production)
    seat = seat_of(plan, "REVIEW", "DBA")

    with pytest.raises(OwnPlan):
        sign(seat, cast["ana"])
    with pytest.raises(DatabaseError, match="plan of their own"), transaction.atomic():
        Seat.objects.filter(pk=seat.pk).update(
            decision="APPROVE", decided_by=cast["ana"], decided_at=NOON, reason="x", signed_digest="x",
            printed_name="x", meaning="x", factors="x",
        )  # fmt: skip


def test_one_person_signs_in_one_role_only(cast, production):
    access.grant(person=cast["carla"], role=Role.DBA, group=production.group)
    plan = submitted(by=cast["ana"], target=production)
    sign(seat_of(plan, "REVIEW", "CTO"), cast["carla"])

    with pytest.raises(AnotherRole, match="one role"):
        sign(seat_of(plan, "REVIEW", "DBA"), cast["carla"])


def test_mallory_and_a_superuser_without_the_role_may_not_sign(cast, production):
    cast["mallory"].is_superuser = True
    cast["mallory"].save()
    plan = submitted(by=cast["ana"], target=production)

    with pytest.raises(access.NotAllowed):
        sign(seat_of(plan, "REVIEW", "DBA"), cast["mallory"])


def test_a_signature_for_another_content_is_refused(cast, production):
    plan = submitted(by=cast["ana"], target=production)

    with pytest.raises(RevisionStale):
        sign(seat_of(plan, "REVIEW", "DBA"), cast["dan"], digest="0" * 64)


def test_nobody_decides_more_than_ten_times_within_a_minute_whatever_the_plans(cast, production):
    stories = [
        Story(cast, submitted(by=cast["ana"], target=production, level="LOW")) for _ in range(11)
    ]
    *ten, eleventh = stories
    for told in ten:
        told.sign("REVIEW", "DBA")

    with pytest.raises(TooMany):
        eleventh.sign("REVIEW", "DBA")
    eleventh.now += timedelta(seconds=61)
    eleventh.sign("REVIEW", "DBA")


def test_one_rejection_ends_the_plan(cast, production):
    plan = submitted(by=cast["ana"], target=production)
    sign(seat_of(plan, "REVIEW", "DBA"), cast["dan"], decision=Decision.REJECT)

    plan.refresh_from_db()
    assert plan.status == "REJECTED"
    assert queries.waiting_for(person=cast["carla"], now=NOON) == []


def test_postgresql_refuses_a_status_that_the_table_does_not_allow(cast, production):
    plan = submitted(by=cast["ana"], target=production)

    with pytest.raises(DatabaseError, match="cannot go from"), transaction.atomic():
        MigrationPlan.objects.filter(pk=plan.pk).update(status="SUCCEEDED")


def test_only_the_hash_of_a_link_is_kept(cast, production):
    submitted(by=cast["ana"], target=production)
    notice = Notice.objects.filter(template="sign_off_requested").order_by("pk")[0]
    token = notice.context["url"].rstrip("/").rsplit("/", 1)[1]

    found = queries.invitation(token=token, now=NOON)

    assert found.person.email == notice.recipient
    assert not Invitation.objects.filter(token_hash=token).exists()
    with pytest.raises(queries.LinkNotGood):
        queries.invitation(token=token, now=NOON + timedelta(days=30))


def test_dan_cannot_open_a_draft_without_being_an_engineer(cast, production):
    with pytest.raises(access.NotAllowed, match="engineer"):
        plans.create(title="x", target=production, by=cast["dan"], now=NOON)


def test_a_plan_whose_seat_nobody_can_fill_says_whom_to_ask(cast, production):
    access.revoke(person=cast["sam"], role=Role.SECURITY_OFFICER, group=production.group)
    plan = draft(by=cast["ana"], target=production)

    with pytest.raises(SeatUnfillable, match=r"Security officer.*administrator"):
        services.submit(plan_id=plan.pk, by=cast["ana"], now=NOON, day=DAY, public_url=URL)

    plan.refresh_from_db()
    assert plan.status == "DRAFT"


def test_a_plan_whose_two_roles_one_person_would_have_to_fill_is_not_submitted(cast, production):
    access.revoke(person=cast["dan"], role=Role.DBA, group=production.group)
    access.grant(person=cast["carla"], role=Role.DBA, group=production.group)
    plan = draft(by=cast["ana"], target=production, level="HIGH")

    with pytest.raises(
        SeatUnfillable, match=r"^CTO and Database admin need different people.*administrator"
    ):
        services.submit(plan_id=plan.pk, by=cast["ana"], now=NOON, day=DAY, public_url=URL)

    plan.refresh_from_db()
    assert plan.status == "DRAFT"

    access.grant(person=cast["tess"], role=Role.DBA, group=production.group)
    access.grant(person=cast["eve"], role=Role.TECH_LEAD, group=production.group)
    services.submit(plan_id=plan.pk, by=cast["ana"], now=NOON, day=DAY, public_url=URL)


def test_a_decided_seat_can_be_neither_made_nor_taken_away(cast, production):
    plan = submitted(by=cast["ana"], target=production)
    seat = sign(seat_of(plan, "REVIEW", "DBA"), cast["dan"])

    with (
        pytest.raises(DatabaseError, match="seat stays"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM approvals_seat WHERE id = %s", [seat.pk])
    seat.pk, seat.role = None, "TECH_LEAD"
    with pytest.raises(DatabaseError, match="made undecided"), transaction.atomic():
        seat.save(force_insert=True)
