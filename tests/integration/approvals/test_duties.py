"""Separation of duties, tried around the services: PostgreSQL itself refuses (A6, A7)."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from migrations_portal.approvals import services
from migrations_portal.approvals.models import ChainStage, Delegation, Seat
from migrations_portal.approvals.rules import OwnPlan, SeatUnfillable
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from tests.clock import NOON
from tests.factories.chain import Story
from tests.factories.plans import draft


def forged(seat, person, **more):
    """Return the columns of a decision, as somebody who writes SQL would set them."""
    return {
        "decision": "APPROVE",
        "decided_by": person,
        "decided_at": NOON,
        "reason": "forged",
        "signed_digest": seat.revision.digest,
        "printed_name": person.full_name,
        "meaning": "x",
        "factors": "x",
        **more,
    }


def refuse_both_ways(seat, match, values):
    """Try it by UPDATE and by .save(); PostgreSQL refuses each."""
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        Seat.objects.filter(pk=seat.pk).update(**values)
    row = Seat.objects.get(pk=seat.pk)
    for name, value in values.items():
        setattr(row, name, value)
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        row.save()


@pytest.mark.parametrize("superuser", [False, True])
def test_the_author_the_last_editor_and_the_executor_fill_no_seat(story, superuser):
    told = story()
    seat = told.seat("REVIEW", "DBA")
    for name, column in (("ana", "author"), ("tess", "last_editor"), ("carla", "executor")):
        person = told.cast[name]
        person.is_superuser = superuser
        person.save()
        access.grant(person=person, role=Role.DBA, group=told.plan.target.group)
        if column != "author":
            MigrationPlan.objects.filter(pk=told.plan.pk).update(**{column: person})
        refuse_both_ways(seat, "plan of their own", forged(seat, person))
        refuse_both_ways(
            seat, "plan of their own", forged(seat, told.cast["dan"], on_behalf_of=person)
        )
        with pytest.raises(OwnPlan):
            told.sign("REVIEW", "DBA", by=name)


def test_ana_names_carla_who_carries_it_out_and_carla_cannot_sign(cast, production):
    plan = draft(by=cast["ana"], target=production, level="HIGH")
    plans.name_executor(plan_id=plan.pk, by=cast["ana"], executor=cast["carla"])
    told = Story(cast, plan)
    with pytest.raises(SeatUnfillable, match="CTO"):
        told.do(services.submit, "ana")
    with pytest.raises(access.NotAllowed):
        plans.name_executor(plan_id=plan.pk, by=cast["ana"], executor=cast["mallory"])


def test_one_person_acts_in_one_role_per_revision(story):
    told = story("HIGH")
    access.grant(person=told.cast["dan"], role=Role.CTO, group=told.plan.target.group)
    told.sign("REVIEW", "DBA")
    seat = told.seat("REVIEW", "CTO")
    refuse_both_ways(seat, "one role per revision", forged(seat, told.cast["dan"]))


@pytest.mark.parametrize("name", ["mallory", "sam"])
def test_who_does_not_hold_the_role_cannot_be_written_into_a_seat(story, name):
    told = story()
    person = told.cast[name]
    person.is_superuser = person.is_staff = True
    person.save()
    seat = told.seat("REVIEW", "DBA")
    refuse_both_ways(seat, "active holder", forged(seat, person))


def test_a_deactivated_holder_cannot_either(story):
    told = story()
    dan = told.cast["dan"]
    dan.is_active = False
    dan.save()
    seat = told.seat("REVIEW", "DBA")
    refuse_both_ways(seat, "active holder", forged(seat, dan))


def test_nobody_signs_for_somebody_without_being_their_deputy(story):
    told = story()
    seat = told.seat("REVIEW", "DBA")
    values = forged(seat, told.cast["tess"], on_behalf_of=told.cast["dan"])
    refuse_both_ways(seat, "only a deputy", values)
    row = Delegation.objects.create(
        group=told.plan.target.group, role="DBA", giver=told.cast["dan"], deputy=told.cast["tess"],
        starts_at=NOON - timedelta(days=1), ends_at=NOON + timedelta(days=1), reason="x", made_at=NOON,
        ended_at=None,
    )  # fmt: skip
    row.ended_at = NOON
    row.save()
    refuse_both_ways(seat, "only a deputy", values)


def test_a_decision_stays_as_it_is_and_a_seat_where_it_is(story):
    told = story()
    seat = told.sign("REVIEW", "DBA")
    for values in (
        {"reason": "other"},
        {"decision": "REJECT"},
        {"decided_by": told.cast["tess"]},
        {"decision": "", "decided_by": None, "decided_at": None, "signed_digest": ""},
    ):
        refuse_both_ways(seat, "decided already", values)
    open_seat = told.seat("SECURITY", "SECURITY_OFFICER")
    for values in ({"role": "DBA"}, {"stage": "REVIEW"}, {"position": 9}):
        refuse_both_ways(open_seat, "laid out", values)
    with (
        pytest.raises(DatabaseError, match="a seat stays"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM approvals_seat WHERE id = %s", [open_seat.pk])


def test_a_void_seat_comes_back_to_nobody(story):
    told = story()
    seat = told.sign("REVIEW", "DBA")
    told.do(services.revise, "ana", reason="One more column")
    refuse_both_ways(seat, "void", {"voided_at": None, "void_reason": ""})


def test_a_signature_is_bound_to_its_digest(story):
    told = story()
    seat = told.seat("REVIEW", "DBA")
    refuse_both_ways(seat, "digest", forged(seat, told.cast["dan"], signed_digest="0" * 64))


@pytest.mark.parametrize("level", ["LOW", "HIGH"])
def test_no_update_approves_a_plan_that_its_seats_did_not(story, level):
    told = story(level)
    told.sign("REVIEW", "DBA")
    with pytest.raises(DatabaseError, match="all its seats"), transaction.atomic():
        MigrationPlan.objects.filter(pk=told.plan.pk).update(status="APPROVED")
    row = told.fresh
    row.status = "APPROVED"
    with pytest.raises(DatabaseError, match="all its seats"), transaction.atomic():
        row.save()


def test_who_signed_cannot_become_the_plans_editor_or_executor(story):
    told = story()
    told.sign("REVIEW", "DBA")
    for column in ("last_editor", "executor"):
        with pytest.raises(DatabaseError, match="no part"), transaction.atomic():
            MigrationPlan.objects.filter(pk=told.plan.pk).update(**{column: told.cast["dan"]})
    with pytest.raises(DatabaseError, match="keeps its author"), transaction.atomic():
        MigrationPlan.objects.filter(pk=told.plan.pk).update(author=told.cast["tess"])


def test_a_revision_and_its_files_are_frozen(story):
    told = story()
    revision = told.seat("REVIEW", "DBA").revision
    for change in (
        lambda: type(revision).objects.filter(pk=revision.pk).update(content="{}"),
        lambda: type(revision).objects.filter(pk=revision.pk).update(level="LOW", phi=True),
        lambda: revision.files.update(content=b"DROP TABLE patients"),
    ):
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
            change()


def test_who_wrote_the_commit_fills_no_seat_in_their_own_name_or_by_a_deputy(cast, production):
    plan = draft(by=cast["ana"], target=production, level="LOW")
    access.grant(person=cast["tess"], role=Role.DBA, group=production.group)
    MigrationPlan.objects.filter(pk=plan.pk).update(
        git_commit="0" * 40, commit_authors=["dan@whitecross.example"]
    )
    type(cast["dan"]).objects.filter(pk=cast["dan"].pk).update(email="Dan@WhiteCross.example")
    told = Story(cast, plan)
    told.do(services.submit, "ana")
    seat = told.seat("REVIEW", "DBA")

    refuse_both_ways(seat, "commit they wrote", forged(seat, cast["dan"]))
    Delegation.objects.create(
        group=production.group, role="DBA", giver=cast["dan"], deputy=cast["sam"],
        starts_at=NOON, ends_at=NOON + timedelta(days=1), reason="x", made_at=NOON,
    )  # fmt: skip
    refuse_both_ways(seat, "commit they wrote", forged(seat, cast["sam"], on_behalf_of=cast["dan"]))


def test_a_role_that_has_ended_signs_nothing(story):
    told = story()
    seat, dan = told.seat("REVIEW", "DBA"), told.cast["dan"]
    access.grant(person=dan, role=Role.DBA, group=told.plan.target.group, until=NOON)
    refuse_both_ways(seat, "has ended", forged(seat, dan))

    access.grant(
        person=dan, role=Role.DBA, group=told.plan.target.group, until=NOON + timedelta(seconds=1)
    )
    Seat.objects.filter(pk=seat.pk).update(**forged(seat, dan))


def test_a_seat_whose_stage_is_not_open_is_signed_by_nobody(story):
    told = story()
    seat, dan = told.seat("GO", "DBA"), told.cast["dan"]
    refuse_both_ways(seat, "not open", forged(seat, dan))
    refuse_both_ways(seat, "not open", forged(seat, dan, opened_at=NOON))


def test_a_stage_that_is_complete_takes_no_further_signature(story):
    told = story()
    seat, dan = told.seat("REVIEW", "DBA"), told.cast["dan"]
    ChainStage.objects.filter(revision=seat.revision, stage="REVIEW").update(completed_at=NOON)
    refuse_both_ways(seat, "not open", forged(seat, dan))


def test_a_void_seat_and_a_revision_that_is_over_take_no_signature(story):
    told = story()
    seat, dan = told.seat("REVIEW", "DBA"), told.cast["dan"]
    told.do(services.revise, "ana", reason="One more column")
    refuse_both_ways(seat, "void", forged(seat, dan))
