"""The outbox, handed over to a real SMTP server."""

import os
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from migrations_portal import wiring
from migrations_portal.demo import inbox
from migrations_portal.notifications import delivery, services
from migrations_portal.notifications.models import Notice
from migrations_portal.notifications.ports import DeliveryFailed
from tests.clock import NOON
from tests.factories.plans import submitted

FOLDER = Path(os.environ["WCO_TEST_INBOX"])


def deliver_all(now=NOON):
    hand_over = delivery.handing_over(mailer=wiring.mailer(), chat=wiring.chat())
    return [
        services.deliver(each, hand_over=hand_over, clock=lambda: now)
        for each in services.claim_due(now=now)
    ]


def test_the_reviewers_mail_arrives_with_one_link_and_no_sql(cast, production):
    title = f"Consent tracking {uuid4()}"  # the inbox is shared with other tests that run now
    plan = submitted(by=cast["ana"], target=production, title=title)

    assert deliver_all() == [True, True]
    assert deliver_all() == []

    new = [each for each in inbox.mails(FOLDER) if title in each.part("plain")]
    assert len(new) == 2
    assert {str(each.message["To"]) for each in new} == {
        "carla@whitecross.example",
        "dan@whitecross.example",
    }
    for each in new:
        assert plan.number in str(each.message["Subject"])
        assert len(each.links) == 1
        assert "/s/" in each.links[0]
        assert "queryInterface" not in each.part("plain") + each.part("html")
        assert "style=" in each.part("html")


def test_a_relay_that_is_away_delays_a_mail_and_a_permanent_failure_ends_it(cast, production):
    submitted(by=cast["ana"], target=production)
    away, gone = services.claim_due(now=NOON)

    def fail(notice):
        raise DeliveryFailed("The relay is away.", permanent=notice.pk == gone.pk)

    assert not services.deliver(away, hand_over=fail, clock=lambda: NOON)
    assert not services.deliver(gone, hand_over=fail, clock=lambda: NOON)

    assert services.claim_due(now=NOON) == []
    assert [each.pk for each in services.claim_due(now=NOON + timedelta(minutes=1))] == [away.pk]
    gone.refresh_from_db()
    assert gone.given_up_at == NOON


def test_a_fault_with_one_mail_does_not_hold_up_the_next(cast, production):
    submitted(by=cast["ana"], target=production)
    bad, good = services.claim_due(now=NOON)

    def hand_over(notice):
        if notice.pk == bad.pk:
            raise KeyError("a template's word is missing")

    assert [
        services.deliver(each, hand_over=hand_over, clock=lambda: NOON) for each in (bad, good)
    ] == [False, True]
    bad.refresh_from_db()
    assert bad.due_at > NOON
    assert "KeyError" in bad.problem


def test_a_deliverer_that_died_leaves_its_notices_to_the_next(cast, production):
    submitted(by=cast["ana"], target=production)

    first = services.claim_due(now=NOON)

    assert services.claim_due(now=NOON + timedelta(seconds=30)) == []
    assert len(services.claim_due(now=NOON + timedelta(seconds=61))) == len(first)


@pytest.mark.parametrize(
    "template", [path.name for path in sorted(Path("templates/mail").iterdir()) if path.is_dir()]
)
def test_every_template_has_a_subject_on_one_line_and_both_bodies(template):
    notice = Notice(
        channel="MAIL",
        template=template,
        recipient="dan@whitecross.example",
        context={
            "plan_number": "WC-1",
            "plan_title": "T",
            "title": "T",
            "url": "http://127.0.0.1:8000/x/",
            "severity": "P1",
        },
    )

    mail = delivery.render_mail(notice)

    assert mail.subject
    assert "\n" not in mail.subject
    assert "http://127.0.0.1:8000/x/" in mail.text
    assert "http://127.0.0.1:8000/x/" in mail.html
