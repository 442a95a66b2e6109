"""The pages of the ledger and of compliance, over HTTP: who gets in, filters, depth, forms with bad input."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from migrations_portal.audit import explorer, freezes, proofs, queries, services
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import Actor, Draft, EntryKind
from migrations_portal.compliance.models import Export
from migrations_portal.compliance.rules import DPIA_QUESTIONS
from migrations_portal.execution.models import MigrationRun
from tests.factories.plans import submitted
from tests.ledger_kit import LedgerKit

PAGES = ("/audit/", "/audit/exports/", "/audit/checks/", "/compliance/", "/compliance/reviews/", "/compliance/processing/", "/compliance/holds/", "/compliance/auditors/")  # fmt: skip


@pytest.fixture
def plan(cast, production):
    return submitted(by=cast["ana"], target=production, phi=True)


def write(count: int) -> None:
    for number in range(count):
        with transaction.atomic():
            services.append(
                Draft(
                    kind=EntryKind.SEAT_SIGNED if number % 2 else EntryKind.PLAN_CREATED,
                    actor=Actor(f"p{number % 3}@x", "Pat"),
                    sentence=f"Sentence number{number} of the rain",
                    target="production" if number % 5 else "",
                    phi=number % 4 == 0,
                    plan=number % 7,
                    result="failed" if number % 10 == 0 else "success",
                )
            )


@pytest.mark.parametrize("page", PAGES)
def test_a_reader_of_the_ledger_gets_in_and_nobody_else(cast, production, browser, page):
    write(3)

    assert browser("cleo").get(page).status_code == 200
    assert browser("ana").get(page).status_code == 403
    assert browser("mallory").get(page).status_code == 403
    menu = browser("ana").get("/plans/").content.decode()
    assert 'href="/audit/"' not in menu
    assert 'href="/audit/"' in browser("cleo").get("/plans/").content.decode()


def seqs(browser, query: str) -> list[int]:
    page = browser("cleo").get(f"/audit/?{query}").content.decode()
    return [int(each) for each in re.findall(r'<a href="/audit/(\d+)/">', page)]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("kind=SEAT_SIGNED", lambda e: e.kind == "SEAT_SIGNED"),
        ("person=P1@", lambda e: e.actor == "p1@x"),
        ("target=production", lambda e: e.target == "production"),
        ("plan=3", lambda e: e.plan == 3),
        ("phi=yes", lambda e: e.phi),
        ("phi=no", lambda e: not e.phi),
        ("result=failed", lambda e: e.result == "failed"),
        ("text=number12", lambda e: "number12 " in e.canonical),
        ("text=rain+-number12&kind=PLAN_CREATED", lambda e: e.kind == "PLAN_CREATED" and "number12 " not in e.canonical),
        ("since=2100-01-01", lambda e: False),
        ("until=2100-01-01", lambda e: True),
        ("plan=3&phi=yes", lambda e: e.plan == 3 and e.phi),
    ],
)  # fmt: skip
def test_each_filter_finds_what_fits_and_nothing_else(cast, production, browser, query, fits):
    write(60)
    fitting = [entry.seq for entry in Entry.objects.order_by("-seq") if fits(entry)]

    assert seqs(browser, query) == fitting[:50]


def test_pages_follow_each_other_without_a_gap_to_the_very_first_entry(cast, production, browser):
    write(120)
    found, address = [], "/audit/?phi=no"
    while address:
        page = browser("cleo").get(address).content.decode()
        found += [int(each) for each in re.findall(r'<a href="/audit/(\d+)/">', page)]
        further = re.search(r'rel="next" href="([^"]+)"', page)
        address = further[1].replace("&amp;", "&") if further else ""

    assert found == [e.seq for e in Entry.objects.order_by("-seq") if not e.phi]


@pytest.mark.parametrize("query", ["plan=x", "plan=-1", f"plan={'9' * 40}", "since=yesterday", "kind=NONE", "before=x", f"before={'9' * 40}", "text=%00", 'text="', "phi=maybe", "person=%25"])  # fmt: skip
def test_a_wrong_question_is_no_fault(cast, production, browser, query):
    write(2)

    assert browser("cleo").get(f"/audit/?{query}").status_code == 200


def test_an_entry_shows_its_bytes_and_the_way_to_its_signed_root(cast, production, browser):
    kit = LedgerKit()
    write(11)
    kit.sign()
    for entry in Entry.objects.all():
        proof = proofs.of_entry(entry)
        assert proof is not None
        assert proofs.climb(entry.hash, list(proof.path)) == proof.root

    page = browser("cleo").get("/audit/7/").content.decode()

    assert "Checkpoint 1 covers it" in page
    assert kit.signer.public_key() in page


def test_an_export_is_asked_for_on_the_page_and_belongs_to_who_asked(cast, production, browser):
    write(3)
    cleo = browser("cleo")
    refused = cleo.post("/audit/exports/", {"form": "CSV", "purpose": ""}).content.decode()
    assert "Say what the export is for." in refused

    made = cleo.post("/audit/exports/", {"form": "CSV", "purpose": "Audit", "kind": "SEAT_SIGNED"})

    row = Export.objects.get()
    assert made["Location"] == f"/audit/exports/{row.pk}/"
    assert row.query == {"kind": "SEAT_SIGNED"}
    assert cleo.get(f"/audit/exports/{row.pk}/?part").status_code == 200
    assert browser("sam").get(f"/audit/exports/{row.pk}/").status_code == 404
    assert cleo.get(f"/audit/exports/{row.pk}/file/").status_code == 404


def test_the_verifier_and_the_schema_can_be_taken(cast, production, browser):
    ana = browser("ana")

    assert b"wco-checkpoint-v1" in ana.get("/verifier/verify.py").content
    assert ana.get("/audit/record.schema.json").json()["title"] == "Migration audit record"
    assert ana.get("/verifier/").status_code == 200


def test_the_assessment_of_a_plan_is_filled_in_and_keeps_what_was_written(cast, plan, browser):
    ana, page = browser("ana"), f"/plans/{plan.pk}/dpia/"
    half = ana.post(page, {"purpose": "Consent tracking"}).content.decode()
    assert "Consent tracking" in half
    assert "This needs an answer." in half

    done = ana.post(page, {each.key: "An answer" for each in DPIA_QUESTIONS})

    assert done.status_code == 302
    assert "Version 1" in ana.get(page).content.decode()
    assert browser("mallory").get(page).status_code == 404
    links = browser("cleo").get(f"/plans/{plan.pk}/").content.decode()
    assert f"/plans/{plan.pk}/dpia/" in links
    assert f"/plans/{plan.pk}/evidence/" in links


def test_the_evidence_pack_is_asked_for_on_the_plans_page(cast, plan, browser):
    made = browser("cleo").post(f"/plans/{plan.pk}/evidence/")

    assert (
        made["Location"] == f"/audit/exports/{Export.objects.get(form='EVIDENCE', plan=plan).pk}/"
    )
    assert browser("ana").post(f"/plans/{plan.pk}/evidence/").status_code == 403


@pytest.mark.parametrize("query", ["?since=x&until=y", "?since=2030-01-01&until=2020-01-01", "?target=none", "?since=0001-01-01", "?until=9999-12-31"])  # fmt: skip
def test_the_controls_take_any_period(cast, production, browser, query):
    assert browser("cleo").get(f"/compliance/{query}").status_code == 200


@pytest.mark.parametrize("text", ["", "number", "number12", "nowhere"])
@pytest.mark.parametrize("person", ["", "p1@", "p", "nobody"])
@pytest.mark.parametrize("kind", ["", "PLAN_CREATED"])
def test_the_explorer_finds_what_one_plain_question_finds(db, text, person, kind):
    write(60)
    for phi, before in ((None, None), (True, 41), (False, 3)):
        wanted = queries.LedgerFilter(text=text, person=person, kind=kind, phi=phi)
        plain = queries.entries(targets=["production"], wanted=wanted)
        upto = plain.filter(seq__lt=before) if before else plain

        found = explorer.newest(
            targets=["production"], wanted=wanted, before=before, count=7, first_stretch=4
        )

        assert [row.seq for row in found] == [row.seq for row in upto[:7]]


def test_a_run_that_the_ledger_holds_says_so_on_its_page(cast, plan, browser):
    later = datetime.now(UTC) + timedelta(hours=1)
    run = MigrationRun.objects.create(
        plan=plan,
        revision=plan.revisions.get(),
        target=plan.target,
        due_at=later,
        created_at=later,
    )
    page = f"/runs/{run.pk}/"
    assert "Waiting for T-0" in browser("cleo").get(page).content.decode()
    MigrationRun.objects.update(due_at=later - timedelta(hours=2))
    assert "Waiting for a worker" in browser("cleo").get(page).content.decode()

    with transaction.atomic():
        freezes.freeze(cause="edited", sentence="Entry 7 was changed.", now=later)

    said = browser("cleo").get(page).content.decode()
    assert "Waiting: the ledger holds all such runs. Entry 7 was changed." in said


def test_what_happens_to_a_submitted_plan_on_phi_is_marked_so(plan):
    after = Entry.objects.filter(plan=plan.pk, kind="CHECKLIST_TICKED")

    assert after.exists()
    assert all(entry.phi for entry in after)
