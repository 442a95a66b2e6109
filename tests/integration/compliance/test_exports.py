"""Exports: deterministic bytes, no live formula, progress, failure, the monthly report, and the evidence pack of a plan."""

import csv
import io
import json
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction

from migrations_portal.audit import services, verifier
from migrations_portal.audit.models import Entry
from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.audit.rules import RECORD_KEYS, Actor, Draft, EntryKind
from migrations_portal.compliance import exports
from migrations_portal.compliance.models import Export
from migrations_portal.compliance.rules import ExportForm, ExportRefused
from migrations_portal.notifications.models import Notice
from tests.factories.chain import Story
from tests.factories.plans import submitted
from tests.ledger_kit import NOW, Desk


@pytest.fixture
def desk(cast, production, group) -> Desk:
    return Desk(cast["cleo"])


def write(sentence: str, **more) -> None:
    entry = Draft(kind=EntryKind.SEAT_SIGNED, actor=Actor("dan@x", "Dan"), sentence=sentence, target="production")  # fmt: skip
    with transaction.atomic():
        services.append(replace(entry, **more))


NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x";"y")', "＝1+1", "＋1", "－1", "＠x", "=cmd|' /C calc'!A0", 'a "quoted", cell', "line\nbreak", " =1", "", "é 𝄞", "'=1"]  # fmt: skip


def test_a_csv_has_every_entry_and_no_cell_that_runs(desk):
    for text in NASTY:
        write(text, reason=text)

    content = desk.made(ExportForm.CSV).decode()

    assert content.count("\r\n") >= len(NASTY) + 2
    head, *rows = csv.reader(io.StringIO(content, newline=""))
    assert head[-13:] == list(RECORD_KEYS)
    assert len(head) == len(set(head))
    told = [row[head.index("what")] for row in rows][: len(NASTY)]
    for text, shown in zip(NASTY, told, strict=True):
        assert shown == (f"'{text}" if text[:1] and text[0] in "=+-@\t\r\n＝＋－＠" else text)
    assert not [
        cell for row in rows for cell in row if cell[:1] and cell[0] in "=+-@\t\r\n＝＋－＠"
    ]


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_no_formula_is_alive_in_a_real_spreadsheet_program(desk, tmp_path):
    for text in NASTY:
        write(text, reason=text)
    (tmp_path / "ledger.csv").write_bytes(desk.made(ExportForm.CSV))

    subprocess.run(
        [shutil.which("soffice") or "", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "fods",
         "--outdir", str(tmp_path), str(tmp_path / "ledger.csv")],
        check=True, capture_output=True, timeout=240, cwd=tmp_path,
    )  # fmt: skip

    sheet = (tmp_path / "ledger.fods").read_text()
    assert "Dan" in sheet
    assert "HYPERLINK" in sheet
    assert "table:formula" not in sheet
    assert 'xlink:href="http' not in sheet.replace("http://www.w3.org", "")


@pytest.mark.parametrize("form", [ExportForm.CSV, ExportForm.JSONL, ExportForm.PDF])
def test_the_same_range_gives_the_same_bytes(desk, form):
    write("One")
    first = desk.ask(form)
    desk.make(first)
    write("Two, later")
    again = Export.objects.get(pk=first.pk)
    again.pk, again.done_at, again.claimed_at, again.sha256 = None, None, None, ""
    again.save()

    desk.make(again)

    assert desk.content(again) == desk.content(first)


def test_json_lines_hold_the_hashed_bytes(desk):
    write("One")

    lines = desk.made(ExportForm.JSONL).splitlines()

    assert [verifier.read_row(line).seq for line in lines] == list(range(1, len(lines) + 1))
    for line, entry in zip(lines, Entry.objects.order_by("seq"), strict=True):
        row = verifier.read_row(line)
        assert row.hash == row.true_hash == entry.hash


def test_a_pdf_is_tagged_has_page_numbers_and_a_place_to_sign(desk):
    for number in range(60):
        write(f"Sentence {number} #let x = 1 *bold* = heading", reason="$math$ @ref <label> \\")

    content = desk.made(ExportForm.PDF)

    assert content.startswith(b"%PDF-")
    assert b"/MarkInfo" in content
    assert b"/StructTreeRoot" in content
    assert b"pdfuaid" in content


def test_a_pdf_of_too_much_is_refused_with_what_to_do(desk, monkeypatch):
    monkeypatch.setattr(exports, "PDF_ENTRIES", 2)
    for _ in range(3):
        write("x")
    row = desk.ask(ExportForm.PDF)

    assert not desk.make(row)

    row.refresh_from_db()
    assert "shorter period, or CSV" in row.problem
    assert row.done_at is not None


def test_an_export_without_a_purpose_is_refused_and_leaves_no_entry(desk):
    with pytest.raises(ExportRefused, match="what the export is for"):
        desk.ask(ExportForm.CSV, purpose="  ")

    assert not Entry.objects.exists()


def test_who_asked_is_told_by_mail_and_the_asking_is_an_entry(desk):
    desk.made(ExportForm.CSV)

    (mail,) = Notice.objects.filter(template="export_ready")
    assert mail.recipient == "cleo@whitecross.example"
    entry = Entry.objects.get(kind="LEDGER_EXPORTED")
    assert json.loads(entry.canonical)["body"]["why"] == "Audit 2026"


def test_only_one_worker_makes_an_export_and_a_dead_ones_is_taken_up_again(desk):
    row = desk.ask(ExportForm.CSV)

    assert exports.claim(export_id=row.pk, now=NOW) is not None
    assert exports.claim(export_id=row.pk, now=NOW + timedelta(minutes=9)) is None
    assert exports.waiting(now=NOW + timedelta(minutes=9)) == []
    assert exports.waiting(now=NOW + timedelta(minutes=11)) == [row.pk]
    assert exports.claim(export_id=row.pk, now=NOW + timedelta(minutes=11)) is not None


def test_the_monthly_report_comes_once_a_month_to_the_compliance_officers(desk, group):
    since, until = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    ask = {"group": group, "form": ExportForm.PDF, "since": since, "until": until, "now": NOW}

    row = exports.ask_for_month(**ask)

    assert row is not None
    assert exports.ask_for_month(**ask) is None
    assert desk.make(row)
    assert row.name.startswith("ledger-2026-10-to-")
    assert [mail.recipient for mail in Notice.objects.filter(template="export_ready")] == [
        "cleo@whitecross.example"
    ]


def test_the_bundle_of_everything_is_whole_and_verifies_offline(desk, tmp_path):
    for number in range(30):
        write(f"No. {number}")
    path = tmp_path / "bundle.zip"
    path.write_bytes(desk.made(ExportForm.BUNDLE))

    report = verifier.verify(path, trust=[desk.kit.signer.public_key()])

    assert (report.entries, report.first, report.last) == (31, 1, 31)
    assert report.covered_to == 31


def test_a_bundle_of_a_part_proves_each_entry(desk, tmp_path):
    for number in range(30):
        write(f"No. {number}", plan=number % 3 + 1)
        if number == 15:
            desk.kit.sign()
    path = tmp_path / "bundle.zip"
    path.write_bytes(desk.made(ExportForm.BUNDLE, wanted=LedgerFilter(plan=2)))

    report = verifier.verify(path, trust=[desk.kit.signer.public_key()])

    assert (report.entries, report.first, report.checkpoints) == (10, 2, 2)
    files = verifier.open_bundle(path)
    broken = files[verifier.ENTRIES].replace(b"No. 4", b"No. 5")
    out = io.BytesIO()
    verifier.pack({**files, verifier.ENTRIES: broken}, out)
    path.write_bytes(out.getvalue())
    with pytest.raises(verifier.Harm) as harm:
        verifier.verify(path, trust=[desk.kit.signer.public_key()])
    assert (harm.value.kind, harm.value.seq) == ("edit", 5)


def test_the_evidence_pack_of_a_plan_opens_offline_and_verifies(desk, cast, production, tmp_path):
    plan = submitted(by=cast["ana"], target=production)
    Story(cast, plan).sign("REVIEW", "DBA")
    path = tmp_path / "evidence.zip"
    path.write_bytes(desk.made(ExportForm.EVIDENCE, plan=plan, wanted=LedgerFilter(plan=plan.pk)))

    report = verifier.verify(path, trust=[desk.kit.signer.public_key()])

    assert report.entries >= 2
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        page = archive.read("index.html").decode()
        seats = json.loads(archive.read("signatures.json"))
    (signed,) = [each for each in seats if each["decision"] == "APPROVE"]
    whole = {key: value for key, value in signed.items() if key != "on_behalf_of"}
    assert all(whole.values()), signed
    assert signed["email"] == "dan@whitecross.example"
    assert {each["ip"] for each in seats if each is not signed} == {""}
    assert {"index.html", "plan.json", "assessments.json", "signatures.json", "revisions/1.json", "verify.py", "VERIFY.txt"} <= names  # fmt: skip
    assert f"Evidence for {plan.number}" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    for link in set(re.findall(r'href="([^"]+)"', page)):
        assert link.replace("%20", " ") in names, link
    out = Path(tmp_path / "out")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(out)  # our own
    assert verifier.verify(out, trust=[desk.kit.signer.public_key()]).entries == report.entries
