"""How long a link of a mail lives: seven days, and never past T-0 (A3)."""

from datetime import timedelta

import pytest

from migrations_portal.approvals import queries, services
from migrations_portal.approvals.models import Invitation
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from tests.clock import NOON
from tests.factories.chain import mails


def token_of(mail):
    return mail.context["url"].rpartition("/s/")[2].strip("/")


def test_a_link_ends_after_seven_days_or_at_t0_whichever_is_first(story):
    told = story()
    assert {row.expires_at for row in Invitation.objects.all()} == {NOON + timedelta(days=7)}
    told.sign_stage("REVIEW")
    told.sign_stage("SECURITY")
    told.before(minutes=40)
    t0 = told.fresh.scheduled_for

    (row,) = Invitation.objects.filter(seat=told.seat("GO", "DBA"))
    assert row.expires_at == t0
    token = token_of(mails("sign_off_requested", to="dan")[-1])
    assert queries.invitation(token=token, now=t0 - timedelta(seconds=1)) == row
    with pytest.raises(queries.LinkNotGood):
        queries.invitation(token=token, now=t0)


def test_who_is_asked_after_t0_gets_the_address_of_the_page_and_no_token(story):
    told = story()
    told.now = told.fresh.scheduled_for + timedelta(minutes=30)
    dora = Person.objects.create_user("dora@whitecross.example", "Dora Second")
    access.grant(person=dora, role=Role.DBA, group=told.plan.target.group)
    told.keep()

    seat = told.seat("REVIEW", "DBA")
    (mail,) = mails("sign_off_requested", to="dora")
    assert mail.context["url"] == f"http://127.0.0.1:8000/sign-off/{seat.pk}/"
    assert services.check_may_decide(seat, by=dora, now=told.now) is None
