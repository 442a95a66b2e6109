"""What every store of checkpoints promises, on a real S3 server and in memory."""

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from migrations_portal.adapters.in_memory_ledger import InMemoryCheckpointStore
from migrations_portal.adapters.s3 import S3Vault
from migrations_portal.adapters.s3_checkpoints import S3CheckpointStore
from migrations_portal.audit.ports import CheckpointStore, CheckpointStoreUnavailable

UNTIL = datetime.now(UTC) + timedelta(days=2557)


BUCKET = os.environ["WCO_S3_BUCKET"]


def vault(endpoint: str = "") -> S3Vault:
    return S3Vault(
        BUCKET,
        endpoint_url=endpoint or os.environ["WCO_S3_ENDPOINT"],
        access_key=os.environ["WCO_S3_ACCESS_KEY"],
        secret_key=os.environ["WCO_S3_SECRET_KEY"],
    )


def s3() -> S3CheckpointStore:
    return S3CheckpointStore(vault().client, bucket=BUCKET)


@pytest.fixture(params=[s3, InMemoryCheckpointStore], ids=["s3", "memory"])
def store(request: pytest.FixtureRequest) -> CheckpointStore:
    make: Callable[[], CheckpointStore] = request.param
    return make()


@pytest.fixture
def first() -> int:
    """A number that no other test uses."""
    return random.randrange(10**9, 10**11) * 10


def test_what_is_kept_is_read_back_in_order(store, first):
    for number in (first, first + 1, first + 2):
        store.keep(number, f"line {number}".encode(), retain_until=UNTIL)

    kept = store.read([first + 2, first, first + 7])

    assert [(each.number, each.content) for each in kept] == [
        (first + 2, f"line {first + 2}".encode()),
        (first, f"line {first}".encode()),
    ]
    assert all(
        each.retain_until and each.retain_until >= UNTIL - timedelta(seconds=1) for each in kept
    )


def test_the_newest_is_found(store, first):
    store.keep(first, b"x", retain_until=UNTIL)

    assert store.newest(after=first - 1) >= first
    assert store.newest(after=10**12 - 1) == 10**12 - 1


def test_the_first_version_counts_whatever_is_written_later(store, first):
    kept = store.keep(first, b"the truth", retain_until=UNTIL)
    store.keep(first, b"a lie", retain_until=UNTIL)

    (read,) = store.read([first])

    assert (read.content, read.version_id) == (b"the truth", kept)


def test_nobody_can_delete_a_version_before_its_time(first):
    store = s3()
    version = store.keep(first, b"x", retain_until=UNTIL)

    with pytest.raises(ClientError):
        vault().client.delete_object(
            Bucket=BUCKET,
            Key=f"ledger/checkpoints/{first:012d}.json",
            VersionId=version,
            BypassGovernanceRetention=True,
        )

    assert store.read([first])[0].content == b"x"


def test_a_store_that_is_away_is_said_with_what_to_do(first):
    store = S3CheckpointStore(vault("http://127.0.0.1:9").client, bucket=BUCKET)

    with pytest.raises(CheckpointStoreUnavailable, match="WCO_S3_ENDPOINT"):
        store.keep(first, b"x", retain_until=UNTIL)
    with pytest.raises(CheckpointStoreUnavailable, match="does not answer"):
        store.newest()
