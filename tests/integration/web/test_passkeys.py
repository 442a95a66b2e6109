"""Passkeys at the doors: what each form asks, and that an answer for one act opens no other."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from migrations_portal.accounts import recovery
from migrations_portal.accounts.models import Passkey
from migrations_portal.approvals.models import Delegation, Seat
from migrations_portal.audit.models import Entry
from migrations_portal.execution.models import MigrationRun
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.web import shown, step_up
from tests.factories.authenticator import Authenticator, give_passkey, stored
from tests.factories.plans import draft, scheduled_run, submitted, time_left
from tests.runs_kit import ADD_COLUMN, claimed

PASSWORD = "a long pass phrase"


@pytest.fixture(autouse=True)
def at_a_name(settings):
    settings.PUBLIC_URL = "http://localhost:8000"
    settings.REQUIRE_SECOND_FACTOR = True


@pytest.fixture
def devices(cast):
    """Dan and Carla, each with a password and a passkey."""
    found = {}
    for name in ("dan", "carla"):
        cast[name].set_password(PASSWORD)
        cast[name].save()
        found[name], _ = give_passkey(cast[name])
    return found


def asked(client, url, form):
    """Post a form as the page's script does, and return what the passkey has to sign."""
    answer = client.post(url, form | {"passkey": "ask"})
    assert answer["Content-Type"] == "application/json", answer.content
    return answer.json()


def confirmed(client, url, form, *, device):
    """Post a form with its passkey's answer."""
    told = asked(client, url, form)["get"]
    return client.post(url, form | {"passkey": device.sign(told)})


@pytest.fixture
def seats(cast, production):
    submitted(by=cast["ana"], target=production)
    time_left()
    Seat.objects.update(due_at="2030-01-01T00:00Z")
    return {seat.role: seat for seat in Seat.objects.filter(stage="REVIEW")}


def decision(seat, person, *, chosen="APPROVE"):
    then = datetime.now(UTC) - timedelta(seconds=10)
    return {
        "shown": shown.written(seat_id=seat.pk, person_id=person.pk, at=then),
        "reason": "Read it\r\ntwice",
        "digest": seat.revision.digest,
        "decision": chosen,
    }


def test_a_seat_of_high_risk_is_signed_by_passkey_alone_and_says_so(cast, seats, devices, browser):
    seat, dan = seats["DBA"], browser("dan")
    url, form = f"/sign-off/{seat.pk}/", decision(seats["DBA"], cast["dan"])
    page = dan.get(url).content.decode()
    assert "Use your passkey" in page
    assert "Asked again because of" in page

    told = asked(dan, url, form)["get"]
    seat.refresh_from_db()
    assert seat.decision == ""  # asking decides nothing
    form["reason"] = "Read it\ntwice"  # a script may end lines otherwise
    signed = dan.post(url, form | {"passkey": devices["dan"].sign(told)})

    assert signed.status_code == 302
    seat.refresh_from_db()
    assert (seat.decision, seat.factors) == ("APPROVE", "session and passkey")
    entry = Entry.objects.filter(kind="SEAT_SIGNED").latest("seq")
    assert "session and passkey" in str(entry.canonical)


def changed_decision(form):
    return form | {"decision": "REJECT"}


def changed_digest(form):
    return form | {"digest": "0" * 64}


def changed_reason(form):
    return form | {"reason": "Something that was not confirmed"}


@pytest.mark.parametrize("change", [changed_decision, changed_digest, changed_reason])
def test_an_answer_for_one_decision_is_none_for_another(cast, seats, devices, browser, change):
    seat, dan = seats["DBA"], browser("dan")
    url, form = f"/sign-off/{seat.pk}/", decision(seat, cast["dan"])
    told = asked(dan, url, form)["get"]

    refused = dan.post(url, change(form) | {"passkey": devices["dan"].sign(told)})

    assert refused.status_code == 422
    assert "confirmed something else" in refused.content.decode()
    seat.refresh_from_db()
    assert seat.decision == ""
    assert Entry.objects.filter(kind="PASSKEY_REFUSED").count() == 1


def test_a_challenge_of_one_seat_or_person_signs_no_other(cast, seats, devices, browser):
    one, other = seats["DBA"], seats["CTO"]
    told = asked(browser("dan"), f"/sign-off/{one.pk}/", decision(one, cast["dan"]))["get"]
    carla, url = browser("carla"), f"/sign-off/{other.pk}/"
    form = decision(other, cast["carla"])

    for device in devices.values():
        refused = carla.post(url, form | {"passkey": device.sign(told)})
        assert "not open any more" in refused.content.decode()
    assert confirmed(carla, url, form, device=devices["carla"]).status_code == 302
    one.refresh_from_db()
    assert one.decision == ""


def test_password_and_code_still_do_and_nothing_does_not(cast, seats, devices, browser):
    seat, dan = seats["DBA"], browser("dan")
    url, form = f"/sign-off/{seat.pk}/", decision(seat, cast["dan"])
    codes = recovery.renew(person=cast["dan"])

    refused = dan.post(url, form)
    assert "Use your passkey, or give password and code" in refused.content.decode()
    assert dan.post(url, form | {"password": PASSWORD}).status_code == 422
    assert not Seat.objects.get(pk=seat.pk).decision
    signed = dan.post(url, form | {"password": PASSWORD, "code": codes[0]})

    assert signed.status_code == 302
    assert Seat.objects.get(pk=seat.pk).factors == "session, password and recovery code"


def test_a_form_that_is_wrong_is_told_so_before_the_passkey_is_asked(cast, seats, devices, browser):
    seat = seats["DBA"]
    form = decision(seat, cast["dan"]) | {"reason": "", "passkey": "ask"}

    answer = browser("dan").post(f"/sign-off/{seat.pk}/", form)

    assert (answer.status_code, answer["Content-Type"][:9]) == (422, "text/html")


def test_a_run_is_stopped_by_passkey_and_held_without(cast, production, devices, browser):
    run = scheduled_run(cast=cast, target=production, example=ADD_COLUMN)
    claimed(run)
    dan, url = browser("dan"), f"/runs/{run.pk}/order/"
    stop = {"order": "ABORT", "reason": "The clinic called"}
    assert "Use your passkey" in dan.get(f"/runs/{run.pk}/").content.decode()

    dan.post(url, {"order": "PAUSE", "reason": ""})
    assert MigrationRun.objects.get(pk=run.pk).order == "PAUSE"
    dan.post(url, stop)
    assert MigrationRun.objects.get(pk=run.pk).order == "PAUSE"
    confirmed(dan, url, stop, device=devices["dan"])

    assert MigrationRun.objects.get(pk=run.pk).order == "ABORT"
    told = Entry.objects.filter(kind="RUN_DECISION").latest("seq")
    assert "session and passkey" in str(told.canonical)


def test_who_has_none_any_more_is_told_and_nothing_is_done(cast, production, devices, browser):
    run = scheduled_run(cast=cast, target=production, example=ADD_COLUMN)
    claimed(run)
    dan, url = browser("dan"), f"/runs/{run.pk}/order/"
    Passkey.objects.filter(person=cast["dan"]).delete()

    told = asked(dan, url, {"order": "ABORT", "reason": "The clinic called"})

    assert "no passkey any more" in told["refused"]
    assert MigrationRun.objects.get(pk=run.pk).order == ""


def test_signing_in_takes_the_second_factor(cast, devices, client):
    signed_in = {"username": cast["dan"].email, "password": PASSWORD}
    first = client.post("/sign-in/?next=/runs/", signed_in)
    assert first["Location"] == "/sign-in/second/"
    assert client.get("/runs/").status_code == 302  # not in yet
    page = client.get("/sign-in/second/").content.decode()
    assert "Use your passkey" in page

    refused = client.post("/sign-in/second/", {"code": "123456"})
    assert refused.status_code == 422
    assert client.get("/runs/").status_code == 302
    done = confirmed(client, "/sign-in/second/", {}, device=devices["dan"])

    assert done["Location"] == "/runs/"
    assert client.get("/runs/").status_code == 200
    entry = Entry.objects.get(kind="SIGN_IN_FAILED")
    assert "the second factor was not" in str(entry.canonical)


def test_the_second_step_is_good_for_five_minutes_and_for_this_password(cast, devices, client):
    signed_in = {"username": cast["dan"].email, "password": PASSWORD}
    assert client.get("/sign-in/second/")["Location"] == "/sign-in/"
    client.post("/sign-in/", signed_in)
    session = client.session
    session["second-step"] = session["second-step"] | {"until": 0}
    session.save()
    assert client.get("/sign-in/second/")["Location"] == "/sign-in/"

    client.post("/sign-in/", signed_in)
    cast["dan"].set_password("another long pass phrase")
    cast["dan"].save()
    assert client.get("/sign-in/second/")["Location"] == "/sign-in/"


def test_the_account_page_adds_names_and_removes_passkeys(cast, devices, browser):
    dan, device = browser("dan"), devices["dan"]
    add = {"name": "Key ring"}
    assert dan.post("/account/passkeys/create/", {"passkey": "ask"}).status_code == 302
    assert dan.post("/account/passkeys/add/", add | {"password": PASSWORD}).status_code == 422
    step = confirmed(dan, "/account/passkeys/add/", add, device=device)
    assert step["Location"] == "/account/passkeys/create/"

    told = asked(dan, "/account/passkeys/create/", {})["create"]
    ring = Authenticator()
    done = dan.post("/account/passkeys/create/", {"passkey": ring.make(told)})
    assert done["Location"] == "/account/"
    page = dan.get("/account/").content.decode()
    assert "Key ring" in page
    assert "Work laptop" in page
    assert dan.post("/account/passkeys/create/", {"passkey": ring.make(told)}).status_code == 302

    dan.post(f"/account/passkeys/{stored(ring).pk}/name/", {"name": "Ring"})
    gone = f"/account/passkeys/{stored(device).pk}/remove/"
    dan.post(gone)
    assert Passkey.objects.filter(person=cast["dan"]).count() == 2
    confirmed(dan, gone, {}, device=ring)
    assert [row.name for row in Passkey.objects.filter(person=cast["dan"])] == ["Ring"]


def test_the_first_passkey_takes_the_password_and_gives_ten_codes(cast, browser):
    cast["dan"].set_password(PASSWORD)
    cast["dan"].save()
    dan = browser("dan")
    url, add = "/account/passkeys/add/", {"name": "Work laptop"}
    assert dan.post(url, add | {"password": "no"}).status_code == 422
    dan.post(url, add | {"password": PASSWORD})
    told = asked(dan, "/account/passkeys/create/", {})["create"]
    page = dan.post("/account/passkeys/create/", {"passkey": Authenticator().make(told)})

    assert page.content.decode().count("<li><code>") == 10
    assert "no-store" in page["Cache-Control"]


def test_whoever_has_a_passkey_shows_it_before_an_app_is_added(cast, devices, browser):
    dan = browser("dan")

    dan.post("/account/factor/begin/")
    assert "Type this key" not in dan.get("/account/").content.decode()
    confirmed(dan, "/account/factor/begin/", {}, device=devices["dan"])

    assert "Type this key" in dan.get("/account/").content.decode()


def test_a_password_is_changed_with_the_old_one_and_a_passkey(cast, devices, browser):
    dan, new = browser("dan"), "seven quiet lighthouses"
    form = {"old": PASSWORD, "new": new, "again": new}
    assert dan.post("/password/", form).status_code == 422
    done = confirmed(dan, "/password/", form, device=devices["dan"])

    assert done["Location"] == "/account/"
    cast["dan"].refresh_from_db()
    assert cast["dan"].check_password(new)


def test_what_is_kept_of_a_challenge_tells_no_password(cast, devices, browser, rf):
    form = {"old": PASSWORD, "new": "n", "again": "n", "password": "p", "code": "1", "reason": "R"}
    said = json.loads(step_up.act(rf.post("/password/", form), about=["digest"]))

    assert said == ["/password/", [["reason", "R"]], ["digest"]]


def test_at_a_number_nobody_is_offered_a_passkey(cast, devices, browser, settings):
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    dan = browser("dan")

    assert "Use your passkey" not in dan.get("/password/").content.decode()
    assert "because it is a number" in dan.get("/account/").content.decode()
    assert dan.get("/account/passkeys/add/").status_code == 409


def test_a_role_is_handed_on_by_who_shows_a_passkey(cast, devices, browser):
    dan, url = browser("dan"), "/delegations/"
    page = dan.get(url).content.decode()
    power = re.search(r'<option value="(\d+:DBA)"', page)[1]
    form = {
        "power": power,
        "to": cast["carla"].pk,
        "starts_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M}",
        "ends_at": f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}",
        "reason": "Leave",
    }

    assert "Use your passkey" in page
    assert dan.post(url, form).status_code == 409
    assert not Delegation.objects.exists()
    told = asked(dan, url, form)["get"]
    longer = form | {"ends_at": f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%dT%H:%M}"}
    assert dan.post(url, longer | {"passkey": devices["dan"].sign(told)}).status_code == 409
    confirmed(dan, url, form, device=devices["dan"])

    assert Delegation.objects.get().deputy_id == cast["carla"].pk


def test_an_emergency_is_declared_by_passkey_for_the_files_as_they_are(cast, production, browser):
    device, _ = give_passkey(cast["ana"])
    plan = draft(by=cast["ana"], target=production, level="HIGH")
    now = datetime.now(UTC)
    MigrationPlan.objects.filter(pk=plan.pk).update(scheduled_for=now + timedelta(hours=2))
    until = (now + timedelta(hours=8)).astimezone(production.zone)
    form = {"until": f"{until:%Y-%m-%dT%H:%M}", "reason": "Consent data is written wrongly"}
    ana, url = browser("ana"), f"/plans/{plan.pk}/emergency/"

    told = asked(ana, url, form)["get"]
    kept = plan.files.get().sha256
    plan.files.update(sha256="0" * 64)
    refused = ana.post(url, form | {"passkey": device.sign(told)})
    assert "confirmed something else" in refused.content.decode()
    plan.files.update(sha256=kept)
    confirmed(ana, url, form, device=device)

    assert MigrationPlan.objects.get(pk=plan.pk).status == "SUBMITTED"
    entry = Entry.objects.get(kind="EMERGENCY_ASKED")
    assert "session and passkey" in str(entry.canonical)


def test_an_administrator_changes_access_by_passkey(cast, group, browser):
    adam = Person.objects.create_user("adam@whitecross.example", "Adam Berg")
    access.grant(person=adam, role=Role.ADMINISTRATOR, group=group)
    cast["adam"] = adam
    device, _ = give_passkey(adam)
    url, form = f"/people/{cast['dan'].pk}/deactivate/", {"reason": "Left the house"}
    client = browser("adam")

    refused = client.post(url, form)
    assert "Use your passkey, or give password and code" in refused.content.decode()
    other = asked(client, f"/people/{cast['carla'].pk}/deactivate/", form)["get"]
    assert client.post(url, form | {"passkey": device.sign(other)}).status_code == 422
    assert Person.objects.get(pk=cast["dan"].pk).is_active
    confirmed(client, url, form, device=device)

    assert not Person.objects.get(pk=cast["dan"].pk).is_active
