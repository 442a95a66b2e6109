"""The ledger's checkpoints in an S3 bucket with versions and Object Lock. What counts is the first version under a number."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from migrations_portal.adapters.s3_errors import unavailable
from migrations_portal.audit.ports import CheckpointStoreUnavailable, KeptCheckpoint

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PREFIX = "ledger/checkpoints/"
READS_AT_ONCE = 8


class S3CheckpointStore:
    """A folder of the bucket. Object Lock keeps each version; a later one under the same number is not looked at."""

    def __init__(self, client: "S3Client", *, bucket: str) -> None:
        """Use the bucket through this client."""
        self._client, self._bucket = client, bucket

    def keep(self, number: int, content: bytes, *, retain_until: datetime) -> str:
        """Write, lock in compliance mode and read the lock back; return the version id."""
        key = _key(number)
        with self._sentences(f"keeping the ledger's checkpoint {number}"):
            version = self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=retain_until,
            )["VersionId"]
            lock = self._client.get_object_retention(
                Bucket=self._bucket, Key=key, VersionId=version
            )["Retention"]
        if lock.get("Mode") != "COMPLIANCE":
            raise CheckpointStoreUnavailable(
                f"The bucket {self._bucket} did not lock the ledger's checkpoint {number}. It needs Object Lock."
            )
        return version

    def newest(self, *, after: int = 0) -> int:
        """Return the highest number in the folder."""
        found = after
        with self._sentences("listing the ledger's checkpoints"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=PREFIX, StartAfter=_key(after)
            )
            for page in pages:
                for each in page.get("Contents", []):
                    found = max(found, _number(each["Key"]))
        return found

    def read(self, numbers: Iterable[int]) -> list[KeptCheckpoint]:
        """Return the first version of each, several at once."""
        with ThreadPoolExecutor(max_workers=READS_AT_ONCE) as pool:
            return [each for each in pool.map(self._first_version, numbers) if each is not None]

    def _first_version(self, number: int) -> KeptCheckpoint | None:
        with self._sentences(f"reading the ledger's checkpoint {number}"):
            listed = self._client.list_object_versions(Bucket=self._bucket, Prefix=_key(number))
            versions = [each for each in listed.get("Versions", []) if each["Key"] == _key(number)][
                ::-1
            ]
            if not versions:
                return None
            first = min(versions, key=lambda each: each["LastModified"])["VersionId"]
            answer = self._client.get_object(Bucket=self._bucket, Key=_key(number), VersionId=first)
            return KeptCheckpoint(
                number, answer["Body"].read(), first, answer.get("ObjectLockRetainUntilDate")
            )

    @contextmanager
    def _sentences(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            said = unavailable(error, bucket=self._bucket, doing=doing)
            raise CheckpointStoreUnavailable(said.sentence) from error


def _key(number: int) -> str:
    return f"{PREFIX}{number:012d}.json"


def _number(key: str) -> int:
    name = key.removeprefix(PREFIX).removesuffix(".json")
    return int(name) if name.isdecimal() else 0
