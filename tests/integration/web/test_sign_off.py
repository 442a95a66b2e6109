from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from migrations_portal.approvals.models import Invitation, Seat
from migrations_portal.audit.models import Entry
from migrations_portal.notifications.models import Notice
from migrations_portal.web import shown
from tests.factories.chain import Story, mails
from tests.factories.plans import submitted, time_left

PASSWORD = "a long pass phrase"


@pytest.fixture
def link(cast, production):
    submitted(by=cast["ana"], target=production)
    time_left()
    Seat.objects.update(due_at="2030-01-01T00:00Z")
    Invitation.objects.update(expires_at="2040-01-01T00:00Z")
    notice = Notice.objects.get(template="sign_off_requested", recipient=cast["dan"].email)
    return notice.context["url"].removeprefix("http://127.0.0.1:8000")


def browser(person):
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def answer(seat, by, **changed):
    """Return what the form sends, ten seconds after the page was shown."""
    then = timezone.now() - timedelta(seconds=10)
    return {
        "shown": shown.written(seat_id=seat.pk, person_id=by.pk, at=then),
        "reason": "Read it",
        "digest": seat.revision.digest,
        "decision": "APPROVE",
        "password": PASSWORD,
        **changed,
    }


def test_opening_the_link_however_often_decides_nothing(cast, link):
    dan, scanner = browser(cast["dan"]), Client()
    before = Entry.objects.count()

    for method in ("get", "head", "options", "get", "head"):
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

    assert dan.post(url, answer(seat, cast["dan"], password="wrong")).status_code == 422
    assert dan.post(url, answer(seat, cast["dan"], reason=" ")).status_code == 422
    assert dan.post(url, answer(seat, cast["dan"], digest="0" * 64)).status_code == 409
    assert dan.post(url, answer(seat, cast["dan"])).status_code == 302
    assert dan.post(url, answer(seat, cast["dan"], decision="REJECT")).status_code == 409

    seat.refresh_from_db()
    assert (seat.decision, seat.printed_name, seat.factors) == (
        "APPROVE",
        "Dan Okafor",
        "session and password",
    )
    refused = Entry.objects.filter(kind="SIGN_OFF_REFUSED").order_by("seq")
    codes = ["password-wrong", "revision-stale", "already-decided"]
    assert [code in str(each.canonical) for each, code in zip(refused, codes, strict=True)] == [
        True
    ] * 3


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

    assert sam.post(f"/sign-off/{seat.pk}/", answer(seat, cast["sam"])).status_code == 409
    assert (
        browser(cast["mallory"])
        .post(f"/sign-off/{seat.pk}/", answer(seat, cast["mallory"]))
        .status_code
        == 404
    )
    seat.refresh_from_db()
    assert not seat.decision


def test_who_answers_quicker_than_anybody_reads_decides_nothing(cast, link):
    seat = Seat.objects.get(stage="REVIEW", role="DBA")
    dan, url = browser(cast["dan"]), f"/sign-off/{seat.pk}/"

    for given in ("at once", "", "forged", answer(seat, cast["sam"])["shown"]):
        with time_machine.travel(datetime.now(UTC), tick=False):
            at_once = dan.get(url).context["form"].initial["shown"]
            shown_at = at_once if given == "at once" else given
            refused = dan.post(url, answer(seat, cast["dan"], shown=shown_at))
        assert refused.status_code == 409
        assert "quicker than anybody can read" in refused.content.decode()
    seat.refresh_from_db()
    assert not seat.decision


def test_a_link_that_is_opened_all_the_time_waits_a_minute(cast, link):
    dan = browser(cast["dan"])

    codes = [dan.get(link).status_code for _ in range(35)]

    assert codes == [302] * 30 + [429] * 5
    assert (
        dan.get(f"/sign-off/{Seat.objects.get(stage='REVIEW', role='DBA').pk}/").status_code == 200
    )


def test_after_the_signature_the_page_says_what_happens_next(cast, link):
    seat = Seat.objects.get(stage="REVIEW", role="DBA")
    dan, url = browser(cast["dan"]), f"/sign-off/{seat.pk}/"

    page = dan.post(url, answer(seat, cast["dan"]), follow=True).content.decode()

    assert "Signed. Thank you." in page
    assert "Waiting for Carla Moreno, CTO (T-7)." in page
    assert "Then: T-5 Security and compliance." in page
    assert "Nothing else waits for you" in page


def test_the_page_answers_what_a_signer_asks(cast, link):
    page = browser(cast["dan"]).get(link, follow=True).content.decode()

    for term in ("What", "Why", "How risky", "How proven", "How undone", "When", "Who else"):
        assert f"<dt>{term}</dt>" in page
    assert "JIRA-1234" in page
    assert "Wed 11 Nov 2026, 12:00 EST" in page
    assert "open: CTO, database admin" in page


def test_what_changed_since_dan_signed_is_shown_line_by_line(cast, link):
    from migrations_portal.approvals import services
    from migrations_portal.plans import services as plans
    from migrations_portal.plans.models import MigrationPlan, PlanAssessment
    from tests.factories.plans import COMPLETE, AnyScript

    told = Story(cast, MigrationPlan.objects.get())
    told.sign("REVIEW", "DBA")
    told.do(services.revise, "ana", reason="Required after all")
    name = told.plan.files.get().name
    upload = plans.Upload(name=name, content=b"module.exports = {\n  required: true,\n};\n")
    plans.put_files(
        plan_id=told.plan.pk, by=cast["ana"], uploads=[upload], checker=AnyScript(), now=told.now
    )
    waiting = PlanAssessment.objects.get(done_at=None)
    plans.store_assessment(
        assessment_id=waiting.pk, level="HIGH", phi=True, tables=["public.patients"], result={}, problem="", now=told.now
    )  # fmt: skip
    plans.edit(
        plan_id=told.plan.pk,
        by=cast["ana"],
        title=told.plan.title,
        scheduled_for=told.plan.scheduled_for,
        documentation=COMPLETE.__class__(**{**vars(COMPLETE), "expected_seconds": 90}),
        checks=[],
        version=told.fresh.version,
        now=told.now,
    )
    told.do(services.submit, "ana")
    Invitation.objects.update(expires_at="2040-01-01T00:00Z")
    dan = browser(cast["dan"])
    url = mails("sign_off_requested", to="dan")[-1].context["url"]

    asked = dan.get(url.removeprefix("http://127.0.0.1:8000"), follow=True).content.decode()
    assert "Changed since you signed:" in asked
    assert "Expected execution time: 45 s, now 90 s" in asked
    assert "Touches PHI: no, now yes" in asked

    page = dan.get(f"/plans/{told.plan.pk}/changes/?since=1").content.decode()
    assert "What changed since you signed" in page
    assert '<tr class="del">' in page
    assert "required: true," in page
    assert '<ins class="pre">90 s</ins>' in page
    carla = browser(cast["carla"]).get(f"/plans/{told.plan.pk}/changes/").content.decode()
    assert '<h2 id="changed">What changed</h2>' in carla
    for since in ("2", "7", "x"):
        assert dan.get(f"/plans/{told.plan.pk}/changes/?since={since}").status_code == 404
    assert browser(cast["mallory"]).get(f"/plans/{told.plan.pk}/changes/").status_code == 404


def test_a_decision_that_comes_from_another_site_is_refused(cast, link):
    seat = Seat.objects.get(stage="REVIEW", role="DBA")
    browser(cast["dan"])
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast["dan"], backend="django.contrib.auth.backends.ModelBackend")

    assert strict.post(f"/sign-off/{seat.pk}/", answer(seat, cast["dan"])).status_code == 403

    page = strict.get(f"/sign-off/{seat.pk}/")
    token = page.context["csrf_token"]
    mine = answer(seat, cast["dan"], csrfmiddlewaretoken=str(token))
    assert strict.post(f"/sign-off/{seat.pk}/", mine).status_code == 302


def test_the_whole_record_of_a_signature_stands_on_the_plans_page(cast, link):
    seat = Seat.objects.select_related("revision").get(stage="REVIEW", role="DBA")
    dan = browser(cast["dan"])
    done = dan.post(f"/sign-off/{seat.pk}/", answer(seat, cast["dan"]), HTTP_USER_AGENT="Phone 7")
    assert done.status_code == 302, done.content.decode()

    page = dan.get(f"/plans/{seat.revision.plan_id}/").content.decode()

    for said in (
        "Dan Okafor",
        "reviewed and approve as Database admin",
        "Read it",
        "session and password",
        seat.revision.digest,
        "127.0.0.1, Phone 7",
    ):
        assert said in page, said
