"""Adam invites Zoe by keyboard; she opens the mail's link, chooses a password, signs in, and Adam adds a target: in Chromium."""

import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from migrations_portal.accounts import links
from migrations_portal.notifications import delivery
from migrations_portal.notifications.models import Notice
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import Target
from tests.acceptance.test_chain_screens import AXE, beside_playwright  # noqa: F401  # a fixture
from tests.unit.web.conftest import chromium  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "seven quiet lighthouses"


@pytest.fixture
def open_as(chromium, live_server):  # noqa: F811
    """Open a browser of one's own, signed in as somebody or as nobody."""
    contexts = []

    def begin(person=None, width=1280):
        context = chromium.new_context(viewport={"width": width, "height": 844})
        contexts.append(context)
        if person:
            client = Client()
            client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
            cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
            context.add_cookies([cookie | {"url": live_server.url}])
        return context.new_page()

    yield begin
    for each in contexts:
        each.close()


def no_barrier(page):
    page.evaluate(AXE.read_text())
    assert page.evaluate("axe.run().then(r => r.violations.map(v => v.id))") == []


def link_in_the_mail(url):
    """Hand the newest mail over, as a worker does, and return the path of its link."""
    notice = Notice.objects.filter(template="account_link").latest("pk")
    mail = delivery.render_mail(notice, more=links.in_mail(notice, now=timezone.now()))
    return url + re.search(r"/password/\w+/[\w-]+/", mail.text).group()


def test_zoe_is_invited_and_comes_in(cast, group, open_as, live_server):
    cache.clear()
    adam = Person.objects.create_user("adam@whitecross.example", "Adam Berg")
    access.grant(person=adam, role=Role.ADMINISTRATOR, group=group)
    desk = open_as(adam)
    desk.goto(f"{live_server.url}/people/invite/")
    desk.get_by_label("Name").focus()
    for typed in ("Zoe Hart", "zoe@whitecross.example"):
        desk.keyboard.type(typed)
        desk.keyboard.press("Tab")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Space")  # the second role: database admin
    desk.get_by_label("Why").fill("Joins the team")
    desk.keyboard.press("Enter")
    desk.wait_for_url(re.compile(r"/people/\d+/$"))
    assert desk.get_by_text("Zoe Hart gets a mail with a link.").is_visible()
    assert desk.get_by_text("Database admin", exact=True).is_visible()
    no_barrier(desk)

    phone = open_as(width=390)
    phone.goto(link_in_the_mail(live_server.url))
    assert phone.url.endswith("/choose/")  # the token has left the address
    no_barrier(phone)
    phone.get_by_label("New password").fill(PASSWORD)
    phone.get_by_label("The same again").fill(PASSWORD)
    phone.get_by_role("button", name="Set the password").click()
    phone.wait_for_url("**/sign-in/")
    phone.locator("[name=username]").fill("zoe@whitecross.example")
    phone.locator("[name=password]").fill(PASSWORD)
    phone.get_by_role("button", name="Sign in").click()
    phone.wait_for_url(f"{live_server.url}/")
    assert phone.get_by_role("heading", name="My work").is_visible()

    zoe = Person.objects.get(email="zoe@whitecross.example")
    assert access.roles_in(person=zoe, group=group) == {Role.DBA}
    desk.get_by_role("link", name="Deactivate…").click()
    desk.get_by_label("Why").fill("Was a mistake")
    desk.get_by_role("button", name="Deactivate").click()
    desk.get_by_text("Zoe Hart is deactivated.").wait_for()
    phone.reload()
    assert "/sign-in/" in phone.url


def test_adam_adds_a_target_on_a_phone(cast, production, group, open_as, live_server):
    adam = Person.objects.create_user("adam@whitecross.example", "Adam Berg")
    access.grant(person=adam, role=Role.ADMINISTRATOR, group=group)
    phone = open_as(adam, width=390)
    phone.goto(f"{live_server.url}/targets/new/")
    no_barrier(phone)
    for label, text in (
        ("Name", "staging"),
        ("Host", "user:secret@db"),
        ("Database", "school_staging"),
        ("Credential", "staging"),
        ("Project folder", "school-health"),
        ("Why", "The new server"),
    ):
        phone.get_by_label(label, exact=True).fill(text)
    phone.get_by_role("button", name="Add it").click()
    phone.get_by_text("no user and no port").first.wait_for()
    no_barrier(phone)

    phone.get_by_label("Host", exact=True).fill("db.whitecross.example")
    phone.get_by_role("button", name="Add it").click()
    phone.wait_for_url("**/windows/")

    assert Target.objects.get(name="staging").host == "db.whitecross.example"
