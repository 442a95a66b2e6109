import pytest
from django.test import Client

from migrations_portal.approvals.models import Seat
from migrations_portal.audit.models import Entry
from migrations_portal.notifications.models import Notice
from tests.factories.plans import submitted

PASSWORD = "a long pass phrase"


@pytest.fixture
def link(cast, production):
    submitted(by=cast["ana"], target=production)
    Seat.objects.update(due_at="2030-01-01T00:00Z")
    from migrations_portal.approvals.models import Invitation

    Invitation.objects.update(expires_at="2040-01-01T00:00Z")
    notice = Notice.objects.get(template="sign_off_requested", recipient=cast["dan"].email)
    return notice.context["url"].removeprefix("http://127.0.0.1:8000")


def browser(person):
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def answer(seat, **changed):
    return {
        "reason": "Read it",
        "digest": seat.revision.digest,
        "decision": "APPROVE",
        "password": PASSWORD,
        **changed,
    }


def test_opening_the_link_however_often_decides_nothing(cast, link):
    dan, scanner = browser(cast["dan"]), Client()
    before = Entry.objects.count()

    for method in ("get", "head", "options"):
        for client in (dan, scanner):
            getattr(client, method)(link)
    page = dan.get(link, follow=True)

    assert page.status_code == 200
    assert "Sign as database admin?" in page.content.decode()
    assert dan.get(link)["Referrer-Policy"] == "no-referrer"
    assert page["Referrer-Policy"] == "same-origin"
    assert "no-store" in page["Cache-Control"]
    assert not Seat.objects.exclude(decision="").exists()
    assert Entry.objects.count() == before


def test_dan_signs_with_his_password_and_only_once(cast, link):
    seat = Seat.objects.get(stage="REVIEW", role="DBA")
    dan, url = browser(cast["dan"]), f"/sign-off/{seat.pk}/"

    assert dan.post(url, answer(seat, password="wrong")).status_code == 422
    assert dan.post(url, answer(seat, reason=" ")).status_code == 422
    assert dan.post(url, answer(seat, digest="0" * 64)).status_code == 409
    assert dan.post(url, answer(seat)).status_code == 302
    assert dan.post(url, answer(seat, decision="REJECT")).status_code == 409

    seat.refresh_from_db()
    assert (seat.decision, seat.printed_name, seat.factors) == (
        "APPROVE",
        "Dan Okafor",
        "session and password",
    )
    assert Entry.objects.filter(kind="SIGN_OFF_REFUSED").count() == 2


def test_cleo_who_opens_dans_link_learns_only_whose_it_is(cast, link):
    page = browser(cast["cleo"]).get(link)

    assert page.status_code == 403
    assert page["Referrer-Policy"] == "strict-origin"
    assert "Dan Okafor" in page.content.decode()
    assert "Add consent tracking" not in page.content.decode()
    assert Entry.objects.filter(kind="WRONG_PERSON").count() == 1


def test_sam_has_no_power_over_dans_seat(cast, link):
    seat = Seat.objects.get(stage="REVIEW", role="DBA")
    sam = browser(cast["sam"])

    assert sam.post(f"/sign-off/{seat.pk}/", answer(seat)).status_code == 409
    assert browser(cast["mallory"]).post(f"/sign-off/{seat.pk}/", answer(seat)).status_code == 404
    seat.refresh_from_db()
    assert not seat.decision
