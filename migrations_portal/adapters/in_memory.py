"""The ports in memory, for tests: they keep what they were given and fail on demand. They pass the contract tests."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from migrations_portal.adapters.in_memory_server import InMemoryDatabase, InMemoryServer
from migrations_portal.backups.archives import FULL, Archive, Member
from migrations_portal.backups.ports import (
    DumpFailed,
    ObjectFacts,
    RestoreFailed,
    StoredObject,
    VaultUnavailable,
)
from migrations_portal.notifications.ports import DeliveryFailed, Mail
from migrations_portal.targets.ports import (
    Credential,
    CredentialMissing,
    Endpoint,
    TargetUnreachable,
)

MAGIC = b"INMEM"


class InMemoryDumpTool:
    """Dumps and restores the databases of an `InMemoryServer`."""

    def __init__(self, server: InMemoryServer, *, version: int = 17) -> None:
        """Work on `server` as a client of `version`."""
        self._server = server
        self.version = version
        self.failure: DumpFailed | RestoreFailed | None = None
        """Raised by the next dump, at the end of its stream."""

    def client_version(self) -> int:
        """Return the version it was made with."""
        return self.version

    def dump(
        self,
        endpoint: Endpoint,
        *,
        snapshot: str | None = None,
        application_name: str = "wcops-dump",
        member: Member = FULL,
        on_table: Callable[[str], None] = lambda _name: None,
    ) -> AbstractContextManager[BinaryIO]:
        """Stream the database, or one archive of it, as JSON with a checksum in front."""
        del snapshot, application_name
        return self._dump(endpoint, member=member, on_table=on_table)

    def compression(self) -> str:
        """Return that nothing is compressed."""
        return "none"

    @contextmanager
    def _dump(
        self, endpoint: Endpoint, *, member: Member, on_table: Callable[[str], None]
    ) -> Iterator[BinaryIO]:
        held = _chosen(self._find(endpoint), member)
        for name in held.tables:
            on_table(name)
        stream = _Dump(_encode(held), failure=self.failure)
        self.failure = None
        yield stream
        if not stream.ended:
            raise DumpFailed(
                f"The dump of {endpoint.database} was not read to its end, so it is no backup."
            )

    def _find(self, endpoint: Endpoint) -> InMemoryDatabase:
        try:
            return self._server.find(endpoint)
        except TargetUnreachable as failure:
            raise DumpFailed(failure.sentence) from None

    def schema(self, endpoint: Endpoint) -> str:
        """Return the schema text."""
        return self._find(endpoint).schema

    def contents(self, stream: BinaryIO) -> int:
        """Decode the dump."""
        return len(_decode(stream.read()).schema)

    def restore(
        self,
        stream: BinaryIO,
        endpoint: Endpoint,
        *,
        keep_roles: bool = False,
        section: str = "",
        jobs: int = 1,
        values: str = "",
    ) -> None:
        """Fill the database at `endpoint`, which must be empty but for the sections restored before."""
        del keep_roles, jobs, values
        restored = _decode(stream.read())
        try:
            target = self._server.find(endpoint)
        except TargetUnreachable as failure:
            raise RestoreFailed(failure.sentence) from None
        if target.tables and not section:
            raise RestoreFailed(
                f"Restoring into {endpoint.database} failed: it is not empty. Restore into a new one."
            )
        if section in {"", "pre-data"}:
            target.schema, target.history = restored.schema, restored.history
        if section in {"", "data"}:
            target.tables |= restored.tables


def _chosen(database: InMemoryDatabase, member: Member) -> InMemoryDatabase:
    if member.archive is Archive.SCHEMA:
        return InMemoryDatabase({}, database.schema, database.history)
    tables = {
        name: rows
        for name, rows in database.tables.items()
        if (not member.only or name in member.only) and name not in member.without
    }
    return InMemoryDatabase(tables, database.schema, database.history)


class _Dump(io.BytesIO):
    """A stream that knows whether it was read to its end, and may fail there."""

    def __init__(self, data: bytes, *, failure: Exception | None) -> None:
        super().__init__(data)
        self._failure = failure
        self.ended = False

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        if not chunk or size is None or size < 0:
            if self._failure:
                raise self._failure
            self.ended = True
        return chunk


def _encode(database: InMemoryDatabase) -> bytes:
    body = json.dumps([database.tables, database.schema, database.history]).encode()
    return MAGIC + hashlib.sha256(body).digest() + body


def _decode(data: bytes) -> InMemoryDatabase:
    digest, body = data[len(MAGIC) : len(MAGIC) + 32], data[len(MAGIC) + 32 :]
    if not data.startswith(MAGIC) or hashlib.sha256(body).digest() != digest:
        raise RestoreFailed("Reading the backup failed: it is damaged or cut short. Take it again.")
    tables, schema, history = json.loads(body)
    return InMemoryDatabase(tables, schema, history)


@dataclass
class _Kept:
    data: bytes
    retain_until: datetime


class InMemoryVault:
    """Keeps objects by key and version."""

    def __init__(self, bucket: str = "white-cross-backups") -> None:
        """Begin empty."""
        self.bucket = bucket
        self.objects: dict[tuple[str, str], _Kept] = {}
        self.unavailable = ""
        """A sentence makes every call fail with it."""
        self.encryption, self.lock_mode = "AES256", "COMPLIANCE"

    def check(self) -> None:
        """Raise `VaultUnavailable` when told to."""
        if self.unavailable:
            raise VaultUnavailable(self.unavailable)

    def put(
        self,
        key: str,
        stream: BinaryIO,
        *,
        retain_until: datetime,
        on_bytes: Callable[[int], None] = lambda _size: None,
    ) -> StoredObject:
        """Keep the bytes; nothing when the stream fails."""
        self.check()
        chunks: list[bytes] = []
        while chunk := stream.read(64 * 1024):
            chunks.append(chunk)
            on_bytes(sum(map(len, chunks)))
        data = b"".join(chunks)
        version = f"v{len(self.objects) + 1}"
        self.objects[key, version] = _Kept(data, retain_until)
        return StoredObject(self.bucket, key, version, len(data), hashlib.sha256(data).hexdigest())

    def open(self, stored: StoredObject) -> AbstractContextManager[BinaryIO]:
        """Stream the bytes back."""
        return self._open(stored)

    @contextmanager
    def _open(self, stored: StoredObject) -> Iterator[BinaryIO]:
        yield io.BytesIO(self._find(stored).data)

    def describe(self, stored: StoredObject) -> ObjectFacts:
        """Say what is kept."""
        kept = self._find(stored)
        return ObjectFacts(len(kept.data), self.encryption, self.lock_mode, kept.retain_until)

    def abort_unfinished(self, prefix: str) -> int:
        """Say that nothing is unfinished: an object is kept whole or not at all."""
        del prefix
        return 0

    def damage(self, stored: StoredObject, data: bytes) -> None:
        """Put other bytes in the place of an object, as a broken disk would."""
        self._find(stored).data = data

    def _find(self, stored: StoredObject) -> _Kept:
        self.check()
        try:
            return self.objects[stored.key, stored.version_id]
        except KeyError:
            raise VaultUnavailable(
                f"{stored.location} is not there. Take the backup again."
            ) from None


class InMemoryMailer:
    """Keeps the mails."""

    def __init__(self) -> None:
        """Begin with an empty outbox."""
        self.sent: list[Mail] = []
        self.failures: list[DeliveryFailed] = []
        """Raised by the next sends, in order."""

    def send(self, mail: Mail) -> None:
        """Keep the mail, or fail as told."""
        if self.failures:
            raise self.failures.pop(0)
        if any(mark in text for text in (mail.to, mail.subject) for mark in "\r\n"):
            raise DeliveryFailed(
                "The mail has a line break in a header, so it was not sent.", permanent=True
            )
        self.sent.append(mail)


class InMemoryChat:
    """Keeps the posts."""

    def __init__(self) -> None:
        """Begin silent."""
        self.posts: list[str] = []
        self.failures: list[DeliveryFailed] = []
        """Raised by the next posts, in order."""

    def post(self, text: str) -> None:
        """Keep the text, or fail as told."""
        if self.failures:
            raise self.failures.pop(0)
        self.posts.append(text)


class InMemoryCredentials:
    """Credentials out of a dictionary."""

    def __init__(self, credentials: Mapping[str, Credential]) -> None:
        """Hand out `credentials`."""
        self._credentials = credentials

    def fetch(self, name: str) -> Credential:
        """Return the credential."""
        try:
            return self._credentials[name]
        except KeyError:
            raise CredentialMissing(f"No credential {name} is stored.") from None
