"""The pages of administrators, over HTTP."""

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from migrations_portal.accounts import services
from migrations_portal.accounts.models import SecondFactor
from migrations_portal.accounts.rules import code_at, step_at
from migrations_portal.audit.models import Entry
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import Target
from tests.factories.chain import mails

BACKEND = "django.contrib.auth.backends.ModelBackend"
TARGET = {
    "name": "staging",
    "environment": "STAGING",
    "host": "db.whitecross.example",
    "port": "5432",
    "database": "school_staging",
    "credential": "staging",
    "project": "school-health",
    "time_zone": "America/New_York",
    "watch_seconds": "60",
    "smoke_addresses": "https://staging.whitecross.example/health\n\n",
    "reason": "The new server",
}


@pytest.fixture
def adam(cast, group) -> Person:
    person = Person.objects.create_user("adam@whitecross.example", "Adam Berg", "a long phrase")
    access.grant(person=person, role=Role.ADMINISTRATOR, group=group)
    return person


@pytest.fixture
def desk(adam) -> Client:
    client = Client()
    client.force_login(adam, backend=BACKEND)
    return client


def give(desk, person, group, **more):
    form = {"power": f"{group.pk}:CTO", "reason": "Carla is on leave", **more}
    return desk.post(f"/people/{person.pk}/give/", form)


def test_adam_invites_zoe_in_the_browser(desk, group):
    form = {
        "full_name": "Zoe Hart",
        "email": "zoe@whitecross.example",
        "powers": [f"{group.pk}:DBA", f"{group.pk}:ENGINEER"],
        "reason": "Joins the team",
    }

    answer = desk.post("/people/invite/", form, follow=True)

    page = answer.content.decode()
    assert "Zoe Hart gets a mail with a link." in page
    assert "Invited" in page
    assert mails("account_link", to="zoe")
    zoe = Person.objects.get(email="zoe@whitecross.example")
    assert desk.post(f"/people/{zoe.pk}/link/", follow=True).status_code == 200
    assert len(mails("account_link", to="zoe")) == 2


def test_what_cannot_be_is_said_beside_the_form_and_nothing_is_lost(desk, cast, group):
    again = {"full_name": "Dan", "email": "dan@whitecross.example", "reason": "x"}
    page = desk.post("/people/invite/", again | {"powers": [f"{group.pk}:DBA"]})
    assert page.status_code == 422
    assert "has an account" in page.content.decode()

    page = give(desk, cast["dan"], group, power=f"{group.pk}:AUDITOR")
    assert page.status_code == 422
    assert access.roles_in(person=cast["dan"], group=group) == {Role.DBA}


def test_each_act_is_a_page_and_a_post(desk, cast, group):
    dan = cast["dan"]
    for act in ("give", "take", "deactivate", "reactivate", "factor"):
        assert desk.get(f"/people/{dan.pk}/{act}/").status_code == 200
    assert Entry.objects.count() == 0

    give(desk, dan, group)
    desk.post(
        f"/people/{dan.pk}/take/", {"power": f"{group.pk}:DBA", "reason": "Moves to another team"}
    )
    desk.post(f"/people/{dan.pk}/deactivate/", {"reason": "Left"})
    dan.refresh_from_db()
    assert not dan.is_active
    assert "Deactivated" in desk.get(f"/people/{dan.pk}/").content.decode()
    desk.post(f"/people/{dan.pk}/reactivate/", {"reason": "Came back"})

    assert list(Entry.objects.order_by("seq").values_list("kind", flat=True)) == [
        "ROLE_GRANTED",
        "ROLE_REVOKED",
        "PERSON_DEACTIVATED",
        "PERSON_REACTIVATED",
    ]


def test_a_lost_factor_is_reset_with_its_reason(desk, cast, adam):
    dan, now = cast["dan"], timezone.now()
    services.begin(person=dan, key=settings.FACTOR_KEY, now=now)
    SecondFactor.objects.filter(person=dan).update(confirmed_at=now)

    page = desk.post(f"/people/{dan.pk}/factor/", {"reason": "Phone stolen"}, follow=True)

    assert "The second factor of Dan Okafor is reset." in page.content.decode()
    assert not SecondFactor.objects.filter(person=dan).exists()
    assert mails("access_changed", to="dan")


def test_an_administrator_with_a_second_factor_is_asked_for_it(desk, cast, adam, group):
    now = timezone.now()
    services.begin(person=adam, key=settings.FACTOR_KEY, now=now)
    row = SecondFactor.objects.get(person=adam)
    secret = services.unseal(row.sealed_secret, key=settings.FACTOR_KEY)
    SecondFactor.objects.filter(pk=row.pk).update(confirmed_at=now)

    wrong = give(desk, cast["mallory"], group, password="a long phrase", code="000000")
    assert wrong.status_code == 422
    assert access.roles_in(person=cast["mallory"], group=group) == frozenset()

    code = code_at(secret=secret, step=step_at(timezone.now()))
    give(desk, cast["mallory"], group, password="a long phrase", code=code)
    assert access.roles_in(person=cast["mallory"], group=group) == {Role.CTO}


@pytest.mark.parametrize("name", ["ana", "dan", "cleo", "mallory"])
def test_nobody_else_sees_people_or_targets(cast, production, adam, browser, name):
    client = browser(name)
    for address in (
        "/people/",
        f"/people/{adam.pk}/",
        "/people/invite/",
        "/targets/",
        "/targets/new/",
        f"/targets/{production.pk}/",
    ):
        answer = client.get(address)
        assert answer.status_code == 403, address
        assert "Adam Berg" not in answer.content.decode()
    assert 'href="/people/"' not in client.get("/").content.decode()


def test_adam_finds_people_by_a_part_of_the_name(desk, cast):
    page = desk.get("/people/?q=okaf").content.decode()

    assert "Dan Okafor" in page
    assert "Tess Lindqvist" not in page


def test_adam_adds_a_target_and_makes_it_the_partner(desk, production, group):
    answer = desk.post("/targets/new/", TARGET | {"group": group.pk})
    staging = Target.objects.get(name="staging")
    assert answer["Location"] == f"/calendar/{staging.pk}/windows/"
    assert staging.smoke_addresses == ["https://staging.whitecross.example/health"]

    form = TARGET | {
        "host": production.host,
        "database": production.database,
        "credential": production.credential,
        "staging_target": staging.pk,
        "smoke_addresses": "",
    }
    assert desk.post(f"/targets/{production.pk}/", form).status_code == 302

    production.refresh_from_db()
    assert (production.staging_target, production.environment) == (staging, "PRODUCTION")
    assert "Plans run on staging first." in desk.get("/targets/").content.decode()


def test_a_target_that_cannot_be_is_said_beside_its_field(desk, group):
    page = desk.post("/targets/new/", TARGET | {"group": group.pk, "host": "u:p@db"})

    assert page.status_code == 422
    assert "no user and no port" in page.content.decode()
    assert not Target.objects.exists()
