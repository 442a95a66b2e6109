"""No POST of a decision asks more than fifteen questions of the database, whatever it sets off; transactions are counted."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from migrations_portal.accounts import services as accounts
from migrations_portal.accounts.models import SecondFactor
from migrations_portal.accounts.rules import code_at, step_at
from migrations_portal.approvals import services
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.web import shown
from tests.clock import NOON
from tests.factories.chain import NAMES, Story
from tests.factories.plans import submitted

BUDGET = 15
PASSWORD = "a long pass phrase"


@dataclass
class Desk:
    """Who signs over HTTP, at the story's time; keeps how many questions each POST asked, and each one's words."""

    story: Story
    asked: dict[str, int] = field(default_factory=dict)
    over: list[str] = field(default_factory=list)

    def enrol(self, name: str) -> None:
        """Give a person a password and a second factor."""
        person = self.story.cast[name]
        person.set_password(PASSWORD)
        person.save()
        long_ago = NOON - timedelta(days=1)
        accounts.begin(person=person, key=settings.FACTOR_KEY, now=long_ago)
        accounts.confirm(
            person=person, code=_code(person, long_ago), key=settings.FACTOR_KEY, now=long_ago
        )

    def post(self, stage: str, role: str, *, by: str = "", decision: str = "APPROVE") -> None:
        """Decide on a seat, a minute after the last decision."""
        name, seat = by or NAMES[role], self.story.seat(stage, role)
        person = self.story.cast[name]
        self.story.now += timedelta(minutes=1)
        at = self.story.now
        form = {
            "reason": "Read", "digest": seat.revision.digest, "decision": decision,
            "shown": shown.written(seat_id=seat.pk, person_id=person.pk, at=at - timedelta(seconds=20)),
        }  # fmt: skip
        if SecondFactor.objects.filter(person=person).exists():
            form |= {"password": PASSWORD, "code": _code(person, at)}
        with time_machine.travel(at, tick=False):
            client = Client()
            client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
            with CaptureQueriesContext(connection) as seen:
                answer = client.post(f"/sign-off/{seat.pk}/", form)
        assert answer.status_code == 302, answer.content.decode()
        self.asked[f"{stage} {role}"] = len(seen)
        if len(seen) > BUDGET:
            said = "\n".join(each["sql"][:160] for each in seen.captured_queries)
            self.over.append(f"{stage} {role}: {len(seen)}\n{said}")

    def stage(self, stage: str, *roles: str) -> None:
        for role in roles:
            self.post(stage, role)


def _code(person: Person, at: datetime) -> str:
    row = SecondFactor.objects.get(person=person)
    secret = accounts.unseal(row.sealed_secret, key=settings.FACTOR_KEY)
    return code_at(secret=secret, step=step_at(at))


@pytest.fixture
def desk(cast, production):
    def open_desk(level: str, *, phi: bool = False) -> Desk:
        return Desk(Story(cast, submitted(by=cast["ana"], target=production, level=level, phi=phi)))

    return open_desk


@pytest.fixture
def many_admins(cast, group):
    """Twelve more people who can sign as DBA, each of whom is told."""
    for number in range(12):
        person = Person.objects.create_user(f"dba{number}@whitecross.example", f"Admin {number}")
        access.grant(person=person, role=Role.DBA, group=group)


@pytest.fixture
def a_deputy(cast, group):
    """Tess stands in for Sam, and for Dan: delegations are read with the rest."""
    for name, role in (("sam", Role.SECURITY_OFFICER), ("dan", Role.DBA)):
        services.delegate(
            group=group, role=role, by=cast[name], to=cast["tess"], starts_at=NOON, reason="Leave",
            ends_at=NOON + timedelta(days=20), now=NOON, public_url="",
        )  # fmt: skip


def test_the_whole_chain_of_a_plain_plan(desk, many_admins, a_deputy):
    told = desk("LOW")
    told.stage("REVIEW", "DBA")
    told.post("SECURITY", "SECURITY_OFFICER", by="tess")
    told.stage("SECURITY", "COMPLIANCE_OFFICER")
    told.story.before(hours=20)
    told.stage("GO", "DBA")

    assert told.story.status == "APPROVED"
    assert not told.over, "\n\n".join(told.over)


def test_the_whole_chain_of_a_plan_of_high_risk_on_phi_with_codes(desk, many_admins):
    told = desk("HIGH", phi=True)
    for name in ("dan", "carla", "sam", "cleo", "petra"):
        told.enrol(name)
    told.stage("REVIEW", "CTO", "DBA")
    told.stage("SECURITY", "SECURITY_OFFICER", "COMPLIANCE_OFFICER", "PRIVACY_OFFICER")
    told.story.before(hours=20)
    told.stage("GO", "DBA", "CTO")

    assert told.story.status == "APPROVED"
    assert not told.over, "\n\n".join(told.over)


def test_a_late_signature_after_which_the_stakeholders_are_told(desk, many_admins):
    told = desk("LOW")
    told.stage("REVIEW", "DBA")
    told.story.now = told.story.plan.scheduled_for - timedelta(hours=20)
    told.stage("SECURITY", "SECURITY_OFFICER", "COMPLIANCE_OFFICER")
    told.story.sweep()
    told.stage("GO", "DBA")

    assert told.story.status == "APPROVED"
    assert not told.over, "\n\n".join(told.over)


@pytest.mark.parametrize("stage", ["REVIEW", "GO"])
def test_sending_a_plan_back_even_when_stakeholders_hear_of_it(desk, many_admins, stage):
    told = desk("HIGH", phi=True)
    told.enrol("carla")
    if stage == "GO":
        told.story.sign_stage("REVIEW")
        told.story.sign_stage("SECURITY")
        told.story.before(hours=20)
    told.post(stage, "CTO", decision="REJECT")

    assert told.story.status == "REJECTED"
    assert not told.over, "\n\n".join(told.over)


def test_a_revised_plan_whose_signers_are_told_what_they_signed(desk, many_admins):
    told = desk("LOW")
    told.stage("REVIEW", "DBA")
    told.story.do(services.revise, "ana", reason="A change")
    told.story.do(services.submit, "ana")
    told.stage("REVIEW", "DBA")

    assert not told.over, "\n\n".join(told.over)


def test_an_emergency_whose_seats_are_all_open_at_once(desk, many_admins):
    told = desk("LOW")
    told.story.do(services.revise, "ana", reason="It burns")
    told.story.plan.refresh_from_db()
    told.story.plan.scheduled_for = NOON + timedelta(hours=2)
    told.story.plan.save(update_fields=["scheduled_for"])
    told.story.do(
        services.submit_emergency, "ana", reason="It burns", until=NOON + timedelta(hours=6)
    )
    told.story.do(services.confirm_emergency, "carla", reason="It does")
    for name in ("dan", "sam", "cleo"):
        told.enrol(name)
    told.stage("REVIEW", "DBA")
    told.stage("SECURITY", "SECURITY_OFFICER", "COMPLIANCE_OFFICER")
    told.stage("GO", "DBA")

    assert told.story.status == "APPROVED"
    assert not told.over, "\n\n".join(told.over)
