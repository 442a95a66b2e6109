"""The ledger's tasks with the real store, the real key and a bucket of their own."""

import io
import zipfile
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from migrations_portal import wiring
from migrations_portal.audit import services, verifier
from migrations_portal.audit.models import Checkpoint, Entry, Freeze, LedgerCheck
from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.compliance import exports
from migrations_portal.compliance.models import Export
from migrations_portal.compliance.rules import ExportForm
from migrations_portal.tasks import compliance, ledger


def write(count: int) -> None:
    for number in range(count):
        services.append(
            Draft(kind=EntryKind.PLAN_CREATED, actor=PORTAL, sentence=f"No. {number}", target="production")
        )  # fmt: skip


def test_the_clock_signs_and_keeps_and_signs_no_second_time_at_once(bucket):
    write(3)

    ledger.checkpoint()
    ledger.checkpoint()

    row = Checkpoint.objects.get()
    assert (row.seq, row.problem) == (3, "")
    assert row.stored_at is not None
    (kept,) = wiring.checkpoint_store().read([1])
    assert (kept.content, kept.version_id) == (row.content.encode(), row.version_id)
    assert not Freeze.objects.exists()


def test_a_database_that_is_an_older_copy_holds_all_runs(bucket, cast):
    write(3)
    ledger.checkpoint()
    wiring.checkpoint_store().keep(2, b"{}", retain_until=wiring.clock() + timedelta(days=1))

    ledger.checkpoint()

    assert "older copy" in Freeze.objects.get().sentence
    assert Entry.objects.filter(kind="LEDGER_FROZEN").count() == 1


def test_the_checks_of_the_clock_are_carried_out(bucket):
    write(3)
    ledger.checkpoint()
    ledger.check_whole()
    write(2)
    ledger.check_since()

    whole, since = LedgerCheck.objects.order_by("pk")
    assert (whole.intact, whole.last_seq, whole.rows_done) == (True, 3, 3)
    assert (since.intact, since.last_seq, since.rows_done) == (True, 5, 2)


def test_the_command_says_whether_the_ledger_holds(bucket, capsys):
    write(4)
    ledger.checkpoint()

    call_command("verify_ledger")

    assert capsys.readouterr().out.startswith("HOLDS: 4 entries to 4; signed checkpoints reach 4.")
    wiring.checkpoint_store().keep(2, b"{}", retain_until=wiring.clock() + timedelta(days=1))
    with pytest.raises(CommandError, match="HARM"):
        call_command("verify_ledger")


def test_a_worker_makes_what_cleo_asked_for_and_she_fetches_it(bucket, cast, production, tmp_path):
    write(5)
    row = exports.ask(
        by=cast["cleo"], form=ExportForm.BUNDLE, targets=["production"], wanted=LedgerFilter(),
        purpose="Audit", now=wiring.clock(),
    )  # fmt: skip

    compliance.make_waiting()

    row.refresh_from_db()
    assert row.problem == ""
    client = Client()
    client.force_login(cast["cleo"], backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(f"/audit/exports/{row.pk}/file/")
    content = b"".join(answer)
    assert answer["Content-Disposition"] == f'attachment; filename="{row.name}"'
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    assert verifier.verify(path, trust=[wiring.ledger_signer().public_key()]).entries == 6
    assert "verify.py" in zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_the_command_exports_as_the_page_does(bucket, cast, production, tmp_path, capsys):
    write(2)

    call_command("export_audit", "CSV", str(tmp_path / "l.csv"), "--by", "cleo@whitecross.example", "--purpose", "Audit")  # fmt: skip

    assert (tmp_path / "l.csv").read_bytes().count(b"\r\n") == 4
    assert Export.objects.get().sha256 in capsys.readouterr().out
    with pytest.raises(CommandError, match="privacy and security officers"):
        call_command("export_audit", "CSV", str(tmp_path / "x"), "--by", "ana@whitecross.example", "--purpose", "Audit")  # fmt: skip


def test_the_monthly_report_is_put_in_line_once(bucket, cast, production):
    compliance.monthly()
    compliance.monthly()

    assert sorted(Export.objects.values_list("form", flat=True)) == ["CSV", "PDF"]
