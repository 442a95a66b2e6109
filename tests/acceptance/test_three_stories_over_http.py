"""A HIGH plan on PHI, a LOW one and an emergency, from T-7 to T-0 by the pages that people use; every mail is held as a file.

The clock moves as in the other stories; between two acts the portal sweeps. Each decision is the POST of the link's page, by
somebody who opened the link of their own mail before.
"""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.test import Client

from migrations_portal.approvals import services
from migrations_portal.audit import queries as ledger
from migrations_portal.plans.models import MigrationPlan
from tests.acceptance import mail_snapshots
from tests.clock import NOON
from tests.factories.chain import NAMES, Story, mails
from tests.factories.plans import draft, submitted

PASSWORD = "a long pass phrase"
HOUR = timedelta(hours=1)


class Desk:
    """People at their browsers."""

    def __init__(self, cast, plan):
        hashed = make_password(PASSWORD)
        for person in cast.values():
            person.password = hashed
            person.save()
        self.story = Story(cast, plan)
        self.cast = cast

    def _client(self, name: str) -> Client:
        client = Client()
        client.force_login(self.cast[name], backend="django.contrib.auth.backends.ModelBackend")
        return client

    def at(self, moment: datetime) -> None:
        """Move the clock, and let the portal do what is due."""
        self.story.at(moment)

    def before(self, **span: float) -> None:
        self.story.before(**span)

    def post(self, name: str, path: str, **form: str) -> None:
        """Send a form of the plan's page."""
        with time_machine.travel(self.story.now, tick=False):
            answer = self._client(name).post(f"/plans/{self.story.plan.pk}/{path}/", form)
        assert answer.status_code == 302, answer.content.decode()

    def sign(self, role: str, stage: str = "") -> None:
        """Open the newest link (of the stage) from the person's mails, read for twenty seconds, and approve."""
        name = NAMES[role]
        asked = [each.context for each in mails("sign_off_requested", to=name)]
        link = [each for each in asked if each["stage_title"].startswith(stage)][-1]["url"]
        path = link.removeprefix("http://127.0.0.1:8000")
        with time_machine.travel(self.story.now, tick=False):
            client = self._client(name)
            page = client.get(path, follow=True)
        form = page.context["form"]
        sent = {key: value for key, value in form.initial.items() if value}
        if "password" in form.fields:
            sent["password"] = PASSWORD
        self.story.now += timedelta(seconds=20)
        with time_machine.travel(self.story.now, tick=False):
            done = client.post(
                page.redirect_chain[-1][0],
                sent | {"reason": "Read and understood", "decision": "APPROVE"},
            )
        assert done.status_code == 302, done.content.decode()
        self.story.sweep()


@pytest.fixture
def desk(cast):
    return lambda plan: Desk(cast, plan)


def test_a_high_plan_on_phi(desk, cast, production):
    people = desk(submitted(by=cast["ana"], target=production, level="HIGH", phi=True))
    people.at(NOON + 2 * HOUR)
    people.sign("CTO")
    people.sign("DBA")
    people.before(days=5)
    people.sign("SECURITY_OFFICER")
    people.sign("COMPLIANCE_OFFICER")
    people.before(days=4)  # Petra is reminded
    people.sign("PRIVACY_OFFICER")
    people.before(days=3)  # the stakeholders are told
    people.before(days=1)
    people.sign("CTO")
    people.before(hours=2)  # Dan is late
    people.sign("DBA")

    assert people.story.status == "APPROVED"
    assert ledger.verify_chain().intact
    mail_snapshots.check("high-phi")


def test_a_low_plan(desk, cast, production):
    people = desk(submitted(by=cast["ana"], target=production, level="LOW"))
    people.at(NOON + 2 * HOUR)
    people.sign("DBA")
    people.before(days=5)
    people.sign("SECURITY_OFFICER")
    people.sign("COMPLIANCE_OFFICER")
    people.before(days=3)
    people.before(hours=20)
    people.sign("DBA")

    assert people.story.status == "APPROVED"
    mail_snapshots.check("low")


def test_an_emergency(desk, cast, production):
    plan = draft(by=cast["ana"], target=production, level="HIGH")
    MigrationPlan.objects.filter(pk=plan.pk).update(scheduled_for=NOON + 2 * HOUR)
    people = desk(plan)
    zone = production.zone
    until = (NOON + 6 * HOUR).astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    people.post("ana", "emergency", reason="Wrong consent data", until=until)
    people.story.now += timedelta(minutes=5)
    people.post("carla", "emergency/confirm", reason="I saw it")
    people.story.now += timedelta(minutes=5)
    for stage, *roles in (
        ("T-7", "CTO", "DBA"),
        ("T-5", "SECURITY_OFFICER", "COMPLIANCE_OFFICER"),
        ("T-1", "DBA", "CTO"),
    ):
        for role in roles:
            people.sign(role, stage)
    assert people.story.status == "APPROVED"
    people.at(NOON + 6 * HOUR)

    assert people.story.status == "EXPIRED"
    assert services.owed_review(people.story.plan) is not None
    mail_snapshots.check("emergency")
