"""Backups in an S3 bucket with versions and Object Lock."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, BinaryIO, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from migrations_portal.adapters.s3_errors import unavailable
from migrations_portal.adapters.s3_upload import (
    READ_BYTES,
    UPLOADS_AT_ONCE,
    MultipartUpload,
    Patience,
    unheard,
)
from migrations_portal.backups.archives import MOST_LANES
from migrations_portal.backups.ports import ObjectFacts, StoredObject, VaultUnavailable
from migrations_portal.backups.rules import LARGEST_SKEW

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

CLOCK_SLACK = timedelta(seconds=1)
"""Stores keep the retention date to the second."""


class S3Vault:
    """A bucket. Does not decide where a backup lies or how long it is kept."""

    def __init__(
        self,
        bucket: str,
        *,
        access_key: str,
        secret_key: str,
        region: str = "us-east-1",
        endpoint_url: str | None = None,
        kms_key: str | None = None,
        patience: Patience = Patience(),  # noqa: B008  # frozen
    ) -> None:
        """Use `bucket`; encrypt with `kms_key` where given, else with the store's own key."""
        self._bucket = bucket
        self._patience = patience
        self._kms_key = kms_key
        self._client: S3Client = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name=region,
            config=Config(
                connect_timeout=5,
                read_timeout=patience.answer,
                retries={"mode": "standard", "max_attempts": patience.attempts},
                # Everything we put carries its SHA-256 in a header that is signed, and the store compares: to hash the bytes
                # a second time for the signature itself, as is done without TLS, would only take time.
                s3={"addressing_style": "path", "payload_signing_enabled": False},
                max_pool_connections=(UPLOADS_AT_ONCE + 1) * (MOST_LANES + 1),
            ),
        )

    @property
    def client(self) -> "S3Client":
        """The client, for what else lies in the bucket."""
        return self._client

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    def check(self) -> None:
        """Raise unless the bucket locks, keeps versions and can be written, and its clock is ours. Leaves nothing behind."""
        with self._sentences("checking the bucket"):
            self._check_lock()
            self._check_versions()
            key = "pre-migration/.check"
            begun = self._client.create_multipart_upload(Bucket=self._bucket, Key=key)
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=begun["UploadId"]
            )
            self._check_clock(begun["ResponseMetadata"]["HTTPHeaders"].get("date", ""))

    def _check_lock(self) -> None:
        try:
            lock = self._client.get_object_lock_configuration(Bucket=self._bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {
                "ObjectLockConfigurationNotFoundError",
                "NoSuchObjectLockConfiguration",
            }:
                raise
            locked = False
        else:
            locked = lock["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled"
        if not locked:
            raise VaultUnavailable(
                f"The bucket {self._bucket} has no Object Lock, so a backup in it could be deleted. "
                "Create a bucket with Object Lock, and let WCO_S3_BUCKET name it."
            )

    def _check_versions(self) -> None:
        if self._client.get_bucket_versioning(Bucket=self._bucket).get("Status") != "Enabled":
            raise VaultUnavailable(
                f"The bucket {self._bucket} keeps no versions, so a backup in it could be overwritten. Turn on versioning."
            )

    def _check_clock(self, said: str) -> None:
        """Retention is a date: with a wrong clock a backup would be kept too short, and signatures are refused."""
        if not said:
            return
        skew = datetime.now(UTC) - parsedate_to_datetime(said).astimezone(UTC)
        if abs(skew) > LARGEST_SKEW:
            word = "ahead of" if skew > timedelta() else "behind"
            raise VaultUnavailable(
                f"The clock of this machine is {abs(skew).total_seconds() / 60:.0f} minutes {word} the backup store's, so the date "
                "until which a backup must be kept would be wrong. Set the clock (NTP) and try again."
            )

    def put(
        self,
        key: str,
        stream: BinaryIO,
        *,
        retain_until: datetime,
        on_bytes: Callable[[int], None] = unheard,
    ) -> StoredObject:
        """Upload in parts while the stream is read; S3 checks the SHA-256 of each part.

        The upload is aborted when anything fails, also when the stream itself raises, so a broken dump never becomes
        an object. A part that does not arrive is sent again: an interruption of some minutes does not cost the dump.
        """
        with self._sentences(f"storing {key}"):
            upload_id = self._begin(key, retain_until=retain_until)
            upload = MultipartUpload(
                self._client,
                bucket=self._bucket,
                key=key,
                upload_id=upload_id,
                patience=self._patience,
                on_bytes=on_bytes,
            )
            try:
                upload.send(stream)
                version = upload.complete()
            except BaseException:
                upload.abort()
                raise
            self._lock(key, version=version, retain_until=retain_until)
        return StoredObject(
            self._bucket, key, version, upload.size, upload.sha256, tuple(upload.pieces)
        )

    def _begin(self, key: str, *, retain_until: datetime) -> str:
        if self._kms_key:
            begun = self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ChecksumAlgorithm="SHA256",
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=self._kms_key,
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=retain_until,
            )
        else:
            begun = self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                ChecksumAlgorithm="SHA256",
                ServerSideEncryption="AES256",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=retain_until,
            )
        return begun["UploadId"]

    def _lock(self, key: str, *, version: str, retain_until: datetime) -> None:
        """Some stores forget the lock that was asked for when the upload began; then it is set now."""
        mode, until = self._retention(key, version=version)
        if mode != "COMPLIANCE" or until is None or until < retain_until - CLOCK_SLACK:
            self._client.put_object_retention(
                Bucket=self._bucket,
                Key=key,
                VersionId=version,
                Retention={"Mode": "COMPLIANCE", "RetainUntilDate": retain_until},
            )

    def open(self, stored: StoredObject) -> AbstractContextManager[BinaryIO]:
        """Stream exactly the version that was stored; raise `VaultUnavailable`, also while it is read."""
        return self._open(stored)

    @contextmanager
    def _open(self, stored: StoredObject) -> Iterator[BinaryIO]:
        with self._sentences(f"reading {stored.key}"):
            body = self._client.get_object(
                Bucket=stored.bucket, Key=stored.key, VersionId=stored.version_id
            )["Body"]
        try:
            yield cast("BinaryIO", io.BufferedReader(_Body(body, stored), READ_BYTES))
        finally:
            body.close()

    def describe(self, stored: StoredObject) -> ObjectFacts:
        """Ask the store for size, encryption and lock of the stored version."""
        with self._sentences(f"describing {stored.key}"):
            head = self._head(stored)
            if not str(head.get("ServerSideEncryption", "")):
                head = self._head(stored)  # a connection that was cut among the headers looks so
            mode, until = self._retention(stored.key, version=stored.version_id)
        return ObjectFacts(
            size=head["ContentLength"],
            encryption=head.get("ServerSideEncryption", ""),
            lock_mode=mode,
            retain_until=until,
            versioned=head.get("VersionId", "null") != "null",
            kms_key=head.get("SSEKMSKeyId", ""),
            checksum=head.get("ChecksumSHA256", ""),
        )

    def _head(self, stored: StoredObject) -> "HeadObjectOutputTypeDef":
        return self._client.head_object(
            Bucket=stored.bucket,
            Key=stored.key,
            VersionId=stored.version_id,
            ChecksumMode="ENABLED",
        )

    def abort_unfinished(self, prefix: str) -> int:
        """End the uploads below `prefix` that nobody finished, and free their parts; return how many there were."""
        ended = 0
        with self._sentences(f"clearing up {prefix}"):
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for each in page.get("Uploads", []):
                    self._client.abort_multipart_upload(
                        Bucket=self._bucket, Key=each["Key"], UploadId=each["UploadId"]
                    )
                    ended += 1
        return ended

    def _retention(self, key: str, *, version: str) -> tuple[str, datetime | None]:
        try:
            found = self._client.get_object_retention(
                Bucket=self._bucket, Key=key, VersionId=version
            )["Retention"]
        except ClientError as error:
            if error.response["Error"]["Code"] in {
                "NoSuchObjectLockConfiguration",
                "InvalidRequest",
            }:
                return "", None
            raise
        until = found.get("RetainUntilDate")
        return found.get("Mode", ""), until.astimezone(UTC) if until else None

    @contextmanager
    def _sentences(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise unavailable(error, bucket=self._bucket, doing=doing) from error


class _Body(io.RawIOBase):
    """The bytes of an object; a connection that breaks off becomes `VaultUnavailable`, a short object too."""

    def __init__(self, body: "StreamingBody", stored: StoredObject) -> None:
        super().__init__()
        self._body, self._stored = body, stored

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        try:
            chunk: bytes = self._body.read(len(view))
        except BotoCoreError as error:
            raise unavailable(
                error, bucket=self._stored.bucket, doing=f"reading {self._stored.key}"
            ) from error
        view[: len(chunk)] = chunk
        return len(chunk)
