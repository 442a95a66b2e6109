"""Every broken backup is refused with a sentence that says what to do; nothing is left, and trying again works."""

import os
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from migrations_portal.adapters.pg_dump import PgDumpTool
from migrations_portal.adapters.s3 import S3Vault
from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import RestoreFailed, VaultUnavailable
from migrations_portal.backups.rules import BackupNotProven
from tests.integration.backups.broken import Damaging, Proxy, cut, flipped

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = (BackupNotProven, RestoreFailed)


class Uncompressed(PgDumpTool):
    """pg_dump without compression: only a hash finds a changed letter."""

    def compression(self):
        """Compress nothing."""
        return "none"


def client():
    return boto3.client(
        "s3", endpoint_url=os.environ["WCO_S3_ENDPOINT"], region_name="us-east-1",
        aws_access_key_id=os.environ["WCO_S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["WCO_S3_SECRET_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip


def refused(small, backup, tools, said):
    with pytest.raises((*REFUSED, VaultUnavailable), match=said) as failure:
        small.prove(backup, tools=tools)
    row = Backup.objects.get(pk=backup.pk)
    assert row.status == "REFUSED"
    assert row.problem == failure.value.sentence
    assert not row.proven
    assert small.left_behind() == 0


def retry_works(small):
    again = small.take()
    small.prove(again)
    assert Backup.objects.get(pk=again.pk).proven


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_backup_that_is_cut_short_is_refused(small, share):
    backup = small.take()

    refused(
        small, backup, replace(small.tools, vault=Damaging(small.tools.vault, cut(share))),
        "Take it again|check the store",
    )  # fmt: skip
    retry_works(small)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("compressed", [True, False])
def test_one_flipped_bit_is_refused(small, share, compressed):
    tools = small.tools if compressed else replace(small.tools, dump=Uncompressed(Path(os.environ["WCO_PG_BIN"])))  # fmt: skip
    backup = small.take(tools=tools)

    refused(
        small, backup, replace(tools, vault=Damaging(tools.vault, flipped(share))),
        "Take it again|check the store|Look at the server|differs",
    )  # fmt: skip


def test_a_missing_data_archive_is_refused(small):
    tools = small.divided()
    backup = small.take(tools=tools)
    backup.parts[1]["key"] += ".gone"
    backup.save()

    refused(small, backup, tools, "not there|no such")
    retry_works(small)


def test_an_object_that_is_shorter_than_what_was_sent_is_refused(small):
    backup = small.take()
    backup.parts[0]["size"] += 7
    backup.save()

    refused(small, backup, small.tools, "not the .* that were sent")


def test_an_upload_that_is_interrupted_for_a_moment_goes_on(small):
    proxy = Proxy(close_after=120_000)
    threading.Timer(2.0, proxy.reopen).start()
    try:
        backup = small.take(tools=replace(small.tools, vault=proxy.vault(patience=60)))
    finally:
        proxy.stop()

    small.prove(backup)
    assert Backup.objects.get(pk=backup.pk).proven


def test_an_upload_that_stays_interrupted_is_refused_and_leaves_no_parts(small):
    proxy = Proxy(close_after=120_000)
    try:
        with pytest.raises(VaultUnavailable, match=r"try again|does not answer"):
            small.take(tools=replace(small.tools, vault=proxy.vault(patience=1)))
    finally:
        proxy.stop()

    row = Backup.objects.get()
    assert row.status == "REFUSED"
    small.tools.vault.abort_unfinished(row.key)
    begun = client().list_multipart_uploads(Bucket=row.bucket, Prefix=row.key)
    assert not begun.get("Uploads")
    assert small.left_behind() == 0
    retry_works(small)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"secret_key": "wrong"}, "WCO_S3_SECRET_KEY"),
        ({"access_key": "nobody"}, "WCO_S3_ACCESS_KEY|may not|key"),
        ({"bucket": "wco-no-such-bucket"}, "WCO_S3_BUCKET"),
    ],
)
def test_a_store_that_does_not_let_us_in_is_refused_before_a_byte_is_dumped(small, change, said):
    facts = {
        "bucket": os.environ["WCO_S3_BUCKET"], "endpoint_url": os.environ["WCO_S3_ENDPOINT"],
        "access_key": os.environ["WCO_S3_ACCESS_KEY"], "secret_key": os.environ["WCO_S3_SECRET_KEY"],
    } | change  # fmt: skip
    vault = S3Vault(facts.pop("bucket"), **facts)

    with pytest.raises(VaultUnavailable, match=said):
        vault.check()
    with pytest.raises(VaultUnavailable):
        small.take(tools=replace(small.tools, vault=vault))
    assert small.left_behind() == 0


def test_a_bucket_without_object_lock_is_refused_by_check_and_by_proof(small):
    name = f"wco-plain-{uuid.uuid4().hex[:12]}"
    client().create_bucket(Bucket=name)
    vault = S3Vault(
        name, endpoint_url=os.environ["WCO_S3_ENDPOINT"],
        access_key=os.environ["WCO_S3_ACCESS_KEY"], secret_key=os.environ["WCO_S3_SECRET_KEY"],
    )  # fmt: skip

    with pytest.raises(VaultUnavailable, match="no Object Lock"):
        vault.check()
    with pytest.raises((BackupNotProven, VaultUnavailable)):
        small.take(tools=replace(small.tools, vault=vault))
    assert Backup.objects.get().status == "REFUSED"


def test_a_clock_that_is_an_hour_off_is_refused(small):
    def an_hour_ago(answer: bytes) -> bytes:
        head, mark, rest = answer.partition(b"\r\nDate: ")
        if not mark:
            return answer
        return head + b"\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT" + rest[rest.index(b"\r\n") :]

    proxy = Proxy(rewrite=an_hour_ago)
    try:
        with pytest.raises(VaultUnavailable, match="Set the clock"):
            proxy.vault(patience=1).check()
    finally:
        proxy.stop()


def test_a_full_disk_on_the_staging_server_is_told(small, tmp_path):
    backup = small.take()
    tool = tmp_path / "pg_restore"
    tool.write_text(
        "#!/bin/sh\ncat > /dev/null\n"
        "echo 'pg_restore: error: could not execute query: ERROR:  could not extend file"
        ' "base/1/2": No space left on device\' >&2\nexit 1\n'
    )
    tool.chmod(0o755)
    full = PgDumpTool(tmp_path)

    refused(small, backup, replace(small.tools, dump=full), "A disk is full. Make room")
    retry_works(small)
