"""What compliance officers look at, as a browser shows it, and the files they take away: opened where there is no portal."""

import os
import shutil
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.compliance import services as compliance
from migrations_portal.compliance.rules import ExportForm
from migrations_portal.execution.models import MigrationRun
from tests.acceptance.test_chain_screens import SIZES, URL, beside_playwright, look, visit  # noqa: F401  # fixtures
from tests.factories.plans import submitted
from tests.ledger_kit import Desk
from tests.unit.web.conftest import chromium  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = {
    "ledger": "/audit/",
    "ledger-exports": "/audit/exports/",
    "compliance": "/compliance/",
    "log-reviews": "/compliance/reviews/",
    "dpia": "/plans/{plan}/dpia/",
}


@pytest.fixture
def plan(cast, production):
    """A plan on PHI that was submitted, and its run, which ended with its query log on."""
    now = timezone.now()
    plan = submitted(by=cast["ana"], target=production, level="HIGH", phi=True)
    ended = now - timedelta(minutes=5)
    run = MigrationRun.objects.create(
        plan=plan,
        revision=plan.revisions.get(),
        target=production,
        status="SUCCEEDED",
        outcome="APPLIED",
        due_at=ended,
        created_at=ended,
        claimed_at=ended,
        lease_until=ended,
        fence=1,
        finished_at=ended,
    )
    run.steps.create(
        key="health-before",
        title="Health check before",
        position=1,
        status="OK",
        started_at=ended,
        finished_at=ended,
        exit_code=0,
        facts={"query_log": {"on": True, "by": "log_statement"}, "encrypted": True},
    )
    compliance.open_reviews(now=now)
    return plan


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_the_pages_of_compliance_look_right(visit, plan, name, size):  # noqa: F811
    page = visit("cleo", PAGES[name].format(plan=plan.pk), size)

    look(page, name, size)


@pytest.mark.parametrize("size", SIZES)
def test_the_evidence_pack_opens_offline(chromium, cast, plan, tmp_path, size):  # noqa: F811
    pack = tmp_path / "evidence.zip"
    pack.write_bytes(
        Desk(cast["cleo"]).made(ExportForm.EVIDENCE, plan=plan, wanted=LedgerFilter(plan=plan.pk))
    )
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path / "pack")  # our own
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, offline=True)
    page = context.new_page()
    page.goto((tmp_path / "pack" / "index.html").as_uri())

    assert plan.number in page.title() + page.inner_text("body")
    look(page, "evidence-pack", size)
    context.close()


@pytest.mark.skipif(
    not (shutil.which("soffice") and shutil.which("pdftoppm")),
    reason="LibreOffice or poppler-utils is not installed",
)
@pytest.mark.parametrize("form", [ExportForm.CSV, ExportForm.PDF])
def test_a_file_is_readable_on_paper(cast, plan, tmp_path, form):
    file = tmp_path / f"ledger-{form.suffix}.{form.suffix}"
    file.write_bytes(Desk(cast["cleo"]).made(form))
    if form is ExportForm.CSV:
        home = f"-env:UserInstallation=file://{tmp_path}/profile"
        tool("soffice", home, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, file)
    folder = Path(os.environ.get("WCO_SCREENSHOTS", tmp_path))

    tool(
        "pdftoppm", "-png", "-r", "70", "-singlefile", file.with_suffix(".pdf"), folder / file.stem
    )

    assert (folder / f"{file.stem}.png").read_bytes().startswith(b"\x89PNG")


def tool(name, *arguments):
    command = [str(shutil.which(name)), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
