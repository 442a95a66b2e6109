"""A run whose backup is broken never begins to migrate: it says why, the target is as before, and a new try works."""

import os
import re
import uuid
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from migrations_portal import wiring
from migrations_portal.adapters.pg_dump import PgDumpTool
from migrations_portal.adapters.s3 import S3Vault
from migrations_portal.backups.models import Backup, RestoredCopy
from migrations_portal.execution.models import RunStep
from tests.factories.plans import scheduled_run
from tests.integration.backups.broken import Damaging, Proxy, cut, flipped
from tests.runs_kit import ADD_COLUMN, claimed, execute, story

pytestmark = pytest.mark.django_db(transaction=True)
LONG_FORM = pytest.mark.chaos
"""Only by `make chaos`: the same refusals are tested one floor below in every run."""


class Uncompressed(PgDumpTool):
    """pg_dump without compression: only a hash finds a changed letter."""

    def compression(self):
        """Compress nothing."""
        return "none"


def damaged(damage):
    return lambda tools: replace(tools, vault=Damaging(tools.vault, damage))


def uncompressed_and_flipped(tools):
    dump = Uncompressed(Path(os.environ["WCO_PG_BIN"]))
    return replace(tools, dump=dump, vault=Damaging(tools.vault, flipped(0.6)))


def vault(**change):
    facts = {
        "bucket": os.environ["WCO_S3_BUCKET"], "endpoint_url": os.environ["WCO_S3_ENDPOINT"],
        "access_key": os.environ["WCO_S3_ACCESS_KEY"], "secret_key": os.environ["WCO_S3_SECRET_KEY"],
    } | change  # fmt: skip
    return S3Vault(facts.pop("bucket"), **facts)


def wrong_key(tools):
    return replace(tools, vault=vault(secret_key="wrong"))  # that is the test


def without_object_lock(tools):
    name = f"wco-plain-{uuid.uuid4().hex[:12]}"
    boto3.client(
        "s3", endpoint_url=os.environ["WCO_S3_ENDPOINT"], region_name="us-east-1",
        aws_access_key_id=os.environ["WCO_S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["WCO_S3_SECRET_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    ).create_bucket(Bucket=name)  # fmt: skip
    return replace(tools, vault=vault(bucket=name))


def interrupted(tools):
    proxy = Proxy(close_after=60_000)
    return replace(tools, vault=proxy.vault(patience=1))


def clock_skew(tools):
    def long_ago(answer: bytes) -> bytes:
        head, mark, rest = answer.partition(b"\r\nDate: ")
        if not mark:
            return answer
        return head + b"\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT" + rest[rest.index(b"\r\n") :]

    return replace(tools, vault=Proxy(rewrite=long_ago).vault(patience=1))


def full_disk(tools):
    return replace(tools, free_bytes=lambda: 5_000_000)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            damaged(cut(0.2)), "Take it again|check the store", id="cut to 20 %", marks=LONG_FORM
        ),
        pytest.param(
            damaged(cut(0.5)), "Take it again|check the store", id="cut to 50 %", marks=LONG_FORM
        ),
        pytest.param(
            damaged(cut(0.9)), "Take it again|check the store", id="cut to 90 %", marks=LONG_FORM
        ),
        pytest.param(damaged(cut(0.99)), "Take it again|check the store", id="cut to 99 %"),
        pytest.param(
            damaged(flipped(0.6)),
            "Take it again|check the store|Look at the server",
            id="one bit flipped",
            marks=LONG_FORM,
        ),
        pytest.param(
            uncompressed_and_flipped,
            "Take it again|check the store|Look at the server",
            id="flipped, uncompressed",
        ),
        pytest.param(wrong_key, "WCO_S3_SECRET_KEY", id="wrong key"),
        pytest.param(without_object_lock, "Object Lock", id="no Object Lock"),
        pytest.param(interrupted, "try again|does not answer", id="upload interrupted"),
        pytest.param(clock_skew, "Set the clock", id="clock skew"),
        pytest.param(full_disk, "Make room there", id="disk full", marks=LONG_FORM),
    ],
)
def test_the_run_does_not_begin_to_migrate(school, cast, spoil, said):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    history, schema = school.history(), school.schema()

    execute(run, fence=claimed(run), tools=spoil(wiring.tools()))

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert re.search(said, run.problem), run.problem
    assert not RunStep.objects.filter(run=run, key__in=["status-before", "migrate"]).exists()
    assert not any(each.proven for each in Backup.objects.filter(run=run))
    assert not RestoredCopy.objects.filter(dropped_at=None).exists()
    assert (school.history(), school.schema()) == (history, schema)


def test_after_a_broken_backup_the_next_try_works(school, cast):
    broken = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    execute(broken, fence=claimed(broken), tools=damaged(cut(0.5))(wiring.tools()))
    broken.refresh_from_db()
    assert broken.status == "FAILED", story(broken)

    again = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN, minutes=2)
    execute(again, fence=claimed(again))

    again.refresh_from_db()
    assert again.status == "SUCCEEDED", story(again)
