"""An administrator looks after people: within their groups, never after themselves, each act in the ledger and told by mail."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from knox.models import AuthToken

from migrations_portal.accounts import administration, queries
from migrations_portal.accounts.rules import AdministrationRefused, NotActive, RoleHeld, RoleNotHeld
from migrations_portal.approvals.models import Invitation
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import body_of
from migrations_portal.people import access
from migrations_portal.people.access import NotAllowed
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import TargetGroup
from tests.clock import NOON
from tests.factories.chain import URL, Story, mails
from tests.factories.plans import submitted

WHY = {"reason": "Joins the team", "now": NOON, "public_url": URL}


def last(kind):
    return body_of(Entry.objects.filter(kind=kind).latest("seq").canonical)


def test_adam_invites_somebody_who_gets_a_mail_and_a_role(adam, group):
    made = administration.invite(
        email="zoe@whitecross.example",
        full_name="Zoe Hart",
        powers=[(group, Role.DBA)],
        by=adam,
        **WHY,
    )

    assert access.roles_in(person=made, group=group) == {Role.DBA}
    assert not made.has_usable_password()
    assert [mail.recipient for mail in mails("account_link")] == ["zoe@whitecross.example"]
    assert last("PERSON_INVITED")["facts"] == {"person": made.email}
    assert last("ROLE_GRANTED")["facts"] == {
        "person": made.email,
        "group": "School health",
        "role": "DBA",
    }


def test_an_address_is_invited_once(adam, group, cast):
    with pytest.raises(AdministrationRefused):
        administration.invite(
            email="DAN@whitecross.example",
            full_name="Dan",
            powers=[(group, Role.CTO)],
            by=adam,
            **WHY,
        )
    assert not Entry.objects.filter(kind="PERSON_INVITED").exists()


@pytest.mark.parametrize("name", ["ana", "dan", "cleo", "mallory"])
def test_nobody_but_an_administrator_gives_a_role(cast, adam, group, name):
    with pytest.raises(NotAllowed):
        administration.give_role(
            person=cast["tess"], role=Role.DBA, group=group, by=cast[name], **WHY
        )

    assert access.roles_in(person=cast["tess"], group=group) == {Role.TECH_LEAD}


def test_an_administrator_acts_in_their_own_group_only(cast, bea, group, elsewhere):
    with pytest.raises(NotAllowed):
        administration.give_role(person=cast["tess"], role=Role.DBA, group=group, by=bea, **WHY)
    with pytest.raises(NotAllowed):
        administration.take_role(person=cast["dan"], role=Role.DBA, group=group, by=bea, **WHY)
    with pytest.raises(NotAllowed):
        administration.deactivate(person=cast["dan"], by=bea, **WHY)


def test_whoever_has_roles_in_two_groups_is_deactivated_by_who_administers_both(
    cast, adam, group, elsewhere
):
    access.grant(person=cast["dan"], role=Role.DBA, group=elsewhere)
    with pytest.raises(NotAllowed):
        administration.deactivate(person=cast["dan"], by=adam, **WHY)

    access.grant(person=adam, role=Role.ADMINISTRATOR, group=elsewhere)
    administration.deactivate(person=cast["dan"], by=adam, **WHY)

    cast["dan"].refresh_from_db()
    assert not cast["dan"].is_active


@pytest.mark.parametrize("role", [Role.DBA, Role.ENGINEER, Role.ADMINISTRATOR])
def test_adam_changes_nothing_about_himself(adam, group, role):
    for act in (administration.give_role, administration.take_role):
        with pytest.raises(AdministrationRefused):
            act(person=adam, role=role, group=group, by=adam, **WHY)
    with pytest.raises(AdministrationRefused):
        administration.deactivate(person=adam, by=adam, **WHY)

    assert access.roles_in(person=adam, group=group) == {Role.ADMINISTRATOR}


def test_whoever_administers_holds_no_seat(cast, adam, group):
    with pytest.raises(AdministrationRefused, match="holds no seat"):
        administration.give_role(
            person=cast["dan"], role=Role.ADMINISTRATOR, group=group, by=adam, **WHY
        )
    administration.give_role(
        person=cast["ana"], role=Role.ADMINISTRATOR, group=group, by=adam, **WHY
    )
    with pytest.raises(AdministrationRefused, match="does not sign"):
        administration.give_role(person=cast["ana"], role=Role.CTO, group=group, by=adam, **WHY)


def test_an_auditor_is_admitted_elsewhere_with_a_day(cast, adam, group):
    with pytest.raises(AdministrationRefused, match="auditors"):
        administration.give_role(
            person=cast["mallory"], role=Role.AUDITOR, group=group, by=adam, **WHY
        )


def test_a_role_is_given_once_and_taken_once(cast, adam, group):
    with pytest.raises(RoleHeld):
        administration.give_role(person=cast["dan"], role=Role.DBA, group=group, by=adam, **WHY)
    administration.take_role(person=cast["dan"], role=Role.DBA, group=group, by=adam, **WHY)
    with pytest.raises(RoleNotHeld):
        administration.take_role(person=cast["dan"], role=Role.DBA, group=group, by=adam, **WHY)

    assert last("ROLE_REVOKED")["why"] == "Joins the team"


def test_a_change_needs_a_reason(cast, adam, group):
    with pytest.raises(AdministrationRefused, match="ledger"):
        administration.deactivate(
            person=cast["dan"], by=adam, reason="  ", now=NOON, public_url=URL
        )


def test_who_is_concerned_and_the_other_administrators_are_told(cast, adam, group):
    other = Person.objects.create_user("otto@whitecross.example", "Otto Frey")
    access.grant(person=other, role=Role.ADMINISTRATOR, group=group)

    administration.give_role(person=cast["tess"], role=Role.DBA, group=group, by=adam, **WHY)

    told = {mail.recipient: mail.context["own"] for mail in mails("access_changed")}
    assert told == {cast["tess"].email: True, other.email: False}


def test_dan_is_deactivated_and_his_open_seat_goes_to_who_is_left(cast, adam, group, production):
    other = Person.objects.create_user("deb@whitecross.example", "Deb Lane")
    access.grant(person=other, role=Role.DBA, group=group)
    told = Story(cast, submitted(by=cast["ana"], target=production, level="LOW"))
    seat = told.seat("REVIEW", "DBA")
    AuthToken.objects.create(user=cast["dan"], expiry=timedelta(days=3))

    administration.deactivate(person=cast["dan"], by=adam, **WHY)
    told.keep()

    left = Invitation.objects.filter(seat=seat, revoked_at__isnull=True)
    assert [row.person for row in left] == [other]
    assert not AuthToken.objects.filter(user=cast["dan"]).exists()
    assert "1 API tokens ended" in last("PERSON_DEACTIVATED")["what"]
    with pytest.raises(NotActive):
        administration.deactivate(person=cast["dan"], by=adam, **WHY)


def test_who_is_let_in_again_has_the_roles_of_before(cast, adam, group):
    administration.deactivate(person=cast["dan"], by=adam, **WHY)
    assert access.roles_in(person=Person.objects.get(pk=cast["dan"].pk), group=group) == frozenset()

    administration.reactivate(person=cast["dan"], by=adam, **WHY)

    assert access.roles_in(person=Person.objects.get(pk=cast["dan"].pk), group=group) == {Role.DBA}
    assert last("PERSON_REACTIVATED")["who"]["name"] == "Adam Berg"


def test_adam_sees_his_people_and_those_without_a_role(cast, adam, bea, elsewhere):
    seen = {each.person for each in queries.known(by=adam)}

    assert cast["dan"] in seen
    assert cast["mallory"] in seen
    assert bea not in seen
    assert queries.known(by=cast["dan"]) == []


def test_the_first_administrator_is_made_on_the_server_and_there_is_one_first(db):
    call_command("add_administrator", "ada@whitecross.example", "Ada Berg", "--group", "Clinics")

    ada = Person.objects.get(email="ada@whitecross.example")
    group = TargetGroup.objects.get(name="Clinics")
    assert access.roles_in(person=ada, group=group) == {Role.ADMINISTRATOR}
    assert mails("account_link", to="ada")
    with pytest.raises(CommandError, match="Ada Berg administers Clinics already"):
        call_command("add_administrator", "bob@whitecross.example", "Bob", "--group", "Clinics")
    assert not Person.objects.filter(email="bob@whitecross.example").exists()
