"""What every Vault promises, on a real S3 server and in memory."""

import hashlib
import io
import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from migrations_portal.adapters.in_memory import InMemoryVault
from migrations_portal.adapters.s3 import S3Vault
from migrations_portal.backups.ports import StoredObject, Vault, VaultUnavailable

UNTIL = datetime.now(UTC) + timedelta(days=90)


def s3_vault(**changes: str) -> S3Vault:
    return S3Vault(
        changes.get("bucket", os.environ["WCO_S3_BUCKET"]),
        endpoint_url=changes.get("endpoint_url", os.environ["WCO_S3_ENDPOINT"]),
        access_key=changes.get("access_key", os.environ["WCO_S3_ACCESS_KEY"]),
        secret_key=changes.get("secret_key", os.environ["WCO_S3_SECRET_KEY"]),
    )


def client() -> Any:
    return boto3.client(
        "s3",
        endpoint_url=os.environ["WCO_S3_ENDPOINT"],
        aws_access_key_id=os.environ["WCO_S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["WCO_S3_SECRET_KEY"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )


class Pipe:
    """A stream that cannot seek and gives odd pieces; it may break at its end."""

    def __init__(self, data: bytes, *, failure: Exception | None = None) -> None:
        self._data, self._failure = io.BytesIO(data), failure

    def read(self, size: int = -1) -> bytes:
        chunk = self._data.read(min(size, 999_983) if size > 0 else size)
        if not chunk and self._failure:
            raise self._failure
        return chunk


def pipe(data: bytes, *, failure: Exception | None = None) -> BinaryIO:
    return cast("BinaryIO", Pipe(data, failure=failure))


def key() -> str:
    return f"pre-migration/2026/11/24/{uuid.uuid4().hex}.dump"


@pytest.fixture(params=["s3", "memory"])
def vault(request: pytest.FixtureRequest) -> Vault:
    return InMemoryVault() if request.param == "memory" else s3_vault()


@pytest.mark.parametrize("size", [1, 16 * 1024 * 1024, 40 * 1024 * 1024 + 7])
def test_what_is_stored_reads_back_byte_for_byte(vault: Vault, size: int) -> None:
    data = os.urandom(size)

    stored = vault.put(key(), pipe(data), retain_until=UNTIL)
    with vault.open(stored) as stream:
        back = stream.read()

    assert back == data
    assert (stored.size, stored.sha256) == (size, hashlib.sha256(data).hexdigest())


def test_the_vault_says_size_encryption_and_lock(vault: Vault) -> None:
    stored = vault.put(key(), pipe(b"x" * 1000), retain_until=UNTIL)

    facts = vault.describe(stored)

    assert (facts.size, facts.encryption, facts.lock_mode) == (1000, "AES256", "COMPLIANCE")
    assert facts.retain_until is not None
    assert abs(facts.retain_until - UNTIL) <= timedelta(seconds=1)


def test_a_healthy_vault_passes_its_check(vault: Vault) -> None:
    vault.check()


def test_an_object_that_is_not_there_is_told(vault: Vault) -> None:
    ghost = StoredObject(os.environ["WCO_S3_BUCKET"], key(), "no-such-version", 1, "0" * 64)

    with pytest.raises(VaultUnavailable):
        vault.describe(ghost)


def test_a_stream_that_breaks_stores_nothing() -> None:
    vault, name = s3_vault(), key()

    with pytest.raises(OSError, match="pg_dump died"):
        vault.put(
            name, pipe(b"x" * 20_000_000, failure=OSError("pg_dump died")), retain_until=UNTIL
        )

    found = client().list_object_versions(Bucket=os.environ["WCO_S3_BUCKET"], Prefix=name)
    begun = client().list_multipart_uploads(Bucket=os.environ["WCO_S3_BUCKET"], Prefix=name)
    assert "Versions" not in found
    assert not begun.get("Uploads")


def test_bytes_that_change_on_their_way_are_refused_by_the_store() -> None:
    """The signature covers the SHA-256 of a part, not its bytes: the store must compare the two."""
    vault, name = s3_vault(), key()

    def flip(request: Any, **_: Any) -> None:
        sent = request.body.read()
        request.body = io.BytesIO(bytes([sent[0] ^ 1]) + sent[1:])

    vault.client.meta.events.register("before-send.s3.UploadPart", flip)

    with pytest.raises(VaultUnavailable):
        vault.put(name, pipe(b"x" * 1_000_000), retain_until=UNTIL)

    found = client().list_object_versions(Bucket=os.environ["WCO_S3_BUCKET"], Prefix=name)
    assert "Versions" not in found


def test_a_stored_backup_cannot_be_deleted() -> None:
    stored = s3_vault().put(key(), pipe(b"x"), retain_until=UNTIL)

    with pytest.raises(ClientError):
        client().delete_object(Bucket=stored.bucket, Key=stored.key, VersionId=stored.version_id)


def test_a_bucket_without_object_lock_is_refused() -> None:
    name = f"wco-plain-{uuid.uuid4().hex[:12]}"
    client().create_bucket(Bucket=name)

    with pytest.raises(VaultUnavailable, match="no Object Lock"):
        s3_vault(bucket=name).check()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bucket": "wco-no-such-bucket"}, "WCO_S3_BUCKET"),
        ({"secret_key": "wrong-canary"}, "WCO_S3_SECRET_KEY"),
        ({"endpoint_url": "http://127.0.0.1:1"}, "WCO_S3_ENDPOINT"),
    ],
)
def test_what_is_wrong_with_the_store_is_named(change: dict[str, str], said: str) -> None:
    with pytest.raises(VaultUnavailable, match=said) as failure:
        s3_vault(**change).check()

    assert "canary" not in failure.value.sentence
