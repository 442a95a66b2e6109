import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils import timezone

from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.plans import queries, services
from migrations_portal.plans.models import MigrationPlan
from tests.factories.plans import COMPLETE

NO_CHECKS = {"checks-TOTAL_FORMS": "0", "checks-INITIAL_FORMS": "0"}


def filled(production, **changed):
    soon = (timezone.now() + timedelta(days=8)).astimezone(production.zone)
    return {
        "action": "save",
        "version": "0",
        "title": "Add consent tracking",
        "target": production.pk,
        "scheduled_for": f"{soon:%Y-%m-%dT%H:%M}",
        "upload": SimpleUploadedFile(CONSENT_TRACKING.name, CONSENT_TRACKING.content),
        **vars(COMPLETE),
        "checks-TOTAL_FORMS": "1",
        "checks-INITIAL_FORMS": "0",
        "checks-0-name": CONSENT_TRACKING.question,
        "checks-0-sql": CONSENT_TRACKING.query,
        "checks-0-expected": "4",
        **changed,
    }


def test_ana_writes_a_plan_and_submits_it_in_the_browser(browser, production):
    ana = browser("ana")
    assert ana.get("/plans/new/").status_code == 200

    saved = ana.post("/plans/new/", filled(production))

    plan = MigrationPlan.objects.get()
    assert saved["Location"] == f"/plans/{plan.pk}/edit/"
    assert "still being assessed" in ana.get(saved["Location"]).content.decode()
    assessment = queries.current_assessment(plan)
    services.store_assessment(
        assessment_id=assessment.pk,
        level="LOW",
        phi=True,
        tables=["public.patients"],
        result={
            "reason": "Only nullable columns.",
            "statements": [
                {"file": CONSENT_TRACKING.name, "line": 1, "sql": 'ALTER TABLE "patients" ADD COLUMN x int', "level": "LOW",
                 "locks": {"public.patients": "AccessExclusiveLock"}, "rewrites": [], "scans": [],
                 "findings": [{"rule": "C1", "level": "LOW", "message": "Nullable column", "advice": "", "safe_sql": []}]}
            ],
        },
        problem="",
        now=timezone.now(),
    )  # fmt: skip
    again = {**filled(production, action="submit", version=str(plan.version))}
    del again["upload"]
    assert ana.post(f"/plans/{plan.pk}/edit/", again)["Location"] == f"/plans/{plan.pk}/"

    page = ana.get(f"/plans/{plan.pk}/").content.decode()
    plan.refresh_from_db()
    assert plan.status == "SUBMITTED"
    for said in (
        "Only nullable columns.",
        "Waiting for",
        "Dan Okafor",
        "reads and writes",
        "Withdraw",
    ):
        assert said in page
    assert "Sign as database admin" in browser("dan").get(f"/plans/{plan.pk}/").content.decode()


def test_a_submission_that_lacks_things_names_them_and_loses_nothing(browser, production):
    ana = browser("ana")

    page = ana.post(
        "/plans/new/",
        filled(production, action="submit", purpose="", justification="because"),
        follow=True,
    )

    text = page.content.decode()
    assert "Migration purpose and scope is missing" in text
    assert "names no ticket" in text
    assert '">Risk</a>' in text
    assert not re.search(r'<a href="#id_[^"]*"></a>', text)
    plan = MigrationPlan.objects.get()
    assert (plan.status, plan.communication_plan) == ("DRAFT", COMPLETE.communication_plan)
    assert plan.files.count() == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.js", b"", "is empty"),
        ("x.js", b"function (", "not JavaScript"),
        ("x.js", b"a" * (1024 * 1024 + 1), "larger than 1 MiB"),
        ("x.js", b"\xff\xfe", "not UTF-8"),
        ("x.txt", b"hello", "not a name for a migration file"),
    ],
)
def test_a_bad_file_is_refused_beside_its_field_and_the_words_stay(
    browser, production, name, content, said
):
    posted = filled(production, upload=SimpleUploadedFile(name, content))

    page = browser("ana").post("/plans/new/", posted)

    assert page.status_code == 422
    assert said in page.content.decode()
    assert COMPLETE.purpose in page.content.decode()
    assert not MigrationPlan.objects.exists()


def test_a_name_that_climbs_out_of_its_folder_is_refused_beside_its_field(browser, production):
    upload = SimpleUploadedFile("x.js", b"module.exports = {};")
    body = encode_multipart(BOUNDARY, filled(production, upload=upload))
    climbing = body.replace(b'filename="x.js"', b'filename="../../etc/x.js"')

    page = browser("ana").generic("POST", "/plans/new/", climbing, content_type=MULTIPART_CONTENT)

    said = page.content.decode()
    assert page.status_code == 422
    assert "../../etc/x.js” names a folder" in said
    assert "Choose x.js again" in said
    assert not MigrationPlan.objects.exists()


def test_two_files_of_one_name_are_told_apart_before_one_is_lost(browser, production):
    twins = [
        SimpleUploadedFile("20250101000000-x.js", text)
        for text in (b"module.exports = {};", b"module.exports = {a: 1};")
    ]

    page = browser("ana").post("/plans/new/", filled(production, upload=twins))

    assert page.status_code == 422
    assert "Two of the files are named 20250101000000-x.js" in page.content.decode()


def test_a_query_that_writes_is_refused_beside_its_field(browser, production):
    posted = filled(production) | {
        "checks-TOTAL_FORMS": "1",
        "checks-INITIAL_FORMS": "0",
        "checks-0-name": "Consents",
        "checks-0-sql": "DELETE FROM patients",
        "checks-0-expected": "0",
    }

    page = browser("ana").post("/plans/new/", posted)

    assert page.status_code == 422
    assert "is no SELECT; a verification query reads and changes nothing" in page.content.decode()


def test_a_commit_is_kept_whole_or_refused_beside_its_field(browser, production):
    ana = browser("ana")
    half = filled(production, git_commit="abc", commit_authors="dan@whitecross.example")
    refused = ana.post("/plans/new/", half)
    assert refused.status_code == 422
    assert "git rev-parse HEAD" in refused.content.decode()
    assert not MigrationPlan.objects.exists()

    whole = filled(
        production, git_commit="A" * 40, commit_authors="Dan@whitecross.example\n a@x.example"
    )
    ana.post("/plans/new/", whole)

    plan = MigrationPlan.objects.get()
    assert plan.git_commit == "a" * 40
    assert plan.commit_authors == ["a@x.example", "dan@whitecross.example"]
    form = ana.get(f"/plans/{plan.pk}/edit/").context["form"]
    assert form.initial["commit_authors"] == "a@x.example\ndan@whitecross.example"


def test_another_query_is_added_to_what_is_saved(browser, production):
    ana = browser("ana")

    page = ana.post("/plans/new/", filled(production, action="add-check"), follow=True)

    plan = MigrationPlan.objects.get()
    assert (plan.files.count(), plan.checks.count()) == (1, 1)
    assert 'name="checks-1-sql"' in page.content.decode()


def test_two_windows_on_one_draft_notice_each_other(browser, production):
    ana = browser("ana")
    ana.post("/plans/new/", filled(production))
    plan = MigrationPlan.objects.get()

    page = ana.post(f"/plans/{plan.pk}/edit/", filled(production, version="0", title="Another"))

    assert page.status_code == 409
    assert "Somebody else saved this draft" in page.content.decode()
    plan.refresh_from_db()
    assert plan.title == "Add consent tracking"


def test_dan_may_not_write_and_mallory_may_not_see(browser, production):
    browser("ana").post("/plans/new/", filled(production))
    plan = MigrationPlan.objects.get()

    assert browser("dan").post("/plans/new/", filled(production)).status_code == 422
    assert browser("dan").post(f"/plans/{plan.pk}/edit/", filled(production)).status_code in {
        409,
        422,
    }
    assert browser("mallory").get(f"/plans/{plan.pk}/").status_code == 404
    assert browser("mallory").get(f"/plans/{plan.pk}/edit/").status_code == 404
    assert MigrationPlan.objects.count() == 1


def test_a_checklist_item_is_ticked_by_hand_with_a_note_only(browser, production):
    browser("ana").post("/plans/new/", filled(production))
    plan = MigrationPlan.objects.get()
    dan, url = browser("dan"), f"/plans/{plan.pk}/checklist/"

    assert "Add a note" in dan.post(f"{url}tested-in-staging/", follow=True).content.decode()
    assert (
        "itself when it has the proof"
        in dan.post(f"{url}backup-verified/", {"note": "x"}, follow=True).content.decode()
    )
    dan.post(f"{url}tested-in-staging/", {"note": "build 77"})

    assert [row.key for row in plan.checklist.filter(done_at__isnull=False)] == [
        "tested-in-staging"
    ]


def test_ana_withdraws_her_draft(browser, production):
    browser("ana").post("/plans/new/", filled(production))
    plan = MigrationPlan.objects.get()

    browser("dan").post(f"/plans/{plan.pk}/withdraw/", {"reason": "no"})
    plan.refresh_from_db()
    assert plan.status == "DRAFT"
    browser("ana").post(f"/plans/{plan.pk}/withdraw/", {"reason": "not needed"})
    plan.refresh_from_db()
    assert plan.status == "WITHDRAWN"
