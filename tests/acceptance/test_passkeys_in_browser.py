"""Dan adds a passkey, signs a plan of high risk with it and signs in with it: in Chromium, with its virtual authenticator."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from playwright.sync_api import expect

from migrations_portal.accounts.models import Passkey
from migrations_portal.approvals.models import Seat
from migrations_portal.web import shown
from tests.acceptance.test_chain_screens import beside_playwright, look  # noqa: F401  # a fixture
from tests.factories.plans import submitted, time_left
from tests.unit.web.conftest import chromium  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "seven quiet lighthouses"


class Device:
    """The authenticator that Chromium plays on one page; its owner is recognised until it is told otherwise."""

    def __init__(self, page):
        self.line = page.context.new_cdp_session(page)
        self.line.send("WebAuthn.enable")
        made = self.line.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        self.which = {"authenticatorId": made["authenticatorId"]}

    def recognises(self, *, owner: bool):
        self.line.send("WebAuthn.setUserVerified", self.which | {"isUserVerified": owner})

    def uses(self):
        (key,) = self.line.send("WebAuthn.getCredentials", self.which)["credentials"]
        return key["signCount"]


@pytest.fixture
def seat(cast, production):
    submitted(by=cast["ana"], target=production)
    time_left()
    Seat.objects.update(due_at="2040-01-01T00:00Z")
    return Seat.objects.get(stage="REVIEW", role="DBA")


@pytest.fixture
def page(chromium, live_server, settings, cast):  # noqa: F811
    """A page of Dan's, signed in, of a portal that people reach at localhost and that wants a second factor."""
    settings.PUBLIC_URL, settings.REQUIRE_SECOND_FACTOR = live_server.url, True
    dan = cast["dan"]
    dan.set_password(PASSWORD)
    dan.save()
    client = Client()
    client.force_login(dan, backend="django.contrib.auth.backends.ModelBackend")
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    context.add_cookies([cookie | {"url": live_server.url}])
    yield context.new_page()
    context.close()


def press(page, name):
    page.get_by_role("button", name=name).focus()
    page.keyboard.press("Enter")


def test_dan_adds_a_passkey_signs_with_it_and_signs_in_with_it(page, live_server, seat, cast):
    device, dan = Device(page), cast["dan"]
    page.goto(f"{live_server.url}/account/")
    look(page, "account-before", "390")
    page.get_by_role("link", name="Set up a passkey…").click()
    page.get_by_label("Its name").fill("Work laptop")
    page.get_by_label("Your password").fill(PASSWORD)
    press(page, "Go on")
    page.wait_for_url("**/account/passkeys/create/")
    look(page, "passkey-create", "390")
    press(page, "Create it")
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    look(page, "account-codes", "390")
    assert Passkey.objects.get(person=dan).name == "Work laptop"

    page.goto(f"{live_server.url}/sign-off/{seat.pk}/")
    look(page, "sign-off-passkey", "390")
    page.get_by_label("Your reason").fill("Read it,\ntwice")
    then = shown.written(
        seat_id=seat.pk, person_id=dan.pk, at=datetime.now(UTC) - timedelta(minutes=1)
    )
    page.locator("[name=shown]").evaluate("(field, then) => { field.value = then }", then)
    device.recognises(owner=False)
    press(page, "Sign as database admin")
    expect(page.get_by_role("alert")).to_contain_text("The passkey was not used")
    seat.refresh_from_db()
    assert seat.decision == ""
    look(page, "sign-off-passkey-cancelled", "390")
    device.recognises(owner=True)
    press(page, "Sign as database admin")
    expect(page.get_by_role("heading", name="Signed. Thank you.")).to_be_visible()
    seat.refresh_from_db()
    assert (seat.factors, seat.reason) == ("session and passkey", "Read it,\r\ntwice")

    page.goto(f"{live_server.url}/account/")
    page.set_viewport_size({"width": 1280, "height": 900})
    look(page, "account-passkey", "1280")
    press(page, "Sign out")
    page.locator("[name=username]").fill(dan.email)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    page.wait_for_url("**/sign-in/second/")
    look(page, "second-step", "1280")
    press(page, "Sign in")
    page.wait_for_url(f"{live_server.url}/")

    assert device.uses() == Passkey.objects.get(person=dan).sign_count
