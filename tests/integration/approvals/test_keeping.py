"""People lose roles, leave, and get roles: open seats find somebody, given signatures stay, marked. And the morning mail."""

from datetime import timedelta

import pytest

from migrations_portal.approvals import queries, services
from migrations_portal.approvals.models import Invitation
from migrations_portal.audit.models import Entry
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from tests.clock import DAY, NOON
from tests.factories.chain import URL, mails


def person(told, name, role):
    made = Person.objects.create_user(f"{name.lower()}@whitecross.example", f"{name} Second")
    access.grant(person=made, role=role, group=told.plan.target.group)
    told.cast[name.lower()] = made
    return made


def test_a_seat_of_somebody_who_lost_the_role_goes_to_the_other_holder(story):
    told = story()
    person(told, "Dora", Role.DBA)
    told.keep()
    assert len(mails("sign_off_requested", to="dora")) == 1
    access.revoke(person=told.cast["dan"], role=Role.DBA, group=told.plan.target.group)
    told.keep()
    told.keep()

    live = Invitation.objects.filter(revoked_at=None).values_list("person__full_name", flat=True)
    assert list(live) == ["Dora Second"]
    assert Entry.objects.filter(kind="SEAT_REASSIGNED").count() == 2
    told.sign("REVIEW", "DBA", by="dora")


@pytest.mark.parametrize("how", ["revoked", "deactivated"])
def test_a_seat_that_nobody_can_fill_blocks_and_the_administrator_is_told_once(story, how):
    told = story()
    adam = person(told, "Adam", Role.ADMINISTRATOR)
    dan = told.cast["dan"]
    if how == "revoked":
        access.revoke(person=dan, role=Role.DBA, group=told.plan.target.group)
    else:
        dan.is_active = False
        dan.save()
    for _ in range(3):
        told.keep()

    assert {mail.recipient for mail in mails("seat_unfillable")} == {
        adam.email,
        told.cast["ana"].email,
    }
    assert len(mails("seat_unfillable")) == 2
    assert [seat.role for seat in services.seats_stuck(told.plan)] == ["DBA"]

    person(told, "Dora", Role.DBA)
    told.keep()
    assert services.seats_stuck(told.plan) == []
    assert len(mails("sign_off_requested", to="dora")) == 1


def carla_is_the_only_dba(told):
    group = told.plan.target.group
    access.grant(person=told.cast["carla"], role=Role.DBA, group=group)
    access.revoke(person=told.cast["dan"], role=Role.DBA, group=group)


def test_two_seats_for_which_one_person_is_left_are_stuck_before_she_signs_either(story):
    told = story(level="HIGH")
    carla_is_the_only_dba(told)
    for _ in range(2):
        told.keep()

    assert {seat.role for seat in services.seats_stuck(told.plan)} == {"CTO", "DBA"}
    assert {mail.context["together"] for mail in mails("seat_unfillable")} == {
        "CTO and database admin"
    }
    assert len(mails("seat_unfillable")) == 2  # the author hears of each seat once

    person(told, "Dora", Role.DBA)
    told.keep()
    assert services.seats_stuck(told.plan) == []


def test_who_signed_in_one_role_is_not_asked_in_another(story):
    told = story(level="HIGH")
    told.sign("REVIEW", "CTO", by="carla")
    carla_is_the_only_dba(told)
    told.keep()

    seat = told.seat("REVIEW", "DBA")
    assert queries.signers_of(seat, now=NOON) == []
    assert [each.role for each in services.seats_stuck(told.plan)] == ["DBA"]
    told_of = {
        (mail.context["role_title"], mail.context["together"]) for mail in mails("seat_unfillable")
    }
    assert told_of == {("database admin", "")}
    live = Invitation.objects.filter(seat=seat, revoked_at=None)
    assert list(live) == []


def test_a_given_signature_stays_and_is_marked_once(story):
    told = story()
    seat = told.sign("REVIEW", "DBA")
    access.revoke(person=told.cast["dan"], role=Role.DBA, group=told.plan.target.group)
    told.keep()
    first = told.seat("REVIEW", "DBA").signer_left_at
    told.now += timedelta(hours=1)
    told.keep()

    seat.refresh_from_db()
    assert (seat.decision, seat.signer_left_at) == ("APPROVE", first)
    assert first == NOON
    assert Entry.objects.filter(kind="SIGNATURE_MARKED").count() == 1


def test_a_role_that_comes_back_gets_a_new_link(story):
    told = story()
    group = told.plan.target.group
    access.revoke(person=told.cast["dan"], role=Role.DBA, group=group)
    told.keep()
    access.grant(person=told.cast["dan"], role=Role.DBA, group=group)
    told.keep()

    old, new = (
        mail.context["url"].rstrip("/").rsplit("/", 1)[1]
        for mail in mails("sign_off_requested", to="dan")
    )
    with pytest.raises(queries.LinkNotGood):
        queries.invitation(token=old, now=told.now)
    assert queries.invitation(token=new, now=told.now).person == told.cast["dan"]


def test_the_morning_mail_comes_once_a_day_while_something_waits(story):
    told = story("HIGH")
    eight = NOON.replace(hour=13) + DAY  # 08:00 in New York

    def send(moment):
        services.send_digests(now=moment, public_url=URL)

    send(eight - timedelta(minutes=1))
    assert not mails("waiting_digest")
    for minutes in (0, 10, 20, 600, -5):
        send(eight + timedelta(minutes=minutes))
    assert {mail.recipient.split("@")[0] for mail in mails("waiting_digest")} == {"dan", "carla"}
    assert len(mails("waiting_digest")) == 2
    line = mails("waiting_digest", to="dan")[0].context
    assert (line["count"], line["late"], line["lines"][0]["plan_number"]) == (
        1,
        0,
        told.plan.number,
    )
    told.sign("REVIEW", "DBA")
    send(eight + DAY)
    assert len(mails("waiting_digest", to="dan")) == 1
    assert len(mails("waiting_digest", to="carla")) == 2


def test_the_morning_mail_asks_only_about_people_for_whom_a_seat_is_open(
    story, django_assert_max_num_queries
):
    told = story("HIGH")
    eight = NOON.replace(hour=13) + DAY
    services.delegate(
        group=told.plan.target.group, role=Role.DBA, by=told.cast["dan"], to=told.cast["tess"],
        starts_at=NOON, ends_at=eight + DAY, reason="Leave", now=NOON, public_url="",
    )  # fmt: skip

    asked = {each.first_name for each in queries.people_of_open_seats(now=eight)}
    services.withdraw(plan_id=told.plan.pk, by=told.cast["ana"], now=NOON, reason="No", **told.door)
    with django_assert_max_num_queries(1):
        services.send_digests(now=eight, public_url=URL)

    assert asked == {"Dan", "Carla", "Tess"}
