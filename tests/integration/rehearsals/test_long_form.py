"""The spec's own numbers in real time: more than a minute, and a table locked for 20 s. WCO_SCREENSHOTS keeps pictures of the pages."""

import os
import shutil
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import sync_playwright

from tests.integration.rehearsals.files import sql
from tests.unit.web.samples.server import serving
from tools.story import FLAGS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.timeout(900),
]
LOCKS_20_SECONDS = (
    "await together(async (transaction) => {"
    " await run('ALTER TABLE students ADD COLUMN nickname text', {transaction});"
    " await run('SELECT pg_sleep(20)', {transaction}); });"
)
REST = sql("CREATE INDEX students_nickname ON students (nickname)") + sql("SELECT pg_sleep(42)")


def test_a_minute_and_a_lock_of_twenty_seconds(rehearsed, cast):
    row = rehearsed((LOCKS_20_SECONDS + REST, sql("ALTER TABLE students DROP COLUMN nickname")))

    assert row.status == "DONE", row.problem
    found = {each["key"]: each["title"] for each in row.result["findings"]}
    assert found["split"].startswith("The way up took 62.")
    assert found["window"].startswith("public.students is locked for 20.")
    assert all(each["passed"] for each in row.result["verdicts"])
    shots = os.environ.get("WCO_SCREENSHOTS")
    if shots:
        pictures(row, cast["dan"], folder=Path(shots))


def pictures(row, person, *, folder):
    browser = Client()
    browser.force_login(person)
    pages = {
        "rehearsal": browser.get(f"/rehearsals/{row.pk}/").content.decode(),
        "backup-proof": browser.get(f"/backups/{row.backup_id}/").content.decode(),
    }
    with serving(lambda path: pages.get(path.strip("/"))) as address, sync_playwright() as tool:
        chromium = tool.chromium.launch(
            executable_path=os.environ.get("WCO_CHROMIUM") or shutil.which("chromium"),
            args=FLAGS,
        )
        for width in (1280, 390):
            page = chromium.new_page(viewport={"width": width, "height": 844})
            for name in pages:
                page.goto(f"{address}/{name}")
                page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
        chromium.close()
