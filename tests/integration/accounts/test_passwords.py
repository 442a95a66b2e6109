"""Choosing a password by a link, and changing it. The clock is the test's where a link grows old."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from migrations_portal.accounts import links, passwords, services
from migrations_portal.accounts.models import SecondFactor
from migrations_portal.accounts.rules import (
    CodeWrong,
    LinkNotGood,
    PasswordRefused,
    PasswordWrong,
    code_at,
    step_at,
)
from migrations_portal.audit.models import Entry
from migrations_portal.notifications import delivery
from migrations_portal.notifications.models import Notice
from migrations_portal.notifications.ports import DeliveryFailed
from tests.clock import NOON
from tests.factories.chain import URL, mails

KEY = "a key of the tests, long enough for it"
OLD, NEW = "a long pass phrase", "another long phrase"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def dan(cast):
    cast["dan"].set_password(OLD)
    cast["dan"].save()
    return cast["dan"]


def choose(person, token, *, now=NOON, password=NEW, code=""):
    return passwords.choose(
        uid=links.uid(person), token=token, password=password, code=code, key=KEY, now=now
    )


def test_a_link_is_good_once(dan):
    token = links.token(dan, now=NOON)

    choose(dan, token)

    dan.refresh_from_db()
    assert dan.check_password(NEW)
    with pytest.raises(LinkNotGood):
        choose(dan, token)
    assert Entry.objects.filter(kind="PASSWORD_CHANGED").count() == 1


@pytest.mark.parametrize(("hours", "good"), [(23, True), (25, False)])
def test_a_link_is_good_for_a_day(dan, hours, good):
    token = links.token(dan, now=NOON)
    later = NOON + timedelta(hours=hours)

    if good:
        choose(dan, token, now=later)
    else:
        with pytest.raises(LinkNotGood):
            choose(dan, token, now=later)


@pytest.mark.parametrize("uid", ["", "%%%", "MQ", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "/w"])
def test_a_link_of_nobody_is_not_good(dan, uid):
    with pytest.raises(LinkNotGood):
        links.person_of(uid=uid, token="c1x2y3-0f9e8d7c6b5a", now=NOON)


def test_a_link_ends_with_the_account(dan):
    token = links.token(dan, now=NOON)
    dan.is_active = False
    dan.save()

    with pytest.raises(LinkNotGood):
        choose(dan, token)


@pytest.mark.parametrize("password", ["short", "password1234", "dan@whitecross.example"])
def test_a_weak_password_is_refused_and_the_link_stays_good(dan, password):
    token = links.token(dan, now=NOON)

    with pytest.raises(PasswordRefused):
        choose(dan, token, password=password)

    choose(dan, token)


def test_the_mailbox_alone_does_not_get_past_the_second_factor(dan):
    services.begin(person=dan, key=KEY, now=NOON)
    secret = services.unseal(SecondFactor.objects.get(person=dan).sealed_secret, key=KEY)
    services.confirm(person=dan, code=code_at(secret=secret, step=step_at(NOON)), key=KEY, now=NOON)
    token, later = links.token(dan, now=NOON), NOON + timedelta(minutes=2)

    with pytest.raises(CodeWrong):
        choose(dan, token, now=later, code="000000")
    choose(dan, token, now=later, code=code_at(secret=secret, step=step_at(later)))

    dan.refresh_from_db()
    assert dan.check_password(NEW)


def test_the_outbox_holds_no_link_and_the_mail_does(dan):
    links.forgotten(email="DAN@whitecross.example", now=NOON, public_url=URL)
    [notice] = mails("account_link")

    mail = delivery.render_mail(notice, more=links.in_mail(notice, now=NOON))

    assert "/password/" not in str(notice.context)
    uid, token = re.search(r"/password/(\w+)/([\w-]+)/", mail.text).groups()
    assert links.person_of(uid=uid, token=token, now=NOON) == dan


def test_no_mail_goes_to_who_was_deactivated_meanwhile(dan):
    links.forgotten(email=dan.email, now=NOON, public_url=URL)
    dan.is_active = False
    dan.save()

    with pytest.raises(DeliveryFailed):
        links.in_mail(Notice.objects.get(template="account_link"), now=NOON)


def test_an_address_gets_three_links_an_hour(dan):
    for minute in range(5):
        links.forgotten(email=dan.email, now=NOON + timedelta(minutes=minute), public_url=URL)
    assert len(mails("account_link")) == 3

    links.forgotten(email=dan.email, now=NOON + timedelta(minutes=61), public_url=URL)

    assert len(mails("account_link")) == 4


def test_the_answer_is_the_same_for_an_address_that_nobody_has(dan):
    answers = []
    for email in (dan.email, "nobody@whitecross.example"):
        client = Client()
        client.post("/password/forgotten/", {"email": email})
        answers.append(re.sub(r'value="\w{64}"', "", client.get("/sign-in/").content.decode()))

    assert answers[0] == answers[1]
    assert "a link is on its way" in answers[0]
    assert len(mails("account_link")) == 1


def test_asking_is_throttled(db):
    client = Client()
    codes = [
        client.post("/password/forgotten/", {"email": "x@y.example"}).status_code for _ in range(12)
    ]

    assert set(codes[:10]) == {302}
    assert set(codes[10:]) == {429}


def test_the_page_of_a_link_keeps_the_token_out_of_its_address_and_sets_the_password(dan):
    client, token = Client(), links.token(dan, now=timezone.now())
    for _ in range(20):  # a scanner
        Client().get(f"/password/{links.uid(dan)}/{token}/", follow=True)

    shown = client.get(f"/password/{links.uid(dan)}/{token}/", follow=True)
    assert token not in shown.request["PATH_INFO"]
    assert token not in shown.content.decode()
    differ = client.post(shown.request["PATH_INFO"], {"new": NEW, "again": OLD})
    done = client.post(shown.request["PATH_INFO"], {"new": NEW, "again": NEW}, follow=True)

    assert differ.status_code == 422
    assert "Your password is set" in done.content.decode()
    assert Client().login(username=dan.email, password=NEW)
    assert client.get(f"/password/{links.uid(dan)}/{token}/", follow=True).status_code == 410


def test_a_changed_password_ends_other_sessions_and_tokens_and_keeps_this_one(dan):
    here, there = Client(), Client()
    for each in (here, there):
        each.force_login(dan, backend=BACKEND)
    AuthToken.objects.create(user=dan, expiry=timedelta(days=1))

    answer = here.post("/password/", {"old": OLD, "new": NEW, "again": NEW}, follow=True)

    assert "Your password is changed" in answer.content.decode()
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    assert not AuthToken.objects.filter(user=dan).exists()


def test_a_change_wants_the_password_of_now_and_another_one(dan):
    change = {"person": dan, "code": "", "key": KEY, "now": NOON}
    with pytest.raises(PasswordWrong):
        passwords.change(old="wrong", password=NEW, **change)
    with pytest.raises(PasswordRefused):
        passwords.change(old=OLD, password=OLD, **change)

    assert not Entry.objects.filter(kind="PASSWORD_CHANGED").exists()
