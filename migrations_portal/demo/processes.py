"""Child processes of the demo and the tests: as whom they run, on which port, how they end.

Only processes that this session started, or that it finds running on its own data folder, are ever ended.
"""

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrations_portal.kernel.errors import Trouble

ACCOUNTS = ("wco-demo", "nobody")
"""Who the servers run as when we are root, the first that exists."""
PORTS = range(18_000, 32_000)
"""Below the range from which Linux takes the ports of outgoing connections, so that none of them is in the way."""
SERVER_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
    "TZ": "UTC",
}


class ServerDidNotStart(Trouble):
    """A server of the demo ended, or stayed silent, instead of answering; the sentence has the end of its log."""

    code = "server-did-not-start"


class NoFreePort(Trouble):
    """No TCP port between 18000 and 32000 is free on 127.0.0.1. End other programs and try again."""

    code = "no-free-port"


@dataclass(frozen=True)
class Account:
    """The system account that servers run as: another one when we are root, otherwise our own."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether it is the account that we run as ourselves."""
        return self.uid == os.geteuid()

    def drop(self) -> dict[str, Any]:
        """Return the arguments with which `subprocess` starts a process as this account."""
        return {} if self.is_ours else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path, *, mode: int) -> None:
        """Give a file or folder to this account, with these permissions."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)

    def can_read(self, path: Path) -> bool:
        """Tell whether this account can walk to `path` and read it (and run or enter it, where it is a program or folder)."""
        if self.is_ours:
            return os.access(path, os.R_OK)
        real = path.resolve()
        if not all(self._may(parent, stat.S_IXOTH) for parent in real.parents):
            return False
        runs = real.is_dir() or os.access(real, os.X_OK)
        return self._may(real, stat.S_IROTH | (stat.S_IXOTH if runs else 0))

    def _may(self, path: Path, others: int) -> bool:
        found = path.stat()
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 0
        return found.st_mode >> shift & others == others


def service_account() -> Account:
    """Return the account for servers: `wco-demo` or `nobody` when we are root (PostgreSQL refuses root), else our own."""
    entry = pwd.getpwuid(os.geteuid()) if os.geteuid() else _first_account()
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def _first_account() -> pwd.struct_passwd:
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServerDidNotStart(
        "PostgreSQL refuses to run as root and there is no account `nobody`. Add one (useradd --system wco-demo)."
    )


def readable_copy(source: Path, *, shelf: Path, account: Account) -> Path:
    """Return `source` where the account can read it, else a copy of it below `shelf` (a venv in root's home is closed to it)."""
    if account.can_read(source):
        return source
    copy = shelf / source.name
    if not copy.exists():
        shelf.mkdir(mode=0o755, parents=True, exist_ok=True)
        half = shelf / f".{source.name}.half"
        if source.is_dir():
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(source, half, symlinks=True)
        else:
            shutil.copy2(source, half)
        half.chmod(0o755)
        half.rename(copy)
    return copy


def free_ports(count: int) -> list[int]:
    """Return different TCP ports that are free on 127.0.0.1 now; raise `NoFreePort`."""
    found: set[int] = set()
    for _ in range(200 + count):
        if len(found) == count:
            return list(found)
        port = secrets.choice(PORTS)
        if is_free(port):
            found.add(port)
    raise NoFreePort


def free_port() -> int:
    """Return one TCP port that is free on 127.0.0.1 now; raise `NoFreePort`."""
    return free_ports(1)[0]


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As servers do: ports that wait for late packets of closed connections count as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@dataclass
class Child:
    """One process that we start, watch and end. It dies with the thread that started it, where `setpriv` can arrange that."""

    name: str
    log: Path
    record: Path
    """Where its pid is kept, so that a later session can end what a killed one left behind."""
    account: Account
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        folder: Path = Path("/"),
    ) -> None:
        """Start the command in a session of its own (a Ctrl-C in the terminal does not reach it), output to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*_tie_to_parent(self.stop_signal), *map(str, command)],
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.account.drop(),
            )
        self.record.parent.mkdir(parents=True, exist_ok=True)
        pid = self.process.pid
        self.record.write_text(json.dumps({"pid": pid, "started": _start_tick(pid)}))

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code, None while it runs."""
        return self.process.poll() if self.process else None

    def tail(self, lines: int = 12) -> str:
        """Return the last lines of the log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def stop(self, *, with_signal: signal.Signals | None = None, seconds: float = 15) -> None:
        """Ask the process to end, and kill it (with its session) when it has not after so many seconds."""
        if self.process is not None and self.running:
            self.process.send_signal(with_signal or self.stop_signal)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.record.unlink(missing_ok=True)

    def end_leftover(self, *, seconds: float = 10) -> None:
        """End the process that an earlier session recorded and could not end, if it still runs (same pid, same start time)."""
        if not self.record.exists():
            return
        kept = json.loads(self.record.read_text() or "{}")
        pid, started = kept.get("pid"), kept.get("started")
        if pid and started and _start_tick(pid) == started:
            os.kill(pid, self.stop_signal)
            deadline = time.monotonic() + seconds
            while _start_tick(pid) == started and time.monotonic() < deadline:
                time.sleep(0.05)
            if _start_tick(pid) == started:
                os.kill(pid, signal.SIGKILL)
        self.record.unlink(missing_ok=True)


def _tie_to_parent(stop_signal: signal.Signals) -> list[str]:
    """Let the kernel send the stop signal when we die, by prctl(PR_SET_PDEATHSIG), which `setpriv` of util-linux sets."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG"), "--"] if setpriv else []


def _start_tick(pid: int) -> str:
    """Return field 22 of /proc/<pid>/stat, the start time in ticks since boot; empty when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
