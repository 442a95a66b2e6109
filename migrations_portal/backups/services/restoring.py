"""Restoring a backup into an empty database, every byte hashed on its way."""

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from migrations_portal.backups.archives import Archive
from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import RestoreFailed, StoredObject
from migrations_portal.backups.rules import BackupNotProven
from migrations_portal.backups.services.counting import quoted
from migrations_portal.backups.services.taking import BackupTools
from migrations_portal.targets.ports import Endpoint


class HashingReader:
    """Reads another stream and hashes what passes; `drain` reads what a consumer left."""

    def __init__(self, stream: BinaryIO) -> None:
        """Stand in front of `stream`."""
        self._stream = stream
        self._sha = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """Read like the stream itself."""
        chunk = self._stream.read(size)
        self._sha.update(chunk)
        self.size += len(chunk)
        return chunk

    def readable(self) -> bool:
        """Be a readable stream."""
        return True

    def drain(self) -> str:
        """Read to the end and return the SHA-256 of everything, as hex."""
        while self.read(1024 * 1024):
            pass
        return self._sha.hexdigest()


def stored(backup: Backup) -> StoredObject:
    """Return a backup of one archive as the vault knows it."""
    return StoredObject(backup.bucket, backup.key, backup.version_id, backup.size, backup.sha256)


def archives(backup: Backup) -> list[tuple[str, StoredObject]]:
    """Return every archive of a backup with its kind."""
    return [
        (
            part["archive"],
            StoredObject(
                backup.bucket, part["key"], part["version_id"], part["size"], part["sha256"]
            ),
        )
        for part in backup.parts
    ] or [(str(Archive.FULL), stored(backup))]


_QUICKEST = """
SELECT 1 AS there FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)
"""


def restore_into(
    backup: Backup,
    *,
    into: Endpoint,
    tools: BackupTools,
    keep_roles: bool = False,
    quick: bool = False,
) -> None:
    """Restore into the empty database of `into`, decoding every data block and comparing every archive's SHA-256.

    `quick` has large values compressed by lz4 where the server has it: the same rows for less of its time (a quarter of the
    whole where there is much text). A drill and a recovery are quick, so that the time of the one is that of the other; a
    rehearsal is not, as what it measures must lie as it lies in production.


    A backup of one archive is restored in one go. A divided one: the schema without indexes, then the rows of all data
    archives at once, then indexes and constraints in parallel, and last what is computed (materialized views).

    Raises `RestoreFailed`, `BackupNotProven`, `VaultUnavailable`.
    """
    if backup.provider != "dump":
        raise RestoreFailed(
            f"{backup.location} is a snapshot of a whole instance; restore it in RDS into a new instance, and let the target name it."
        )
    found = archives(backup)
    values = _quickest(into, tools=tools) if quick else ""
    more: dict[str, Any] = {"keep_roles": keep_roles, "values": values}
    if found[0][0] == Archive.FULL:
        with _hashed(found[0][1], tools=tools) as stream:
            tools.dump.restore(stream, into, **more)
        return
    with _hashed(found[0][1], tools=tools) as stream:
        schema = stream.read()
    tools.dump.restore(io.BytesIO(schema), into, section="pre-data", **more)
    with ThreadPoolExecutor(tools.lanes, thread_name_prefix="restore") as pool:
        lanes = [
            pool.submit(_restore_rows, each, into=into, tools=tools, more=more)
            for _, each in found[1:]
        ]
    for lane in lanes:
        lane.result()
    tools.dump.restore(io.BytesIO(schema), into, section="post-data", jobs=tools.lanes, **more)
    _compute(backup, into=into, tools=tools)


def _quickest(into: Endpoint, *, tools: BackupTools) -> str:
    """Return "lz4" where the server can have it as its sessions' compression: from PostgreSQL 14 on, if it was built with it."""
    with tools.server.session(into, application_name="wcops-restore") as session:
        return "lz4" if session.rows(_QUICKEST) else ""


def _compute(backup: Backup, *, into: Endpoint, tools: BackupTools) -> None:
    """Fill the materialized views that were filled; an archive of the schema says nothing of that."""
    with tools.server.session(
        into, application_name="wcops-restore", statement_timeout_ms=0
    ) as session:
        for schema, name in backup.facts.get("computed", []):
            session.rows(f"REFRESH MATERIALIZED VIEW {quoted(schema, name)}")


def _restore_rows(
    one: StoredObject, *, into: Endpoint, tools: BackupTools, more: dict[str, Any]
) -> None:
    with _hashed(one, tools=tools) as stream:
        tools.dump.restore(stream, into, section="data", **more)


@contextmanager
def _hashed(one: StoredObject, *, tools: BackupTools) -> Iterator[BinaryIO]:
    """Stream an archive, and compare its SHA-256 when the block ends well."""
    with tools.vault.open(one) as stream:
        reader = HashingReader(stream)
        yield cast("BinaryIO", reader)
        digest = reader.drain()
    if digest != one.sha256:
        raise BackupNotProven(
            f"{one.location} does not read back as it was written (SHA-256 {digest[:12]}… instead of "
            f"{one.sha256[:12]}…). Nothing was changed; check the store and run again."
        )
