"""pg_dump and pg_restore as tools that stream; a dump is never on a disk here."""

import io
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from migrations_portal.adapters.pg_schema_text import NO_BOOKKEEPING, normalised
from migrations_portal.adapters.pg_tool_process import (
    PIPE_BYTES,
    ToolProcess,
    check_there,
    conninfo,
    private_folder,
    running,
)
from migrations_portal.adapters.pg_tool_words import sentence
from migrations_portal.backups.archives import FULL, Archive, Member
from migrations_portal.backups.ports import DumpFailed, DumpToolMissing, RestoreFailed
from migrations_portal.targets.ports import Endpoint

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LOCK_WAIT_MS = 10_000
"""pg_dump locks every table with ACCESS SHARE; if it cannot have that in time, it stops instead of queueing."""

FASTEST = ("zstd:1", "lz4")
"""In this order. Measured, one core, 298 MB of data: none 1.12 s, zstd:1 1.01 s and 53 MB, lz4 1.06 s and 110 MB, gzip:1
1.9 s and 75 MB, the spec's gzip 6 4.5 s and 69 MB."""
GZIP = "1"
"""`--compress` of clients before PostgreSQL 16, or built without the others."""

RESTORE_OPTIONS = "-c synchronous_commit=off -c maintenance_work_mem=256MB"
"""A database that is being restored is worth nothing until the last statement, so it need not wait for its disk."""

_NO_ROLES = ("--no-owner", "--no-privileges")
_NO_PLACES = ("--no-tablespaces", "--no-subscriptions")
"""A copy must not depend on the server's folders, and above all not subscribe to the live server."""
_CONTENTS = re.compile(r'dumping contents of table "(.+)"$')
"""What pg_dump says on stderr when the rows of a table begin (`--verbose`, `LC_ALL=C`)."""


def _unheard(_name: str) -> None:
    """Listen to nothing."""


class PgDumpTool:
    """The client tools in one folder. Does not keep what it reads."""

    def __init__(self, bin_dir: Path) -> None:
        """Use `pg_dump` and `pg_restore` of this folder."""
        self._pg_dump, self._pg_restore = bin_dir / "pg_dump", bin_dir / "pg_restore"
        self._compression = ""

    def client_version(self) -> int:
        """Return the major version of pg_dump."""
        check_there(self._pg_restore)
        with running([self._pg_dump, "--version"]) as process:
            said = process.stdout.read().decode()
            code = process.wait()
        found = re.search(r"\(PostgreSQL\) (\d+)", said)
        if code != 0 or not found:
            raise DumpToolMissing(
                f"{self._pg_dump} does not say its version. Install the PostgreSQL client tools again."
            )
        return int(found.group(1))

    def compression(self) -> str:
        """Return the fastest compression that this build of pg_dump has (asked once)."""
        if not self._compression:
            modern = FASTEST if self.client_version() >= 16 else ()  # noqa: PLR2004  # first with zstd and lz4
            self._compression = next((each for each in modern if self._has(each)), GZIP)
        return self._compression

    def _has(self, compression: str) -> bool:
        """pg_dump checks the compression before it connects; the connection must then fail."""
        nowhere = Endpoint("/nonexistent", 1, "none", "none", "")
        where = conninfo(nowhere, application_name="wcops-probe")
        with running(
            [self._pg_dump, "-Fc", f"--compress={compression}", "-d", where], endpoint=nowhere
        ) as process:
            process.stdout.read()
            process.wait()
            return "connection to server" in process.said

    def dump(
        self,
        endpoint: Endpoint,
        *,
        snapshot: str | None = None,
        application_name: str = "wcops-dump",
        member: Member = FULL,
        on_table: Callable[[str], None] = _unheard,
    ) -> AbstractContextManager[BinaryIO]:
        """Stream a dump, or one archive of it, in custom format; `on_table` hears each table when its rows begin.

        The stream itself raises `DumpFailed` at its end when pg_dump failed, so whoever stores it never takes a
        broken dump for a whole one.
        """
        command: list[str | Path] = [
            self._pg_dump,
            "--format=custom",
            "--verbose",
            f"--compress={self.compression()}",
            f"--lock-wait-timeout={LOCK_WAIT_MS}",
            "--no-password",
            *([f"--snapshot={snapshot}"] if snapshot else []),
            *_chosen(member),
            "--dbname",
            conninfo(endpoint, application_name=application_name),
        ]
        return self._dump(command, endpoint=endpoint, on_table=on_table)

    @contextmanager
    def _dump(
        self, command: list[str | Path], *, endpoint: Endpoint, on_table: Callable[[str], None]
    ) -> Iterator[BinaryIO]:
        def hear(line: str) -> None:
            if found := _CONTENTS.search(line):
                on_table(found[1])

        with running(command, endpoint=endpoint, on_line=hear) as process:
            stream = _DumpStream(process, subject=f"Dumping {endpoint.database}")
            yield io.BufferedReader(stream, PIPE_BYTES)
            if not stream.ended:
                raise DumpFailed(
                    f"The dump of {endpoint.database} was not read to its end, so it is no backup. Run the backup again."
                )

    def schema(self, endpoint: Endpoint) -> str:
        """Return the schema as normalised SQL text, without the history tables of migration tools."""
        command: list[str | Path] = [
            self._pg_dump,
            "--schema-only",
            *_NO_ROLES,
            *_NO_PLACES,
            *NO_BOOKKEEPING,
            "--no-security-labels",
            f"--lock-wait-timeout={LOCK_WAIT_MS}",
            "--no-password",
            "--dbname",
            conninfo(endpoint, application_name="wcops-schema"),
        ]
        with running(command, endpoint=endpoint) as process:
            text = process.stdout.read()
            code = process.wait()
            if code != 0:
                subject = f"Reading the schema of {endpoint.database}"
                raise DumpFailed(
                    sentence(tool="pg_dump", subject=subject, code=code, said=process.said)
                )
        return normalised(text.decode("utf-8"))

    def contents(self, stream: BinaryIO) -> int:
        """Turn the dump into SQL, which decodes every data block, and count the bytes; nothing is kept."""
        command: list[str | Path] = [self._pg_restore, "--file=-"]
        with running(command, stdin=subprocess.PIPE) as process:
            counter = _Counter(process.stdout)
            counter.start()
            try:
                _feed(process, stream, subject="Reading the backup")
            except BaseException:
                process.kill()  # or the counter would wait for a pipe that never ends
                raise
            finally:
                counter.join()
            return counter.total

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
        """Restore a dump, or one section of it, into the database of `endpoint`.

        A drill's copy belongs to us; a database that will go live keeps its owners and privileges (`keep_roles`).
        `values` is how large values are compressed, where the server shall not choose.
        Several jobs need a file that can be sought in: the archive, a schema, then lies in a private folder in memory.
        """
        command: list[str | Path] = [
            self._pg_restore,
            "--exit-on-error",
            # Grants on PostgreSQL's own functions belong to the server's superuser, not to the restored database.
            *(("--exclude-schema=pg_catalog",) if keep_roles else _NO_ROLES),
            *_NO_PLACES,
            *((f"--section={section}",) if section else ()),
            "--no-password",
            "--dbname",
            conninfo(endpoint, application_name="wcops-restore"),
        ]
        if jobs > 1:
            self._restore_file(command, stream, endpoint=endpoint, jobs=jobs)
            return
        chosen = f" -c default_toast_compression={values}" if values else ""
        with running(
            command,
            endpoint=endpoint,
            options=RESTORE_OPTIONS + chosen,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        ) as process:
            _feed(process, stream, subject=f"Restoring into {endpoint.database}")

    def _restore_file(
        self, command: list[str | Path], stream: BinaryIO, *, endpoint: Endpoint, jobs: int
    ) -> None:
        with private_folder() as folder:
            archive = folder / "schema.dump"
            archive.touch(mode=0o600)
            archive.write_bytes(stream.read())
            more: list[str | Path] = [f"--jobs={jobs}", archive]
            with running(
                [*command, *more],
                endpoint=endpoint,
                options=RESTORE_OPTIONS,
                stdout=subprocess.DEVNULL,
            ) as process:
                _check_end(process, subject=f"Restoring into {endpoint.database}")


def _chosen(member: Member) -> list[str]:
    """Return the options that choose what an archive holds; names in double quotes are taken literally."""
    if member.archive is Archive.FULL:
        return []
    if member.archive is Archive.SCHEMA:
        return ["--schema-only"]
    return [
        "--data-only",
        *(f"--table={_exactly(name)}" for name in member.only),
        *(f"--exclude-table={_exactly(name)}" for name in member.without),
    ]


def _exactly(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split(".", 1))


def _feed(process: ToolProcess, stream: BinaryIO, *, subject: str) -> None:
    """Hand the stream to pg_restore and wait for its verdict; raise `RestoreFailed`."""
    while (chunk := stream.read(PIPE_BYTES)) and process.write(chunk):
        pass
    process.close_stdin()
    _check_end(process, subject=subject)


def _check_end(process: ToolProcess, *, subject: str) -> None:
    code = process.wait()
    if code != 0:
        raise RestoreFailed(
            sentence(tool="pg_restore", subject=subject, code=code, said=process.said)
        )


class _DumpStream(io.RawIOBase):
    """pg_dump's output. At its end it asks for the exit code."""

    def __init__(self, process: ToolProcess, *, subject: str) -> None:
        super().__init__()
        self._process, self._subject = process, subject
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self.ended:
            return 0
        size = self._process.stdout.readinto(buffer)
        if size == 0:
            code = self._process.wait()
            if code != 0:
                raise DumpFailed(
                    sentence(
                        tool="pg_dump", subject=self._subject, code=code, said=self._process.said
                    )
                )
            self.ended = True
        return int(size)


class _Counter(threading.Thread):
    """Counts what a pipe gives, and throws it away."""

    def __init__(self, pipe: io.FileIO) -> None:
        super().__init__(daemon=True, name="restore-counter")
        self._pipe = pipe
        self.total = 0

    def run(self) -> None:
        buffer = bytearray(PIPE_BYTES)
        while size := self._pipe.readinto(buffer):
            self.total += size
