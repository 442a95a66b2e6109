"""Dan for Sam: a role handed on for a time, to somebody qualified, never to somebody with a part in the plan."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from migrations_portal.approvals import queries, services
from migrations_portal.approvals.models import Delegation
from migrations_portal.approvals.rules import AnotherRole, DelegationRefused, OwnPlan
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.people import access
from migrations_portal.people.access import NotAllowed
from migrations_portal.people.rules import Role
from tests.clock import NOON
from tests.factories.chain import URL, mails

WEEK = timedelta(days=7)


def hand_on(told, *, by="sam", to="dan", role=Role.SECURITY_OFFICER, starts=NOON, ends=NOON + WEEK):
    return services.delegate(
        group=told.plan.target.group,
        role=role,
        by=told.cast[by],
        to=told.cast[to],
        starts_at=starts,
        ends_at=ends,
        reason="On leave",
        now=told.now,
        public_url=URL,
    )


def test_tess_signs_for_sam_and_both_names_stand_in_the_record(story):
    told = story()
    hand_on(told, to="tess")
    assert mails("delegation_given")[0].recipient == "tess@whitecross.example"
    told.sign_stage("REVIEW")

    asked = mails("sign_off_requested", to="tess")[0]
    assert asked.context["stands_for"] == "Sam Weber"
    assert mails("sign_off_requested", to="sam")[0].context["stands_for"] == ""
    mine = queries.waiting_for(person=told.cast["tess"], now=told.now)
    assert [seat.role for seat in mine] == ["SECURITY_OFFICER"]

    seat = told.sign("SECURITY", "SECURITY_OFFICER", by="tess")

    assert seat.printed_name == "Tess Lindqvist for Sam Weber"
    assert (seat.decided_by, seat.on_behalf_of) == (told.cast["tess"], told.cast["sam"])
    entry = ledger.body(Entry.objects.filter(kind="SEAT_SIGNED").order_by("-seq")[0])
    assert "Tess Lindqvist for Sam Weber" in entry["what"]
    assert entry["facts"]["on_behalf_of"] == "sam@whitecross.example"
    assert "decided" in mails("seat_decided", to="sam")[0].template


def test_the_holder_may_still_sign_and_takes_the_role_back(story):
    told = story()
    row = hand_on(told, to="tess")
    told.sign_stage("REVIEW")
    with pytest.raises(DelegationRefused, match="Only the person"):
        services.end_delegation(delegation_id=row.pk, by=told.cast["tess"], now=told.now)
    services.end_delegation(delegation_id=row.pk, by=told.cast["sam"], now=told.now)
    told.keep()

    with pytest.raises(NotAllowed):
        told.sign("SECURITY", "SECURITY_OFFICER", by="tess")
    assert queries.waiting_for(person=told.cast["tess"], now=told.now) == []
    told.sign("SECURITY", "SECURITY_OFFICER", by="sam")
    with pytest.raises(DelegationRefused, match="ended already"):
        services.end_delegation(delegation_id=row.pk, by=told.cast["sam"], now=told.now)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"to": "sam"}, "somebody else"),
        ({"to": "ana"}, "no signing role"),
        ({"to": "mallory"}, "no signing role"),
        ({"ends": NOON}, "after the beginning"),
        ({"starts": NOON - WEEK, "ends": NOON - timedelta(days=1)}, "past already"),
        ({"ends": NOON + timedelta(days=31)}, "at most 30 days"),
    ],
)
def test_what_cannot_be_handed_on_like_that_is_said(story, given, sentence):
    told = story()
    with pytest.raises(DelegationRefused, match=sentence):
        hand_on(told, **given)
    assert not Delegation.objects.exists()


def test_a_role_one_only_stands_in_for_is_not_passed_on(story):
    told = story()
    hand_on(told, to="tess")
    with pytest.raises(NotAllowed, match="security officer"):
        hand_on(told, by="tess", to="carla")
    with pytest.raises(DelegationRefused, match="already"):
        hand_on(told, to="carla")


def test_dan_who_reviewed_cannot_sign_for_sam_in_the_same_plan(story):
    told = story()
    hand_on(told, to="dan")
    told.sign_stage("REVIEW")
    with pytest.raises(AnotherRole):
        told.sign("SECURITY", "SECURITY_OFFICER", by="dan")


def test_ana_as_deputy_cannot_sign_her_own_plan_nor_can_anybody_for_her(story, cast, production):
    access.grant(person=cast["ana"], role=Role.TECH_LEAD, group=production.group)
    access.grant(person=cast["ana"], role=Role.DBA, group=production.group)
    told = story("MEDIUM")
    hand_on(told, by="sam", to="ana")
    hand_on(told, by="ana", to="petra", role=Role.DBA)
    with pytest.raises(OwnPlan):
        told.sign("REVIEW", "DBA", by="petra")
    told.sign_stage("REVIEW")
    with pytest.raises(OwnPlan):
        told.sign("SECURITY", "SECURITY_OFFICER", by="ana")


def test_it_holds_from_its_beginning_to_its_end_only(story):
    told = story()
    hand_on(told, to="tess", starts=NOON + timedelta(days=1), ends=NOON + timedelta(days=2))
    told.sign_stage("REVIEW")
    for hours, allowed in ((1, False), (25, True), (49, False)):
        told.now = NOON + timedelta(hours=hours)
        seat = told.seat("SECURITY", "SECURITY_OFFICER")
        assert services.can_decide(seat, by=told.cast["tess"], now=told.now) is allowed


def test_it_ends_with_the_role_of_its_giver(story):
    told = story()
    hand_on(told, to="tess")
    told.sign_stage("REVIEW")
    access.revoke(person=told.cast["sam"], role=Role.SECURITY_OFFICER, group=told.plan.target.group)
    with pytest.raises(NotAllowed):
        told.sign("SECURITY", "SECURITY_OFFICER", by="tess")


def test_postgresql_keeps_it_as_it_was_made(story):
    told = story()
    row = hand_on(told, to="tess")
    rows = Delegation.objects.filter(pk=row.pk)
    for match, change in (
        ("only be ended", lambda: rows.update(deputy=told.cast["carla"])),
        ("only be ended", lambda: rows.update(ends_at=NOON + timedelta(days=29))),
        ("two_people", lambda: Delegation.objects.create(**copy(row, giver=row.deputy))),
        ("dated", lambda: Delegation.objects.create(**copy(row, ends_at=NOON + 5 * WEEK))),
        ("role_signs", lambda: Delegation.objects.create(**copy(row, role="AUDITOR"))),
    ):
        with pytest.raises(DatabaseError, match=match), transaction.atomic():
            change()


def copy(row, **changed):
    names = ("group", "role", "giver", "deputy", "starts_at", "ends_at", "reason", "made_at")
    return {**{name: getattr(row, name) for name in names}, **changed}
