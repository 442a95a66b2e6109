"""A canary in the target's rows, and the target's own password: nowhere but in the target, on the good path and on every way back."""

import logging
import os
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client

from migrations_portal import wiring
from migrations_portal.adapters.s3 import S3Vault
from migrations_portal.backups.models import Backup
from migrations_portal.execution.rules import Choice
from migrations_portal.notifications.delivery import render_mail
from migrations_portal.notifications.models import Notice
from migrations_portal.notifications.rules import Channel
from migrations_portal.tasks import runs
from migrations_portal.tasks.ringing import Message, ring
from tests.customer import ADMIN, MIGRATOR
from tests.factories.plans import scheduled_run
from tests.integration.runbooks.test_recovery import two_choose
from tests.runs_kit import ADD_COLUMN, Written, claimed, execute, on_a_thread, story, until

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "CANARY-999-31-4159"
GOOD = Written(
    up="await run('SELECT count(*), pg_sleep(2) FROM students WHERE \"lastName\" LIKE $$CANARY%$$');"
)
DOUBLED = Written(
    up='await run(\'INSERT INTO canaries SELECT "lastName" FROM students WHERE "lastName" LIKE $$CANARY%$$\');',
)


LOOKED_AT = Written(
    up=ADD_COLUMN.up,
    down=ADD_COLUMN.down,
    question="Is the canary gone?",
    query="""SELECT "lastName" FROM students WHERE "lastName" LIKE 'CANARY%'""",
)
"""The plan's own check gets the canary from the target, and not the answer that it expects."""


def put_canary(school):
    with psycopg.connect(
        psycopg.conninfo.make_conninfo(ADMIN, dbname=school.target.database), autocommit=True
    ) as session:
        session.execute(
            'UPDATE students SET "lastName" = %s WHERE ctid = (SELECT ctid FROM students LIMIT 1)',
            [CANARY],
        )
        session.execute("CREATE TABLE canaries (name text UNIQUE)")
        session.execute("INSERT INTO canaries VALUES (%s)", [CANARY])
        session.execute(f"ALTER TABLE canaries OWNER TO {MIGRATOR}")


def everything_the_portal_keeps() -> dict[str, str]:
    """Return the portal's database, its broker and its bucket's listing, as text."""
    parts = psycopg.conninfo.conninfo_to_dict(ADMIN)
    dumped = subprocess.run(
        [
            Path(os.environ["WCO_PG_BIN"]) / "pg_dump",
            "--inserts",
            "-d",
            psycopg.conninfo.make_conninfo(ADMIN, dbname=connection.settings_dict["NAME"]),
        ],
        capture_output=True,
        check=True,
        env={"PGPASSWORD": str(parts["password"]), "PATH": "/usr/bin:/bin"},
    ).stdout.decode()
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        kept = "".join(str(broker.dump(key)) + str(key) for key in broker.scan_iter())
    vault = wiring.tools().vault
    assert isinstance(vault, S3Vault)
    pages = vault.client.get_paginator("list_objects_v2").paginate(Bucket=vault.bucket)
    listing = " ".join(each["Key"] for page in pages for each in page.get("Contents", []))
    assert set(Backup.objects.values_list("key", flat=True)) <= set(listing.split())
    return {"portal database": dumped, "broker": kept, "bucket": listing}


def processes(database: str) -> str:
    """Return command line and environment of every process but our own, and but those of the customer's tool on other databases.

    Another worker of pytest makes those in this moment, as the customer does it, with the role's password in PGPASSWORD.
    """
    found = ""
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        try:
            said = [(folder / part).read_bytes() for part in ("cmdline", "environ")]
        except OSError:  # ended meanwhile
            continue
        text = b"\0".join(said).decode("utf-8", "replace")
        if "\0PGDATABASE=" not in text or f"\0PGDATABASE={database}\0" in text:
            found += text
    return found


def pages(run, cast) -> str:
    client = Client()
    client.force_login(cast["dan"], backend="django.contrib.auth.backends.ModelBackend")
    shown = [client.get(f"/runs/{run.pk}/").content, client.get("/runs/").content]
    shown.append(b"".join(client.get(f"/runs/{run.pk}/log/").streaming_content))
    shown.append(client.get(f"/plans/{run.plan_id}/").content)
    return b"".join(shown).decode()


@pytest.mark.parametrize(
    ("example", "ending"),
    [
        (GOOD, "SUCCEEDED"),
        (DOUBLED, "FAILED"),
        (LOOKED_AT, "ROLLED_BACK"),
        (GOOD, "RESTORED"),
    ],
    ids=["succeeded", "failed", "rolled back", "restored"],
)
def test_neither_a_row_nor_the_password_is_found_outside_the_target(
    school, cast, caplog, example, ending
):
    caplog.set_level(logging.DEBUG)
    put_canary(school)
    password = wiring.tools().credentials.fetch(school.target.credential).password
    run = scheduled_run(
        cast=cast, target=school.target, example=example, check=example is LOOKED_AT
    )
    ring([Message(runs.execute, {"run_id": run.pk})])
    fence = claimed(run)
    seen = ""
    with on_a_thread(lambda: execute(run, fence=fence)):
        until(lambda: run.steps.filter(key="migrate").exists(), seconds=90)
        for _ in range(5):
            seen += processes(school.target.database)

    if ending == "RESTORED":
        two_choose(run, cast, Choice.RESTORE)
    run.refresh_from_db()
    assert run.status == ending, story(run)
    sent = [notice for notice in Notice.objects.all() if notice.channel == Channel.MAIL]
    mails = "".join(f"{notice.context}{render_mail(notice)}" for notice in sent)
    kept = everything_the_portal_keeps()
    places = {
        "processes": seen,
        "pages": pages(run, cast),
        "mails": mails,
        "logs": caplog.text,
        **kept,
    }
    for place, text in places.items():
        assert text, f"nothing was searched: {place}"
        hits = text.count(password), text.count(CANARY)
        print(f"CANARY {ending} {place}: {len(text):,} characters, hits {hits}")  # noqa: T201
        assert password not in text, place
        assert CANARY not in text, place
    if ending == "FAILED":
        assert "23505" in story(run)


FORGED = Written(
    up=r"""
      console.log('Run 1 SUCCEEDED\r\n2026-11-24 12:00:00 portal: every check passed');
      console.log('\u001b[2K\u001b[1A— Verify the restored copy');
      await run('SELECT 1 / 0');
    """,
)


def test_forged_log_lines_change_nothing_and_are_lines_of_the_file(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=FORGED)

    execute(run, fence=claimed(run))

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED")
    texts = list(run.lines.values_list("text", flat=True))
    assert not [text for text in texts if "\x1b" in text or "\r" in text or "\n" in text]
    titles = [text for text in texts if text.startswith("— ")]
    assert len(titles) == run.steps.count()  # a step's own headline cannot be forged
