"""A mail relay that the network takes away: each mail arrives once, or its next attempt is there to be seen."""

import os
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from migrations_portal.adapters import mail
from migrations_portal.adapters.mail import SmtpMailer
from migrations_portal.demo import inbox
from migrations_portal.notifications import delivery, services
from migrations_portal.notifications.models import Notice
from migrations_portal.notifications.queries import InTrouble, in_trouble
from tests.chaos.proxy import Proxy, Weather
from tests.clock import NOON
from tests.factories.plans import submitted
from tests.integration.notifications.test_delivery import FOLDER
from tests.runs_kit import until

pytestmark = pytest.mark.django_db(transaction=True)
GOOD_BYE = len("221 Bye\r\n")
TAKEN = len("250 Message accepted for delivery\r\n")


@pytest.fixture
def relay():
    where = urlsplit(os.environ["WCO_SMTP_URL"])
    with Proxy((str(where.hostname), int(where.port or 25))) as proxy:
        yield proxy


@pytest.fixture
def title(cast, production) -> str:
    """The title of a plan whose two invitations wait in the outbox; the inbox is shared with other tests."""
    title = f"Consent tracking {uuid4()}"
    submitted(by=cast["ana"], target=production, title=title)
    return title


def attempt(proxy: Proxy, *, now=NOON) -> list[bool]:
    mailer = SmtpMailer(f"smtp://127.0.0.1:{proxy.port}", sender="ops@whitecross.example")
    hand_over = delivery.handing_over(mailer=mailer, chat=None)
    return [
        services.deliver(each, hand_over=hand_over, clock=lambda: now)
        for each in services.claim_due(now=now)
    ]


def whole_talk(proxy: Proxy) -> int:
    """Return the bytes that the relay says for one mail, from its greeting to its good-bye."""
    until(lambda: proxy.came_back)
    return proxy.came_back


def arrived(title: str) -> Counter:
    """Count the mails on the plan by their Message-ID."""
    return Counter(
        str(each.message["Message-ID"])
        for each in inbox.mails(FOLDER)
        if title in each.part("plain")
    )


@pytest.mark.parametrize(
    "bad",
    [{"refuse": True}, {"black_hole": True}, {"cut_after": 0}, {"cut_after": 60}, {"delay": 0.7}],
    ids=lambda bad: next(iter(bad)),
)
def test_a_mail_that_did_not_get_through_waits_visibly_and_arrives_once(
    relay, title, monkeypatch, bad
):
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(mail, "LONGEST_SECONDS", 2)
    relay.weather = Weather(**bad)

    assert attempt(relay) == [False, False]
    for each in Notice.objects.all():
        assert (each.attempts, each.delivered_at, each.claimed_at) == (1, None, None)
        assert "did not take the mail" in each.problem
        assert each.due_at > NOON
    assert not arrived(title)
    seen = in_trouble(since=NOON)
    assert (seen.retried, seen.given_up) == (2, 0)
    assert "did not take the mail" in seen.problem

    relay.heal()
    assert attempt(relay, now=NOON + timedelta(minutes=1)) == [True, True]
    assert list(arrived(title).values()) == [1, 1]
    assert in_trouble(since=NOON) == InTrouble(0, 0, "")


def test_a_mail_whose_receipt_was_lost_comes_again_as_the_same_mail(relay, title, monkeypatch):
    (first, second) = services.claim_due(now=NOON)
    Notice.objects.filter(pk=second.pk).update(claimed_at=None)
    hand_over = delivery.handing_over(
        mailer=SmtpMailer(f"smtp://127.0.0.1:{relay.port}", sender="ops@whitecross.example"),
        chat=None,
    )
    assert services.deliver(first, hand_over=hand_over, clock=lambda: NOON)
    relay.weather = Weather(cut_after=whole_talk(relay) - GOOD_BYE - TAKEN)

    assert attempt(relay) == [False]
    relay.heal()
    assert attempt(relay, now=NOON + timedelta(minutes=1)) == [True]

    second.refresh_from_db()
    assert second.attempts == 3
    assert sorted(arrived(title).values()) == [1, 2]


def test_a_relay_that_does_not_say_good_bye_gets_the_mail_once(relay, title):
    claimed = services.claim_due(now=NOON)
    hand_over = delivery.handing_over(
        mailer=SmtpMailer(f"smtp://127.0.0.1:{relay.port}", sender="ops@whitecross.example"),
        chat=None,
    )
    assert services.deliver(claimed[0], hand_over=hand_over, clock=lambda: NOON)
    relay.weather = Weather(cut_after=whole_talk(relay) - GOOD_BYE)

    assert services.deliver(claimed[1], hand_over=hand_over, clock=lambda: NOON)

    assert list(arrived(title).values()) == [1, 1]


def test_a_mail_that_waited_too_long_behind_others_is_left_to_who_took_it(relay, title):
    claimed = services.claim_due(now=NOON)
    later = NOON + timedelta(seconds=61)
    assert attempt(relay, now=later) == [True, True]

    hand_over = delivery.handing_over(mailer=None, chat=None)
    assert [
        services.deliver(each, hand_over=hand_over, clock=lambda: later) for each in claimed
    ] == [False, False]

    assert list(arrived(title).values()) == [1, 1]
    assert set(Notice.objects.values_list("problem", flat=True)) == {""}
