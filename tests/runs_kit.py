"""What tests of runs need: migrations written on the spot, a run on a thread of its own, waiting for what must happen."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from migrations_portal import wiring
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.execution import services as execution
from migrations_portal.execution.models import MigrationRun
from migrations_portal.notifications.models import Notice
from migrations_portal.runbooks import standard
from migrations_portal.runbooks.tools import Tools
from tests.customer import URL
from tests.driver_kit import migration


class Fallen(Exception):
    """Stands for the end of a worker: no code of ours catches it."""


def fall() -> None:
    raise Fallen


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Written:
    """A Sequelize file with the check that its plan carries; stands in for one of the customer's examples."""

    up: str
    down: str = ""
    name: str = "20260101000000-written-for-a-test.js"
    question: str = "Does the target answer?"
    query: str = "SELECT 1"
    expected: int = 1

    @property
    def content(self) -> bytes:
        return migration(self.name, self.up, self.down).content


ADD_COLUMN = Written(
    up='await run(\'ALTER TABLE "students" ADD COLUMN "nickname" text\');',
    down='await run(\'ALTER TABLE "students" DROP COLUMN "nickname"\');',
)
SLEEP = Written(up="await run('SELECT pg_sleep(60)');")


def claimed(run: MigrationRun) -> int:
    fence = execution.claim(run_id=run.pk, worker="tests", now=now(), public_url=URL)
    assert fence is not None
    return fence


def execute(run: MigrationRun, *, fence: int, tools: Tools | None = None) -> None:
    standard.execute(
        run_id=run.pk, fence=fence, tools=tools or wiring.tools(), clock=now, public_url=URL
    )


@contextlib.contextmanager
def on_a_thread(work: Callable[[], None]) -> Iterator[threading.Thread]:
    """Do the work beside the test, with a database connection of its own, and wait for its end."""

    def body() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=body, name="run under test")
    thread.start()
    try:
        yield thread
    finally:
        thread.join(timeout=90)
        assert not thread.is_alive()


def until(what: Callable[[], object], *, seconds: float = 30) -> float:
    """Wait until `what` is true; return the seconds it took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.05)
    return time.monotonic() - began


def story(run: MigrationRun) -> str:
    lines = "\n".join(line.text for line in run.lines.order_by("seq"))
    return f"{run.status} {run.outcome} {run.problem}\n{lines}"


def unfinished_uploads(prefix: str) -> list[str]:
    """Return the keys below `prefix` in the vault whose upload was begun and neither ended nor given up."""
    begun = wiring.vault().client.list_multipart_uploads(
        Bucket=os.environ["WCO_S3_BUCKET"], Prefix=prefix
    )
    return [each["Key"] for each in begun.get("Uploads", [])]


def told(run: MigrationRun) -> tuple[str, str, set[str]]:
    """Return how a run ended in the spec's record, in the ledger, and by which of the mails that say that it is over."""
    record = ledger.body(Entry.objects.filter(kind="MIGRATION_RECORD").order_by("pk").last())
    ended = ledger.body(Entry.objects.filter(kind="RUN_FINISHED").order_by("pk").last())
    word = record["record"]["status"]
    assert word.replace("_", " ") in ended["what"], ended["what"]
    sent = Notice.objects.filter(plan_id=run.plan_id, dedup_key__contains=f"-{run.pk}-{run.fence}:")
    over = {"run_succeeded", "run_kept", "run_marked"}
    return word, ended["result"], over & set(sent.values_list("template", flat=True))
