"""The whole road over HTTP, on real servers: plan, assessment, mails, sign-offs, run, ledger."""

import csv
import html
import io
import json
import os
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from migrations_portal.audit import queries as ledger
from migrations_portal.audit.rules import RECORD_KEYS
from migrations_portal.compliance.rules import DPIA_QUESTIONS
from migrations_portal.demo import inbox
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution.models import MigrationRun
from migrations_portal.plans import checklist
from migrations_portal.plans.models import MigrationPlan, PlanAssessment
from migrations_portal.rehearsals.models import Rehearsal
from tests.factories.plans import COMPLETE

pytestmark = pytest.mark.django_db(transaction=True)
FOLDER = Path(os.environ["WCO_TEST_INBOX"])
PASSWORD = "a long pass phrase"


@pytest.fixture
def short_days(settings):
    """The demo's switch: a T-day lasts 20 ms."""
    settings.DEMO_DAY_SECONDS = 0.02


def sign_in(person):
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    return client


SEAT = r"/s/|/sign-off/"
"""A link with a token leads to the seat; after T-0 mails name its page alone."""


def mail_links(person, *, plan):
    """Return the sign-off links that this person was really sent for the plan."""
    mine = [each for each in inbox.mails(FOLDER) if str(each.message["To"]) == person.email]
    return [
        each.links[0].removeprefix("http://127.0.0.1:8000")
        for each in mine
        if plan.number in str(each.message["Subject"]) and re.search(SEAT, each.links[0])
    ]


def test_consent_tracking_goes_from_anas_browser_to_production(cast, school, short_days):
    from migrations_portal import tasks

    history = school.history()
    ana = sign_in(cast["ana"])
    form = {
        "action": "save",
        "version": "0",
        "title": "Add consent tracking to patients",
        "target": school.target.pk,
        "scheduled_for": shortly(school),
        **vars(COMPLETE),
        "checks-TOTAL_FORMS": "1",
        "checks-INITIAL_FORMS": "0",
        "checks-0-name": CONSENT_TRACKING.question,
        "checks-0-sql": CONSENT_TRACKING.query,
        "checks-0-expected": str(CONSENT_TRACKING.expected),
    }
    upload = SimpleUploadedFile(CONSENT_TRACKING.name, CONSENT_TRACKING.content)
    edit_url = ana.post("/plans/new/", {**form, "upload": upload})["Location"]
    plan = MigrationPlan.objects.get()
    tasks.assessments.assess(assessment_id=PlanAssessment.objects.get(plan=plan).pk)
    assessed = PlanAssessment.objects.get(plan=plan)
    assert (assessed.level, assessed.phi) == ("LOW", True), assessed.problem
    assert assessed.result["rollback"]["proven"], assessed.result["rollback"]

    submitted = ana.post(
        edit_url,
        {
            **form,
            "version": str(plan.version),
            "action": "submit",
            "scheduled_for": shortly(school),
        },
        follow=True,
    )
    plan.refresh_from_db()
    assert plan.status == "SUBMITTED", submitted.content.decode()
    tasks.rehearsals.rehearse(rehearsal_id=Rehearsal.objects.get(plan=plan).pk)
    for key in checklist.GATES:
        if not checklist.BY_KEY[key].by_portal:
            ana.post(f"/plans/{plan.pk}/checklist/{key}/", {"note": "Seen: CI run 4711"})
    ana.post(f"/plans/{plan.pk}/dpia/", {each.key: "As planned." for each in DPIA_QUESTIONS})
    for name in ("dan", "sam", "cleo", "petra", "dan"):
        tasks.timeline.sweep()
        tasks.notices.deliver()
        sign_the_newest(cast[name], plan=plan)
    plan.refresh_from_db()
    assert plan.status == "APPROVED"

    tasks.runs.start_due()
    run = MigrationRun.objects.get(plan=plan)
    while timezone.now() < run.due_at:
        pass
    tasks.runs.execute(run_id=run.pk)
    tasks.runs.execute(run_id=run.pk)
    tasks.notices.deliver()

    run.refresh_from_db()
    assert run.status == "SUCCEEDED", run.problem
    assert school.value(CONSENT_TRACKING.query) == CONSENT_TRACKING.expected
    assert set(school.history()) - set(history) == {CONSENT_TRACKING.name}
    assert any("succeeded" in str(each.message["Subject"]).lower() for each in inbox.mails(FOLDER))
    assert "took as long as predicted" in ana.get(f"/runs/{run.pk}/").content.decode()
    check_the_ledger(sign_in(cast["cleo"]), plan=plan)


def shortly(school):
    """Return a T-0 a few seconds ahead, as the form takes it."""
    soon = timezone.now() + timedelta(seconds=3)
    return f"{soon.astimezone(school.target.zone):%Y-%m-%dT%H:%M:%S}"


def sign_the_newest(person, *, plan):
    """Open the newest mail's link, read the page, and sign with the reason and the password that it asks."""
    browser = sign_in(person)
    link = mail_links(person, plan=plan)[0]
    page = browser.get(link, follow=True)
    if (
        "link-not-good" in page.content.decode()
    ):  # T-0 is over, and with it the link: My work leads there
        (link,) = set(re.findall(r'href="(/sign-off/\d+/)"', browser.get("/").content.decode()))
        page = browser.get(link, follow=True)
    url = page.redirect_chain[-1][0] if page.redirect_chain else link
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', page.content.decode())
    assert digest, page.content.decode()
    shown = re.search(r'name="shown" value="([^"]+)"', page.content.decode())
    assert shown
    time.sleep(3.1)  # what touches PHI is on screen for three seconds before it is signed (A12)
    given = {
        "shown": html.unescape(shown[1]),
        "reason": "Read and understood",
        "digest": digest[1],
        "decision": "APPROVE",
        "password": PASSWORD,
    }
    answer = browser.post(url, given)
    assert answer.status_code == 302, answer.content.decode()


def check_the_ledger(cleo, *, plan):
    """Download both forms; the spec's record stands in each, with who signed what."""
    rows = list(
        csv.DictReader(
            io.StringIO(b"".join(cleo.post("/audit/export/", {"format": "csv"})).decode())
        )
    )
    (record,) = [row for row in rows if row["kind"] == "MIGRATION_RECORD"]
    assert all(record[key] for key in RECORD_KEYS)
    assert (record["status"], record["verification_status"], record["rollback_tested"]) == (
        "success",
        "passed",
        "true",
    )
    signed = [row["who"] for row in rows if row["kind"] == "SEAT_SIGNED"]
    assert [who.split("@")[0] for who in signed] == ["dan", "sam", "cleo", "petra", "dan"]
    entries = json.loads(b"".join(cleo.post("/audit/export/", {"format": "json"})))
    assert len(entries) == ledger.last_seq()
    assert ledger.verify_chain().intact
    assert plan.number in entries[0]["body"]["what"]
