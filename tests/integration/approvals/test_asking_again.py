"""The mail of a seat is sent again to who is waited for, by who may, and not without end (A12)."""

import pytest

from migrations_portal.accounts.models import Pace
from migrations_portal.approvals import queries, services
from migrations_portal.approvals.rules import AskedAgainTooOften, SeatNotOpen
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import body_of
from migrations_portal.people import access
from migrations_portal.people.access import NotAllowed
from migrations_portal.people.rules import Role
from tests.factories.chain import URL, mails


def again(told, by="ana", stage="REVIEW", role="DBA"):
    return told.do(services.ask_again, by, seat_id=told.seat(stage, role).pk)


def links_of(name):
    return [each.context["url"] for each in mails("sign_off_requested", to=name)]


def opened(url, now):
    return queries.invitation(token=url.removeprefix(f"{URL}/s/").strip("/"), now=now)


def test_dan_gets_a_mail_with_a_new_link_and_the_old_one_ends(story):
    told = story("HIGH")

    assert [each.email for each in again(told)] == ["dan@whitecross.example"]

    old, new = links_of("dan")
    assert opened(new, told.now).person == told.cast["dan"]
    with pytest.raises(queries.LinkNotGood):
        opened(old, told.now)
    assert len(links_of("carla")) == 1
    (entry,) = [body_of(row.canonical) for row in Entry.objects.filter(kind="SEAT_ASKED_AGAIN")]
    assert entry["who"]["name"] == "Ana Lopez"
    assert entry["facts"] == {"role": "DBA", "stage": "REVIEW", "told": ["dan@whitecross.example"]}
    told.sign("REVIEW", "DBA")


def test_five_times_an_hour_for_each_seat_then_no_more(story):
    told = story("HIGH")
    for _ in range(5):
        again(told)
    with pytest.raises(AskedAgainTooOften):
        again(told)
    assert len(links_of("dan")) == 6
    again(told, role="CTO")

    Pace.objects.update(ends_at="2020-01-01T00:00Z")
    again(told)


def test_the_author_may_and_an_administrator_and_nobody_else(story):
    told = story()
    for name in ("dan", "tess", "mallory"):
        with pytest.raises(NotAllowed):
            again(told, by=name)
    access.grant(person=told.cast["mallory"], role=Role.ADMINISTRATOR, group=told.plan.target.group)
    again(told, by="mallory")


def test_nobody_is_asked_again_where_nobody_is_waited_for(story):
    told = story()
    with pytest.raises(SeatNotOpen):
        again(told, stage="GO")
    told.sign("REVIEW", "DBA")
    with pytest.raises(SeatNotOpen):
        again(told)
    told.do(services.withdraw, "ana", reason="Found a better way")
    with pytest.raises(SeatNotOpen):
        again(told, stage="SECURITY", role="SECURITY_OFFICER")


def test_the_page_offers_it_to_who_may_and_does_it(story, browser):
    told = story()
    address = f"/plans/{told.plan.pk}/seats/{told.seat('REVIEW', 'DBA').pk}/again/"
    assert address not in browser("dan").get(f"/plans/{told.plan.pk}/").content.decode()
    page = browser("ana").get(f"/plans/{told.plan.pk}/").content.decode()
    assert page.count("/again/") == 1
    assert f'action="{address}"' in page
    assert "csrfmiddlewaretoken" in page.split(address)[1][:200]

    done = browser("ana").post(address, follow=True)
    assert "on its way again" in done.content.decode()
    assert len(links_of("dan")) == 2
    for _ in range(4):
        browser("ana").post(address)
    late = browser("ana").post(address)
    assert late.status_code == 409
    assert "five times within an hour" in late.content.decode()
    assert Entry.objects.filter(kind="WISH_REFUSED").count() == 1
