"""Withdraw, cancel, postpone, open for changes: who may, what it leaves, who hears of it."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from migrations_portal.approvals import queries, services
from migrations_portal.approvals.models import Deadline, Invitation, Seat
from migrations_portal.approvals.rules import (
    AlreadyDecided,
    Decision,
    PostponementRefused,
    ReasonMissing,
    RevisionStale,
)
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.kernel.states import TransitionRefused
from migrations_portal.people.access import NotAllowed
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.rehearsals.models import Rehearsal
from tests.factories.chain import DESK, URL, mails
from tests.factories.plans import COMPLETE


def links():
    return Invitation.objects.filter(revoked_at=None)


def test_ana_withdraws_and_those_who_were_asked_hear_that_it_is_over(story):
    told = story("HIGH")
    with pytest.raises(plans.NotYourPlan):
        told.do(services.withdraw, "dan", reason="no")
    with pytest.raises(ReasonMissing):
        told.do(services.withdraw, "ana", reason=" ")

    told.do(services.withdraw, "ana", reason="Found a better way")

    assert told.status == "WITHDRAWN"
    assert {mail.recipient.split("@")[0] for mail in mails("plan_decided")} == {
        "ana",
        "carla",
        "dan",
    }
    assert not links().exists()
    assert not Deadline.objects.filter(done_at=None).exists()
    assert queries.waiting_for(person=told.cast["dan"], now=told.now) == []


def test_a_withdrawn_link_leads_nowhere(story):
    told = story()
    url = mails("sign_off_requested")[0].context["url"]
    told.do(services.withdraw, "ana", reason="Found a better way")

    with pytest.raises(queries.LinkNotGood):
        queries.invitation(token=url.rstrip("/").rsplit("/", 1)[1], now=told.now)


def test_carla_cancels_a_scheduled_plan_and_its_run_never_starts(story):
    told = story().to_approved()
    (run_id,) = execution.schedule_approved(now=told.now)
    with pytest.raises(NotAllowed):
        told.do(services.cancel, "cleo", reason="no")

    told.do(services.cancel, "carla", reason="The vendor's fix is not out yet")
    MigrationRun.objects.update(due_at=told.now - timedelta(days=400))

    assert told.status == "CANCELLED"
    assert execution.claim(run_id=run_id, worker="w", now=told.now, public_url=URL) is None
    execution.schedule_approved(now=told.now)
    assert MigrationRun.objects.get().status == "CANCELLED"
    assert mails("stakeholder_change")[0].context["sentence"].startswith("It does not happen")


def test_a_submitted_plan_is_withdrawn_not_cancelled(story):
    told = story()
    with pytest.raises(TransitionRefused, match="submitted"):
        told.do(services.cancel, "carla", reason="no")
    told.to_approved()
    with pytest.raises(TransitionRefused, match="approved"):
        told.do(services.withdraw, "ana", reason="no")


def test_dan_postpones_a_scheduled_plan_and_the_go_is_asked_anew(story):
    told = story("HIGH").to_approved()
    execution.schedule_approved(now=told.now)
    digest = plan_queries.newest_revision(told.fresh).digest
    planned = told.plan.scheduled_for

    told.do(services.postpone, "dan", to=planned + timedelta(days=2), reason="Payroll runs")

    assert told.status == "SUBMITTED"
    assert told.seat("REVIEW", "DBA").decision == "APPROVE"
    assert told.seat("GO", "DBA").decision == ""
    assert told.seat("GO", "DBA").opened_at is None
    content = plan_queries.content(
        told.fresh, level="HIGH", phi=False, backup_policy=services.BACKUP_POLICY
    )
    assert content.digest() == digest  # what people signed is still what it is

    # The rehearsal has aged meanwhile: it is asked for anew before the go.
    Rehearsal.objects.update(finished_at=told.plan.scheduled_for)
    told.before(hours=20)
    told.sign_stage("GO")
    execution.schedule_approved(now=told.now)
    assert told.status == "SCHEDULED"
    assert sorted(MigrationRun.objects.values_list("status", flat=True)) == ["CANCELLED", "DUE"]
    assert MigrationRun.objects.get(status="DUE").due_at == planned + timedelta(days=2)


def test_t_0_moves_forward_only_and_not_far(story):
    told = story()
    t0 = told.plan.scheduled_for
    for wanted in (t0 - timedelta(hours=1), t0, t0 + timedelta(days=7, minutes=1)):
        with pytest.raises(PostponementRefused):
            told.do(services.postpone, "ana", to=wanted, reason="because")
    with pytest.raises(NotAllowed):
        told.do(services.postpone, "sam", to=t0 + timedelta(days=1), reason="because")
    with pytest.raises(DatabaseError, match="postponed_within_bound"), transaction.atomic():
        MigrationPlan.objects.filter(pk=told.plan.pk).update(scheduled_for=t0 + timedelta(days=8))


def resubmit(told, **changed):
    plan = told.fresh
    plans.edit(
        plan_id=plan.pk,
        by=told.cast["ana"],
        title=plan.title,
        scheduled_for=told.now + timedelta(days=9),
        documentation=COMPLETE.__class__(**{**vars(COMPLETE), **changed}),
        checks=[],
        version=plan.version,
        now=told.now,
    )
    return told.do(services.submit, "ana")


def test_an_edit_makes_another_revision_voids_what_was_signed_and_tells_the_signers(story):
    told = story("HIGH")
    told.sign("REVIEW", "DBA")
    first = told.seat("REVIEW", "DBA")
    old = plan_queries.newest_revision(told.fresh)

    told.do(services.revise, "ana", reason="The column has to be required")

    assert told.status == "DRAFT"
    assert {mail.recipient.split("@")[0] for mail in mails("plan_decided")} == {
        "ana",
        "carla",
        "dan",
    }
    first.refresh_from_db()
    assert (first.decision, bool(first.voided_at)) == ("APPROVE", True)
    assert not links().exists()

    new = resubmit(told, expected_seconds=90)
    assert (old.number, new.number) == (1, 2)
    assert new.digest != old.digest
    assert told.seat("REVIEW", "DBA").decision == ""
    asked = mails("sign_off_requested", to="dan")[-1]
    assert asked.context["signed_revision"] == 1
    assert mails("sign_off_requested", to="carla")[-1].context["signed_revision"] is None
    with pytest.raises(AlreadyDecided):
        services.sign_off(
            seat_id=first.pk,
            by=told.cast["dan"],
            decision=Decision.APPROVE,
            reason="again",
            digest=old.digest,
            evidence=DESK,
            now=told.now,
            **told.door,
        )
    never_signed = old.seats.get(stage="REVIEW", role="CTO")
    with pytest.raises(RevisionStale):
        services.sign_off(
            seat_id=never_signed.pk,
            by=told.cast["carla"],
            decision=Decision.APPROVE,
            reason="late",
            digest=old.digest,
            evidence=DESK,
            now=told.now,
            **told.door,
        )
    assert ledger.verify_chain().intact


def test_a_plan_that_was_sent_back_can_be_changed_and_submitted_anew(story):
    told = story()
    told.sign("REVIEW", "DBA", decision=Decision.REJECT)
    assert told.status == "REJECTED"

    told.do(services.revise, "ana", reason="I mend what Dan found")
    resubmit(told)

    assert told.status == "SUBMITTED"
    assert Seat.objects.filter(revision__plan=told.plan, voided_at=None).count() == 4


def test_a_plan_opened_after_its_approval_takes_its_run_along(story):
    told = story().to_approved()
    execution.schedule_approved(now=told.now)
    told.do(services.revise, "ana", reason="One more column")
    execution.schedule_approved(now=told.now)

    assert told.status == "DRAFT"
    assert MigrationRun.objects.get().status == "CANCELLED"


def test_nobody_opens_a_plan_of_somebody_else(story):
    told = story()
    with pytest.raises(plans.NotYourPlan):
        told.do(services.revise, "dan", reason="mine")
    assert Entry.objects.filter(kind="PLAN_REOPENED").count() == 0
