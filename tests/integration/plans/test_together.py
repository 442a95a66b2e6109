"""Clones, comments with mentions, phases with deploys between them, and the checklist."""

import re

import pytest
from django.db import IntegrityError, transaction

from migrations_portal.audit.models import Entry
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.notifications.models import Notice
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans import checklist, cloning, comments, gates, queries, series
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import ChecklistItem, Comment, MigrationPlan, Phase
from tests.clock import DAY, NOON
from tests.factories.plans import draft, scheduled_run, submitted

URL = "http://127.0.0.1:8000"


def test_a_clone_has_everything_but_date_signatures_and_ticks(cast, production):
    old = submitted(by=cast["ana"], target=production)

    new = cloning.clone(plan_id=old.pk, by=cast["ana"], now=NOON)

    assert new.documentation == old.documentation
    assert [f.sha256 for f in new.files.all()] == [f.sha256 for f in old.files.all()]
    assert (new.status, new.scheduled_for, new.revision) == ("DRAFT", None, 0)
    assert new.cloned_from == old
    assert not new.checklist.filter(done_at__isnull=False).exists()
    assert queries.current_assessment(new) is not None


def test_a_withdrawn_plan_is_cloned_in_the_browser_by_an_engineer_only(browser, cast, production):
    plan = submitted(by=cast["ana"], target=production)
    browser("ana").post(f"/plans/{plan.pk}/withdraw/", {"reason": "typo"})

    assert "Clone as new plan" in browser("ana").get(f"/plans/{plan.pk}/").content.decode()
    browser("dan").post(f"/plans/{plan.pk}/clone/")
    assert MigrationPlan.objects.count() == 1
    answer = browser("ana").post(f"/plans/{plan.pk}/clone/")

    new = MigrationPlan.objects.latest("pk")
    assert answer["Location"] == f"/plans/{new.pk}/edit/"
    assert new.cloned_from == plan


def comment(plan, by, text):
    return comments.add(plan_id=plan.pk, by=by, text=text, now=NOON, public_url=URL)


def test_a_mention_sends_a_mail_without_the_words(cast, production):
    plan = draft(by=cast["ana"], target=production)

    comment(plan, cast["ana"], "@dan, could this wait? Student 999-99-9999 was seen. cc @Tess @dan")

    told = Notice.objects.filter(template="mentioned")
    assert sorted(told.values_list("recipient", flat=True)) == [
        cast["dan"].email,
        cast["tess"].email,
    ]
    assert "999-99" not in str(list(told.values()))
    entry = Entry.objects.get(kind="COMMENT_ADDED")
    assert "999-99" not in entry.canonical


@pytest.mark.parametrize("text", ["", "  \n", "x" * 4_001, "@nobody look", "@mallory look"])
def test_a_comment_that_cannot_be_kept_is_refused(cast, production, text):
    plan = draft(by=cast["ana"], target=production)

    with pytest.raises(comments.CommentRefused):
        comment(plan, cast["dan"], text)

    assert not Comment.objects.exists()


def test_an_address_in_a_comment_is_no_mention(cast, production):
    plan = draft(by=cast["ana"], target=production)

    assert comments.handles_in("mail ana@dan.example, or @dan. Not a@b @-x") == ["dan"]
    comment(plan, cast["dan"], "write to somebody@example.org")

    assert not Notice.objects.filter(template="mentioned").exists()


def test_a_refused_comment_comes_back_in_the_box_and_html_stays_text(browser, cast, production):
    plan = draft(by=cast["ana"], target=production)
    dan = browser("dan")

    page = dan.post(f"/plans/{plan.pk}/comments/", {"text": "@nobody <b>hi</b>"}, follow=True)
    assert "@nobody &lt;b&gt;hi&lt;/b&gt;</textarea>" in page.content.decode()
    dan.post(f"/plans/{plan.pk}/comments/", {"text": "<script>alert(1)</script>"})

    shown = dan.get(f"/plans/{plan.pk}/").content.decode()
    assert "&lt;script&gt;alert(1)" in shown


def test_a_comment_voids_nothing(cast, production):
    plan = submitted(by=cast["ana"], target=production)
    before = queries.newest_revision(plan)

    comment(plan, cast["dan"], "Fine by me")

    plan.refresh_from_db()
    assert queries.newest_revision(plan) == before
    assert plan.revision == before.number


def test_an_auditor_reads_and_does_not_comment(cast, production, group):
    access.grant(person=cast["mallory"], role=Role.AUDITOR, group=group)
    plan = draft(by=cast["ana"], target=production)

    with pytest.raises(access.NotAllowed):
        comment(plan, cast["mallory"], "hello")


def two_phases(cast, production):
    first = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING).plan
    second = series.add_phase(
        plan_id=first.pk,
        by=cast["ana"],
        title="Make it required",
        deploy_before="Application that writes both columns",
        now=NOON,
    )
    return first, second


def succeed(plan):
    """Walk the plan to SUCCEEDED by legal steps of its status."""
    for status in ("RUNNING", "SUCCEEDED"):
        MigrationPlan.objects.filter(pk=plan.pk).update(status=status)


def test_the_next_phase_waits_for_the_first_and_for_its_deploy(cast, production):
    first, second = two_phases(cast, production)

    lacking = plans.missing(second, now=NOON, day=DAY)["phase"]
    assert f"{first.number} has to succeed first" in lacking
    with pytest.raises(series.PhaseRefused, match="has to succeed"):
        series.confirm_deploy(plan_id=second.pk, by=cast["dan"], note="build 7", now=NOON)
    succeed(first)
    assert "deployed, and confirmed" in plans.missing(second, now=NOON, day=DAY)["phase"]
    with pytest.raises(series.PhaseRefused, match="how you know"):
        series.confirm_deploy(plan_id=second.pk, by=cast["dan"], note=" ", now=NOON)
    series.confirm_deploy(plan_id=second.pk, by=cast["dan"], note="build 7 is live", now=NOON)

    assert "phase" not in plans.missing(second, now=NOON, day=DAY)
    assert "build 7 is live" in Entry.objects.get(kind="DEPLOY_CONFIRMED").canonical
    with pytest.raises(series.PhaseRefused, match="already"):
        series.confirm_deploy(plan_id=second.pk, by=cast["dan"], note="again", now=NOON)


def test_the_database_itself_refuses_a_phase_before_its_time(cast, production):
    first, second = two_phases(cast, production)
    begin = {"status": "SUBMITTED", "submitted_at": NOON, "revision": 1}

    with pytest.raises(IntegrityError, match="phase before this one"), transaction.atomic():
        MigrationPlan.objects.filter(pk=second.pk).update(**begin)
    succeed(first)
    with pytest.raises(IntegrityError, match="phase before this one"), transaction.atomic():
        MigrationPlan.objects.filter(pk=second.pk).update(**begin)
    series.confirm_deploy(plan_id=second.pk, by=cast["dan"], note="live", now=NOON)

    assert MigrationPlan.objects.filter(pk=second.pk).update(**begin) == 1


def test_a_series_is_made_and_confirmed_in_the_browser(browser, cast, production):
    first = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING).plan
    ana = browser("ana")

    assert (
        "Say what has to be deployed"
        in ana.post(f"/plans/{first.pk}/phases/", {"title": "Next"}, follow=True).content.decode()
    )
    ana.post(f"/plans/{first.pk}/phases/", {"title": "Next", "deploy": "Code that writes both"})
    second = MigrationPlan.objects.latest("pk")
    succeed(first)
    assert "Confirm the deploy" in ana.get("/").content.decode()
    browser("dan").post(f"/plans/{second.pk}/deploy/", {"note": "build 7"})

    assert Phase.objects.get(plan=second).deployed_by == cast["dan"]


def test_every_item_of_the_specs_four_lists_is_on_the_plan(cast, production):
    plan = draft(by=cast["ana"], target=production)

    counts = [plan.checklist.filter(section=str(s)).count() for s in checklist.Section]

    assert counts == [9, 7, 8, 5]


def test_a_stage_cannot_pass_while_its_items_are_open(cast, production):
    plan = draft(by=cast["ana"], target=production)

    assert gates.open_items(plan, "REVIEW") == [
        "Migration tested in development",
        "Rollback procedure documented",
    ]
    plans.tick(plan_id=plan.pk, key="tested-in-development", by=cast["ana"], note="CI", now=NOON)
    plans.prove(plan=plan, key="rollback-documented", note="", evidence="/plans/1/", now=NOON)

    assert gates.open_items(plan, "REVIEW") == []
    assert len(gates.open_items(plan, "GO")) == 4


def test_an_item_that_is_proven_cannot_be_ticked_by_hand_not_even_in_the_database(cast, production):
    plan = draft(by=cast["ana"], target=production)
    item = ChecklistItem.objects.get(plan=plan, key="backup-verified")

    with pytest.raises(plans.NotTicked):
        plans.tick(plan_id=plan.pk, key=item.key, by=cast["dan"], note="trust me", now=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        ChecklistItem.objects.filter(pk=item.pk).update(done_at=NOON, done_by=cast["dan"], note="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        ChecklistItem.objects.filter(plan=plan, key="smoke-tests-passed").update(done_at=NOON)


def test_the_export_is_the_specs_template_filled_in(browser, cast, production):
    plan = submitted(by=cast["ana"], target=production, phi=True)
    MigrationPlan.objects.filter(pk=plan.pk).update(title="Add *consent* [x](y)\n## tracking")

    answer = browser("ana").get(f"/plans/{plan.pk}/checklist.md")

    text = answer.content.decode()
    assert answer["Content-Disposition"] == f'attachment; filename="checklist-{plan.number}.md"'
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "Pre-Migration",
        "Migration Details",
        "Execution",
        "Post-Migration",
        "Rollback (if needed)",
    ]
    assert text.startswith(
        rf"# Migration Checklist: {plan.number} Add \*consent\* \[x\](y) \#\# tracking"
    )
    assert len(re.findall(r"^- \[[ x]\] ", text, re.MULTILINE)) == 29 + 1 + 1
    assert "- [x] Migration tested in staging (Ana Lopez," in text
    assert "**PHI Impact:** Yes" in text
    assert "**Estimated Duration:** 0.8 minutes" in text


def test_the_checklist_page_shows_who_when_and_what_gates(browser, cast, production):
    plan = submitted(by=cast["ana"], target=production)

    page = browser("dan").get(f"/plans/{plan.pk}/checklist/").content.decode()

    assert "Seen: the test run" in page
    assert "T-1 Go / no-go cannot pass yet." in page
    assert (
        page.count("Tick it in my name")
        == plan.checklist.filter(by_portal=False, done_at__isnull=True).count()
    )
    assert browser("mallory").get(f"/plans/{plan.pk}/checklist/").status_code == 404
