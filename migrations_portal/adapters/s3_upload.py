"""One multipart upload of a stream whose length nobody knows, with bounded memory."""

import base64
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

logger = logging.getLogger(__name__)

PART_BYTES = 8 * 1024 * 1024
PARTS_OF_ONE_SIZE = 1_000
LARGEST_PART = 512 * 1024 * 1024
"""S3 takes 10,000 parts: sizes double each 1,000 parts, so 8 GB go in 8 MiB parts and 2.5 TB fit."""
UPLOADS_AT_ONCE = 2
"""While these are on their way, the next part is read: three parts in memory, 24 MiB."""
READ_BYTES = 1024 * 1024
PASSING = frozenset(
    {
        "SlowDown",
        "InternalError",
        "ServiceUnavailable",
        "RequestTimeout",
        "500",
        "502",
        "503",
        "504",
    }
)
"""S3's words for "try again"."""


@dataclass(frozen=True)
class Patience:
    """How long an interruption of the upload is waited out before the backup is given up. Seconds."""

    seconds: float = 300.0
    pause: float = 2.0
    answer: int = 30
    """For one answer of the store; a call whose answer does not come is made anew."""
    attempts: int = 3


def unheard(_size: int) -> None:
    """Listen to nothing."""


class MultipartUpload:
    """One multipart upload: hashes what passes, keeps at most `UPLOADS_AT_ONCE` parts on their way."""

    def __init__(
        self,
        client: "S3Client",
        *,
        bucket: str,
        key: str,
        upload_id: str,
        patience: Patience,
        on_bytes: Callable[[int], None],
    ) -> None:
        """Go on with the upload that was begun as `upload_id`; `on_bytes` hears how much was handed over so far."""
        self._client, self._bucket, self._key, self._id = client, bucket, key, upload_id
        self._patience, self._on_bytes = patience, on_bytes
        self._digests: dict[int, str] = {}
        self._sha = hashlib.sha256()
        self._parts: list[CompletedPartTypeDef] = []
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._sha.hexdigest()

    @property
    def pieces(self) -> list[str]:
        """The SHA-256 of every part, in order."""
        return [self._digests[number] for number in sorted(self._digests)]

    def send(self, stream: BinaryIO) -> None:
        on_the_way: set[Future[CompletedPartTypeDef]] = set()
        with ThreadPoolExecutor(UPLOADS_AT_ONCE, thread_name_prefix="s3-part") as pool:
            for number, part in enumerate(self._read_parts(stream), start=1):
                on_the_way.add(pool.submit(self._send_part, number, part))
                if len(on_the_way) == UPLOADS_AT_ONCE:
                    done, on_the_way = wait(on_the_way, return_when=FIRST_COMPLETED)
                    self._parts += [each.result() for each in done]
            self._parts += [each.result() for each in on_the_way]

    def _read_parts(self, stream: BinaryIO) -> Iterator[bytes]:
        """Yield full parts, then the rest; one empty part for an empty stream, as S3 wants at least one."""
        number = 0
        while True:
            number += 1
            wanted = part_size(number)
            part = _read_exactly(stream, wanted)
            if part or number == 1:
                self._sha.update(part)
                self.size += len(part)
                self._on_bytes(self.size)
                yield part
            if len(part) < wanted:
                return

    def _send_part(self, number: int, part: bytes) -> "CompletedPartTypeDef":
        """Send one part until it has arrived or the patience is over; S3 compares its SHA-256 with ours."""
        digest = hashlib.sha256(part).digest()
        deadline = time.monotonic() + self._patience.seconds
        while True:
            try:
                sent = self._client.upload_part(
                    Bucket=self._bucket,
                    Key=self._key,
                    UploadId=self._id,
                    PartNumber=number,
                    Body=part,
                    ChecksumSHA256=base64.b64encode(digest).decode(),
                )
            except (HTTPClientError, ClientError) as error:
                if not _passing(error) or time.monotonic() > deadline:
                    raise
                logger.warning("part %s of %s is sent again: %s", number, self._key, error)
                time.sleep(self._patience.pause)
            else:
                self._digests[number] = digest.hex()
                done: CompletedPartTypeDef = {"PartNumber": number, "ETag": sent["ETag"]}
                if "ChecksumSHA256" in sent:
                    done["ChecksumSHA256"] = sent["ChecksumSHA256"]
                return done

    def complete(self) -> str:
        done = self._client.complete_multipart_upload(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._id,
            MultipartUpload={
                "Parts": sorted(self._parts, key=lambda part: part.get("PartNumber", 0))
            },
        )
        return done.get("VersionId", "null")

    def abort(self) -> None:
        """Free the parts. When even that fails, the bucket's lifecycle rule frees them; the first failure is told."""
        try:
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=self._key, UploadId=self._id
            )
        except (BotoCoreError, ClientError):
            logger.warning(
                "the unfinished upload of %s could not be aborted", self._key, exc_info=True
            )


def _passing(error: HTTPClientError | ClientError) -> bool:
    """Say whether the same request may work in a moment: the network, or a store that says so."""
    if isinstance(error, HTTPClientError):
        return True
    return str(error.response.get("Error", {}).get("Code", "")) in PASSING


def part_size(number: int) -> int:
    """Return how many bytes part `number` (from 1) has."""
    return min(LARGEST_PART, PART_BYTES << (number - 1) // PARTS_OF_ONE_SIZE)


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end of the stream."""
    part = bytearray()
    while len(part) < size and (chunk := stream.read(min(READ_BYTES, size - len(part)))):
        part += chunk
    return bytes(part)
