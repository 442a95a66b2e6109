"""Starts pg_dump and pg_restore: the password in a private file, stderr bounded, never alive after us."""

import fcntl
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from psycopg.conninfo import make_conninfo

from migrations_portal.adapters import die_with_parent
from migrations_portal.adapters.silence import Silence
from migrations_portal.backups.ports import DumpToolMissing
from migrations_portal.execution.reins import current
from migrations_portal.targets.ports import Endpoint

PIPE_BYTES = 1024 * 1024
"""The largest pipe that an ordinary user may ask for (`/proc/sys/fs/pipe-max-size`)."""
PREFIX = "wco-pg-"
KEPT_STDERR = 64 * 1024
"""Bytes of the tool's last words that are kept."""
TMPFS = Path("/dev/shm")  # noqa: S108  # memory, not a disk; used for a folder with a random name and mode 0700


SERVER_SILENT = "\nerror: the server does not answer any more\n"
"""The last word of a tool that we ended for its server's silence, in the form of its own."""
LOOK_SECONDS = 1.0


def _unheard(_line: str) -> None:
    """Listen to nothing."""


class ToolProcess:
    """One started tool. Does not judge its exit code."""

    def __init__(
        self, popen: subprocess.Popen[bytes], *, on_line: Callable[[str], None] = _unheard
    ) -> None:
        """Listen to what the tool says, so that it never waits for a reader; `on_line` hears each line, in another thread."""
        self._popen = popen
        self._on_line = on_line
        self._stderr = bytearray()
        self._silent = False
        self._listener = threading.Thread(
            target=self._listen, daemon=True, name=f"stderr-{popen.pid}"
        )
        self._listener.start()

    def _listen(self) -> None:
        pipe = _open(self._popen.stderr)
        rest = b""
        while chunk := pipe.read(4096):
            self._stderr += chunk
            del self._stderr[:-KEPT_STDERR]
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._on_line(line.decode("utf-8", errors="replace"))

    @property
    def stdout(self) -> io.FileIO:
        """The pipe that the tool writes to."""
        return _open(self._popen.stdout)

    @property
    def said(self) -> str:
        """What the tool said on stderr, as it said it. Not for people: see `pg_tool_words`."""
        last = SERVER_SILENT if self._silent else ""
        return self._stderr.decode("utf-8", errors="replace") + last

    def write(self, data: bytes) -> bool:
        """Write to the tool's stdin; return False when it reads no more (its exit code says why)."""
        pipe, rest = _open(self._popen.stdin), memoryview(data)
        try:
            while rest:
                rest = rest[pipe.write(rest) :]
        except BrokenPipeError:
            return False
        return True

    def close_stdin(self) -> None:
        """Say that nothing more comes."""
        _open(self._popen.stdin).close()

    def wait(self) -> int:
        """Wait for the end and return the exit code; negative for a signal."""
        code = self._popen.wait()
        self._listener.join()
        return code

    def kill(self) -> None:
        """End it now."""
        self._popen.kill()

    def listen_for(self, endpoint: Endpoint) -> None:
        """End it when it moves nothing and its server does not answer any more (in a thread, while it runs)."""
        threading.Thread(
            target=self._listen_for,
            args=(endpoint,),
            daemon=True,
            name=f"silence-{self._popen.pid}",
        ).start()

    def _listen_for(self, endpoint: Endpoint) -> None:
        silence, moved = Silence(endpoint.host, endpoint.port), -1
        while self._popen.poll() is None:
            now = _moved(self._popen.pid)
            if now != moved:
                moved = now
                silence.heard()
            elif silence.is_lost():
                self._silent = True
                self.kill()
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """End it because its run is stopped; the reader then sees a tool that failed."""
        self.kill()

    def close(self) -> None:
        """End it if it still runs, and close its pipes."""
        if self._popen.poll() is None:
            self._popen.kill()
        self.wait()
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()


def _moved(pid: int) -> int:
    """Return how many bytes the process has read and written; what goes over sockets is not counted. -1 when it is gone."""
    try:
        counts = Path(f"/proc/{pid}/io").read_text().split()
    except OSError:
        return -1
    return int(counts[1]) + int(counts[3])


def _open(pipe: IO[bytes] | None) -> io.FileIO:
    if not isinstance(pipe, io.FileIO):
        raise TypeError("the process was started without this pipe, or with a buffer")
    return pipe


def conninfo(endpoint: Endpoint, *, application_name: str) -> str:
    """Return the connection string for the command line; it holds no password."""
    return make_conninfo(
        host=endpoint.host,
        port=endpoint.port,
        dbname=endpoint.database,
        user=endpoint.user,
        application_name=application_name,
        connect_timeout=5,
        sslmode="prefer",
        keepalives_idle=10,
        tcp_user_timeout=30_000,
    )


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    endpoint: Endpoint | None = None,
    options: str = "",
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    on_line: Callable[[str], None] = _unheard,
) -> Iterator[ToolProcess]:
    """Start a tool; whatever happens, it is over when the block ends. Raises `DumpToolMissing`."""
    tool = Path(command[0])
    check_there(tool)
    with private_folder() as folder:
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(folder)}
        if endpoint is not None:
            env |= {
                "PGPASSFILE": str(_write_passfile(folder, endpoint.password)),
                "PGOPTIONS": options,
            }
        launcher = [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())]
        popen = subprocess.Popen(
            [*launcher, *map(str, command)],
            env=env,
            cwd="/",
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C at a terminal is for us; we end the tool
        )
        process = ToolProcess(popen, on_line=on_line)
        try:
            for pipe in (popen.stdin, popen.stdout):
                _widen(pipe)
            if endpoint is not None:
                process.listen_for(endpoint)
            with current().attached(process):
                yield process
        finally:
            process.close()


def check_there(tool: Path) -> None:
    """Raise `DumpToolMissing`, saying what to install, unless `tool` can be run."""
    if not (tool.is_file() and os.access(tool, os.X_OK)):
        raise DumpToolMissing(
            f"{tool} is not there or cannot be run. Install the PostgreSQL client tools on this worker, "
            "or let WCO_PG_BIN name the folder that holds pg_dump and pg_restore."
        )


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only we can enter, in memory where there is a tmpfs, and remove it afterwards."""
    home = TMPFS if os.access(TMPFS, os.W_OK | os.X_OK) else None
    _sweep(home or Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=home))  # mode 0700
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _sweep(home: Path) -> None:
    """Remove what a process of this user left behind when it was killed: its password must not outlive it."""
    for left in home.glob(f"{PREFIX}[0-9]*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if Path("/proc", pid).exists():
            continue
        try:
            ours = left.lstat().st_uid == os.geteuid()
        except FileNotFoundError:  # another worker sweeps at the same time
            continue
        if ours:
            shutil.rmtree(left, ignore_errors=True)


def _write_passfile(folder: Path, password: str) -> Path:
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    path = folder / "pgpass"
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
    return path


def _widen(pipe: IO[bytes] | None) -> None:
    """Fewer switches between us and the tool. Without the larger pipe it works too, only slower."""
    if pipe is not None:
        try:
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except PermissionError:
            return  # the machine's limit for this user is smaller
