"""Assessments, documents, reviews, retention, records, holds, disposal, auditors: who may, when, and what the ledger says."""

import io
from datetime import UTC, date, datetime, timedelta

import pytest

from migrations_portal.adapters.in_memory import InMemoryVault
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import StoredObject
from migrations_portal.compliance import auditors, controls, queries, services
from migrations_portal.compliance.controls import Period
from migrations_portal.compliance.models import Disposal, LogReview, RetentionCheck
from migrations_portal.compliance.rules import (
    DPIA_QUESTIONS,
    PROCESSING_QUESTIONS,
    AuditorRefused,
    DisposalRefused,
    DocumentRefused,
    DpiaIncomplete,
)
from migrations_portal.execution.models import MigrationRun
from migrations_portal.people import access
from migrations_portal.people.access import NotAllowed
from migrations_portal.people.rules import Role
from migrations_portal.targets import queries as target_queries
from tests.clock import NOON
from tests.factories.plans import submitted

NOW = datetime.now(UTC)
ANSWERS = {each.key: f"Answer to {each.key}." for each in DPIA_QUESTIONS}


@pytest.fixture
def plan(cast, production):
    return submitted(by=cast["ana"], target=production, phi=True, privacy=False)


@pytest.fixture
def run(plan):
    return MigrationRun.objects.create(
        plan=plan,
        revision=plan.revisions.get(),
        target=plan.target,
        status="SUCCEEDED",
        outcome="APPLIED",
        due_at=NOW,
        created_at=NOW,
        claimed_at=NOW,
        lease_until=NOW,
        fence=1,
        finished_at=NOW,
    )


def test_an_assessment_is_kept_in_versions_and_each_is_in_the_ledger(cast, plan):
    services.save_dpia(plan=plan, answers=ANSWERS, by=cast["ana"], now=NOW)
    services.save_dpia(plan=plan, answers={**ANSWERS, "risks": "Two."}, by=cast["petra"], now=NOW)

    assert [each.version for each in queries.dpia(plan)] == [2, 1]
    told = [ledger.body(each) for each in Entry.objects.filter(kind="DPIA_SAVED").order_by("seq")]
    assert [each["facts"]["version"] for each in told] == [1, 2]
    assert "Answer to" not in "".join(Entry.objects.values_list("canonical", flat=True))


def test_an_assessment_with_a_gap_names_every_gap(cast, plan):
    with pytest.raises(DpiaIncomplete) as refusal:
        services.save_dpia(
            plan=plan, answers={"purpose": "x", "data": "  "}, by=cast["ana"], now=NOW
        )

    assert all(q.text in refusal.value.sentence for q in DPIA_QUESTIONS if q.key != "purpose")
    with pytest.raises(NotAllowed):
        services.save_dpia(plan=plan, answers=ANSWERS, by=cast["mallory"], now=NOW)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.exe", b"MZ"), ("a", b"x"), ("a.pdf", b""), ("a.pdf", b"<html>"), ("a.png", b"%PDF-"), ("a.txt", b"a\x00b"), ("a.pdf", b"%PDF-" + b"x" * 5 * 1024 * 1024)],
)  # fmt: skip
def test_a_document_that_is_not_what_it_says_is_refused(cast, plan, name, content):
    with pytest.raises(DocumentRefused):
        services.add_document(plan=plan, name=name, content=content, by=cast["ana"], now=NOW)

    assert queries.documents(plan) == []


def test_a_document_is_kept_in_versions_under_its_bare_name(cast, plan):
    add = {"plan": plan, "by": cast["ana"], "now": NOW}
    services.add_document(name="C:\\tmp\\../dpia.pdf", content=b"%PDF-1", **add)
    services.add_document(name="dpia.pdf", content=b"%PDF-2", **add)
    with pytest.raises(DocumentRefused, match="already"):
        services.add_document(name="dpia.pdf", content=b"%PDF-2", **add)

    assert [(each.name, each.version) for each in queries.documents(plan)] == [("dpia.pdf", 2), ("dpia.pdf", 1)]  # fmt: skip


def test_a_run_on_phi_opens_one_review_and_a_finding_closes_it(cast, run):
    assert services.open_reviews(now=NOW) == 1
    assert services.open_reviews(now=NOW) == 0
    review = LogReview.objects.get()

    with pytest.raises(NotAllowed):
        services.finish_review(review_id=review.pk, finding="Fine.", by=cast["dan"], now=NOW)
    with pytest.raises(DpiaIncomplete):
        services.finish_review(review_id=review.pk, finding=" ", by=cast["petra"], now=NOW)
    services.finish_review(review_id=review.pk, finding="Only ours.", by=cast["petra"], now=NOW)
    with pytest.raises(DpiaIncomplete, match="already"):
        services.finish_review(review_id=review.pk, finding="Again.", by=cast["sam"], now=NOW)

    assert ledger.body(Entry.objects.get(kind="REVIEW_DONE"))["why"] == "Only ours."


def kept(run, vault, *, until, promised=None):
    stored: StoredObject = vault.put(f"pre-migration/{until:%f}-{run.pk}", io.BytesIO(b"dump"), retain_until=until)  # fmt: skip
    return Backup.objects.create(
        run=run, target=run.target, purpose="pre-migration", bucket=stored.bucket, key=stored.key,
        version_id=stored.version_id, size=stored.size, sha256=stored.sha256, taken_at=NOW,
        retain_until=promised or until,
    )  # fmt: skip


def test_the_daily_sweep_finds_a_backup_whose_lock_ends_too_early(cast, run):
    vault = InMemoryVault()
    good = kept(run, vault, until=NOW + timedelta(days=2557))
    short = kept(run, vault, until=NOW + timedelta(days=90, microseconds=7), promised=NOW + timedelta(days=2557))  # fmt: skip

    services.check_retention(vault=vault, now=NOW)

    found = {each.backup_id: each for each in RetentionCheck.objects.all()}
    assert found[good.pk].held
    assert found[short.pk].problem == "its lock ends too early"
    entry = ledger.body(Entry.objects.get(kind="RETENTION_CHECKED"))
    assert entry["result"] == "failed"
    assert entry["facts"] == {"not_held": [short.pk]}


def test_nothing_younger_than_seven_years_is_disposed_of_and_two_people_have_to_agree(cast, group):
    old = date(2010, 1, 1)
    ask = {"group": group, "reason": "Retention ended", "by": cast["cleo"], "now": NOW}

    with pytest.raises(DisposalRefused, match="seven years"):
        services.ask_disposal(before=NOW.date() - timedelta(days=2556), **ask)
    with pytest.raises(NotAllowed):
        services.ask_disposal(before=old, **{**ask, "by": cast["dan"]})
    wish = services.ask_disposal(before=old, **ask)
    with pytest.raises(DisposalRefused, match="somebody else"):
        services.decide_disposal(disposal_id=wish.pk, agree=True, by=cast["cleo"], now=NOW)
    hold = services.set_hold(group=group, matter="Lopez v. District", by=cast["sam"], now=NOW)
    with pytest.raises(DisposalRefused, match="Lopez"):
        services.decide_disposal(disposal_id=wish.pk, agree=True, by=cast["petra"], now=NOW)
    services.lift_hold(hold_id=hold.pk, reason="Settled.", by=cast["cleo"], now=NOW)
    services.decide_disposal(disposal_id=wish.pk, agree=True, by=cast["petra"], now=NOW)
    with pytest.raises(DisposalRefused, match="already"):
        services.decide_disposal(disposal_id=wish.pk, agree=False, by=cast["petra"], now=NOW)

    assert Disposal.objects.get().agreed
    assert set(Entry.objects.values_list("kind", flat=True)) == {"DISPOSAL_ASKED", "LEGAL_HOLD_SET", "LEGAL_HOLD_LIFTED", "DISPOSAL_AGREED"}  # fmt: skip


def test_an_auditor_reads_and_exports_and_nothing_else_until_the_day(cast, group, production, plan):
    admit = {"group": group, "email": "ines@audit.example", "name": "Ines Faro", "now": NOW}
    with pytest.raises(NotAllowed):
        auditors.admit(by=cast["dan"], until=NOW + timedelta(days=30), **admit)
    for until in (NOW - timedelta(days=1), NOW + timedelta(days=400)):
        with pytest.raises(AuditorRefused, match="twelve months"):
            auditors.admit(by=cast["cleo"], until=until, **admit)
    with pytest.raises(AuditorRefused, match="part in"):
        auditors.admit(
            by=cast["cleo"], until=NOW + timedelta(days=3), **{**admit, "email": cast["dan"].email}
        )

    ines = auditors.admit(by=cast["cleo"], until=NOW + timedelta(days=30), **admit)

    assert target_queries.ledger_targets(person=ines) == ["production"]
    with pytest.raises(NotAllowed):
        services.save_dpia(plan=plan, answers=ANSWERS, by=ines, now=NOW)
    with pytest.raises(NotAllowed):
        services.set_hold(group=group, matter="x", by=ines, now=NOW)
    access.grant(person=ines, role=Role.AUDITOR, group=group, until=NOW - timedelta(seconds=1))
    with pytest.raises(NotAllowed):
        target_queries.ledger_targets(person=ines)
    assert access.holders(role=Role.AUDITOR, group=group) == []


def test_a_record_of_processing_is_kept_in_versions(cast, group):
    answers = {each.key: "x" for each in PROCESSING_QUESTIONS}
    save = {"group": group, "name": "Immunization reports", "by": cast["petra"], "now": NOW}
    services.save_processing(answers=answers, **save)
    services.save_processing(answers={**answers, "retention": "Seven years"}, **save)

    (record,) = queries.processing(groups=target_queries.groups_of(person=cast["petra"]))

    assert (record.version, record.answers["retention"]) == (2, "Seven years")


def state(production, key):
    period = Period(min(NOW, NOON) - timedelta(days=1), NOW + timedelta(days=1))
    found = controls.controls(target=production, period=period, now=NOW)
    return {each.key: each for each in found}[key]


def test_each_control_says_what_is_missing_and_holds_once_it_is_there(cast, production, plan, run):
    assert state(production, "walls").holds
    assert state(production, "trail").holds is False
    assert state(production, "dpia").open == (
        (f"{plan.number} has none", f"/plans/{plan.pk}/dpia/"),
    )
    services.save_dpia(plan=plan, answers=ANSWERS, by=cast["ana"], now=NOW)
    assert state(production, "dpia").holds

    vault = InMemoryVault()
    kept(run, vault, until=NOW + timedelta(days=2557))
    assert state(production, "retention").holds is False
    services.check_retention(vault=vault, now=NOW)
    assert state(production, "retention").holds
    assert state(production, "encryption").holds

    assert state(production, "query-log").holds is None
    step = run.steps.create(
        key="health-before",
        title="Health",
        position=1,
        status="OK",
        started_at=NOW,
        finished_at=NOW,
        exit_code=0,
        facts={"query_log": {"on": False, "by": ""}},
    )
    assert state(production, "query-log").open == (
        (f"Run {run.pk} was not logged by the target", f"/runs/{run.pk}/"),
    )
    assert queries.logged_by_target(run_ids=[run.pk]) == {run.pk: ""}
    step.facts = {"query_log": {"on": True, "by": "pgaudit (all)"}}
    step.save()
    assert state(production, "query-log").holds
    assert queries.logged_by_target(run_ids=[run.pk]) == {run.pk: "pgaudit (all)"}

    services.open_reviews(now=NOW)
    assert state(production, "reviews").holds
    LogReview.objects.update(due_at=NOW - timedelta(hours=1))
    assert state(production, "reviews").holds is False
